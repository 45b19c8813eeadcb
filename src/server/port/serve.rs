//! Serves a port until the node stops.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::accept::coming;
use super::bind::Listener;
use super::caller::Caller;
use super::connection::{Answers, OfCaller, converse, told};
use super::greeting::Greeted;
use super::limits::Limits;
use super::places::{Connections, Seat};
use super::protocol::{Protocol, protocol};
use super::rate::Rate;
use super::security::Security;
use super::socket::Socket;
use crate::tls::Peer;

/// How long what is under way may take once a caller is not trusted any more.
const FAREWELL: Duration = Duration::from_secs(5);

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
        protocol: protocol(&allows),
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
            open.spawn(async move { house.receive(socket, seat, answers, stop).await });
        }
    }
    // Nobody can come any more.
    while open.join_next().await.is_some() {}
}

/// What is the same for all connections of a port.
struct House {
    protocol: Protocol,
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
        answers: impl Answers,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut caller = self.caller(&socket);
        let Some(security) = &self.security else {
            let io = Greeted::new(socket, self.allows.greeting, seat);
            let requests = OfCaller::new(answers, caller);
            return converse(io, requests, &self.protocol, &self.allows, told(&mut stop)).await;
        };
        let securing = tokio::select! {
            secured = security.secure(socket) => secured,
            () = told(&mut stop) => return,
        };
        self.connections.count_handshake(securing.is_ok());
        let secure = match securing {
            Ok(secure) => secure,
            Err(why) => {
                tracing::debug!(%caller, %why, "a connection is not secure");
                return;
            }
        };
        let identity = secure.peer.as_ref().map(Peer::identity);
        caller.identity = identity.cloned().map(Arc::new);
        let lost = std::pin::pin!(lost(security, secure.peer.as_ref(), &caller).shared());
        let io = Greeted::new(secure.stream, self.allows.greeting, seat);
        let requests = OfCaller::new(answers, caller.clone());
        let over = async {
            tokio::select! {
                () = told(&mut stop) => {}
                () = lost.clone() => {}
            }
        };
        let cut = async {
            lost.clone().await;
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            () = converse(io, requests, &self.protocol, &self.allows, over) => {}
            () = cut => tracing::debug!(%caller, "what it was answered took too long: cut off"),
        }
    }

    fn caller(&self, socket: &Socket) -> Caller {
        let rate = self.allows.rate;
        Caller {
            remote: socket.remote(),
            local: socket.local(),
            identity: None,
            rate: rate.map(|it| Arc::new(Rate::new(it, self.connections.clone()))),
        }
    }
}

/// Resolves once who called would not be let in any more.
async fn lost(security: &Security, peer: Option<&Peer>, caller: &Caller) {
    let Some(peer) = peer else {
        return std::future::pending().await;
    };
    let why = security.is_lost(peer).await;
    tracing::info!(%caller, %why, "a connection ends");
}
