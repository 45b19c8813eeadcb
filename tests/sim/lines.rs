//! Streams of watches between those who watch and a node, as a connection carries them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::sleep;

use dkv::proto::v1;
use dkv::server::{Node, simulated};

use crate::machine::Machine;

/// Requests on their way, more than anybody makes.
const REQUESTS_MAX: usize = 64;

/// Replies on their way: so few that a node feels whoever does not read.
const REPLIES_MAX: usize = 1;

/// The end of whoever watches; dropped, it hangs up.
pub(crate) struct Line {
    asks: mpsc::Sender<v1::WatchRequest>,
    hears: mpsc::Receiver<v1::WatchReply>,
}

/// The end of the node.
pub(crate) struct Wire {
    asked: mpsc::Receiver<v1::WatchRequest>,
    says: mpsc::Sender<v1::WatchReply>,
}

pub(crate) fn open() -> (Line, Wire) {
    let (asks, asked) = mpsc::channel(REQUESTS_MAX);
    let (says, hears) = mpsc::channel(REPLIES_MAX);
    (Line { asks, hears }, Wire { asked, says })
}

impl Line {
    pub(crate) fn ask(&self, request: v1::watch_request::Request) {
        let request = Some(request);
        // A node that died hears nothing; that shows when it says nothing any more.
        let _is_sent = self.asks.try_send(v1::WatchRequest { request });
    }

    /// What comes next; `None` if the other end is gone.
    pub(crate) async fn next(&mut self) -> Option<v1::WatchReply> {
        self.hears.recv().await
    }
}

impl Wire {
    /// Serves it until somebody hangs up.
    pub(crate) async fn serve(self, machine: Arc<Machine>, node: Arc<Node>) {
        let Self { asked, says } = self;
        let requests = stream::unfold(asked, |mut asked| async move {
            let request = asked.recv().await?;
            Some((request, asked))
        });
        let mut replies = std::pin::pin!(simulated::watches(&node, requests));
        // Nothing is asked for before there is room for it, as on a real connection.
        while let Ok(room) = says.reserve().await {
            let said = tokio::select! {
                biased;
                () = says.closed() => return,
                said = replies.next() => said,
            };
            while machine.is_paused() {
                sleep(Duration::from_millis(1)).await;
            }
            match said {
                // A node that cannot go on says nothing more.
                Some(Ok(reply)) if node.fatal.reason().is_none() => room.send(reply),
                Some(Err(status)) => return machine.is_wrong(status),
                _ => return,
            }
        }
    }
}
