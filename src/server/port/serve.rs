//! Serves a port until the node stops.

use std::pin::pin;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::accept::coming;
use super::bind::Listener;
use super::caller::Caller;
use super::connection::{Answers, OfCaller, converse, told};
use super::greeting::Greeted;
use super::limits::Limits;
use super::pace::Pace;
use super::places::{Connections, Seat};
use super::protocol::{Protocol, protocol};
use super::rate::Rate;
use super::security::{Secure, Security, Whose};
use super::socket::Socket;
use super::turns::{Executor, InTurn};

/// Lets `answers` answer whoever comes to `listener`, until `stop` holds true or its sender is
/// gone; then answers what is under way. With `security`, whoever comes over TCP speaks TLS.
/// Dropped, it closes every connection.
pub(in crate::server) async fn serve(
    listener: Listener,
    answers: impl Answers,
    allows: Limits,
    connections: Connections,
    security: Option<Security>,
    mut stop: watch::Receiver<bool>,
) {
    let house = Arc::new(House {
        allows,
        connections: connections.clone(),
        security: security.filter(|_| listener.is_of_network()),
    });
    let mut open = JoinSet::new();
    {
        let mut coming = pin!(coming(listener, connections));
        loop {
            let (socket, seat) = tokio::select! {
                biased;
                () = told(&mut stop) => break,
                Some(_) = open.join_next() => continue,
                Some(came) = coming.next() => came,
            };
            let (house, answers, stop) = (house.clone(), answers.clone(), stop.clone());
            let (turns, pace) = (Arc::clone(&seat.shared().turns), Pace::new());
            let of_turn = Arc::clone(&pace);
            let received = async move { house.receive(socket, seat, pace, answers, stop).await };
            open.spawn(InTurn::new(received, turns, of_turn));
        }
    }
    // Nobody can come any more.
    while open.join_next().await.is_some() {}
}

/// What is the same for all connections of a port.
struct House {
    allows: Limits,
    connections: Connections,
    security: Option<Security>,
}

impl House {
    /// A connection, from its acceptance to its end. Its file is closed before its `seat` is
    /// another's.
    async fn receive(
        &self,
        socket: Socket,
        seat: Seat,
        pace: Arc<Pace>,
        answers: impl Answers,
        mut stop: watch::Receiver<bool>,
    ) {
        let caller = self.caller(&socket);
        // Boxed, for a connection of one kind has no room for the other.
        match &self.security {
            None => {
                let protocol = self.protocol(&seat);
                let requests = OfCaller::new(answers, caller, &seat.shared().crowd);
                let io = Greeted::new(socket, self.allows.greeting, pace, seat);
                let stopped = told(&mut stop);
                Box::pin(converse(io, requests, &protocol, &self.allows, stopped)).await;
            }
            Some(security) => {
                let secured = Box::pin(self.secured(security, socket, &seat, &caller, &mut stop));
                if let Some(secure) = secured.await {
                    let ending = Ending { security, stop };
                    let io = (seat, pace);
                    Box::pin(self.receive_secure(secure, io, caller, answers, ending)).await;
                }
            }
        }
    }

    /// A connection that is secure; nothing if that did not come about.
    async fn secured(
        &self,
        security: &Security,
        socket: Socket,
        seat: &Seat,
        caller: &Caller,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<Secure> {
        let mut handshake = seat.handshake();
        let securing = tokio::select! {
            secured = security.secure(socket, self.allows.handshake) => secured,
            () = told(stop) => return None,
            () = handshake.over() => return None,
        };
        self.connections.handshakes().count(securing.is_ok());
        securing.inspect_err(|why| security.tell(caller, why)).ok()
    }

    async fn receive_secure(
        &self,
        secure: Secure,
        (seat, pace): (Seat, Arc<Pace>),
        mut caller: Caller,
        answers: impl Answers,
        mut ending: Ending<'_>,
    ) {
        let Secure { stream, whose } = secure;
        if let Whose::Peer(peer) = &whose {
            caller.identity = Some(Arc::new(peer.identity().clone()));
        }
        let lost = async {
            let why = ending.security.is_over(&whose).await;
            tracing::info!(%caller, %why, "a connection ends");
        };
        let lost = pin!(lost.shared());
        let protocol = self.protocol(&seat);
        let requests = OfCaller::new(answers, caller.clone(), &seat.shared().crowd);
        let io = Greeted::new(stream, self.allows.greeting, pace, seat);
        let over = async {
            tokio::select! {
                () = told(&mut ending.stop) => {}
                () = lost.clone() => {}
            }
        };
        let cut = async {
            lost.clone().await;
            tokio::time::sleep(self.allows.distrust).await;
        };
        tokio::select! {
            () = converse(io, requests, &protocol, &self.allows, over) => {}
            () = cut => tracing::debug!(%caller, "what it was answered took too long: cut off"),
        }
    }

    fn protocol(&self, seat: &Seat) -> Protocol {
        protocol(&self.allows, Executor::new(&seat.shared().turns))
    }

    fn caller(&self, socket: &Socket) -> Caller {
        let rate = self.allows.rate;
        Caller {
            remote: socket.remote(),
            local: socket.local(),
            identity: None,
            allowances: self.connections.allow(),
            rate: rate.map(|it| Arc::new(Rate::new(it, self.connections.clone()))),
        }
    }
}

/// What ends a connection that its caller does not end.
struct Ending<'a> {
    security: &'a Security,
    stop: watch::Receiver<bool>,
}
