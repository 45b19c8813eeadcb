//! Serves a port until the node stops.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::accept::coming;
use super::bind::Listener;
use super::caller::Caller;
use super::connection::{Answers, OfCaller, converse, told};
use super::greeting::Greeted;
use super::limits::Limits;
use super::places::Connections;
use super::protocol::protocol;
use super::rate::Rate;

/// Lets `answers` answer whoever comes to `listener`, until `stop` holds true or its sender is
/// gone; then answers what is under way. Dropped, it closes every connection.
pub(in crate::server) async fn serve(
    listener: Listener,
    answers: impl Answers,
    allows: Limits,
    connections: Connections,
    mut stop: watch::Receiver<bool>,
) {
    let speaking = Arc::new((protocol(&allows), allows));
    let mut open = JoinSet::new();
    {
        let mut coming = pin!(coming(listener, connections.clone()));
        loop {
            let (socket, seat) = tokio::select! {
                biased;
                () = told(&mut stop) => break,
                Some(_) = open.join_next() => continue,
                Some(came) = coming.next() => came,
            };
            let per_second = speaking.1.rate;
            let caller = Caller {
                remote: socket.remote(),
                local: socket.local(),
                identity: None,
                rate: per_second.map(|it| Arc::new(Rate::new(it, connections.clone()))),
            };
            let requests = OfCaller::new(answers.clone(), caller);
            let (speaking, stop) = (Arc::clone(&speaking), stop.clone());
            open.spawn(async move {
                let (protocol, allows) = &*speaking;
                // The file is closed before its place is another's.
                let io = Greeted::new(socket, allows.greeting, seat);
                converse(io, requests, protocol, allows, stop).await;
            });
        }
    }
    // Nobody can come any more.
    while open.join_next().await.is_some() {}
}
