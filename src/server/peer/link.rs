//! The task that keeps one lane to one peer open.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;
use tonic::transport::Channel;

use super::backoff::Backoff;
use super::dial;
use super::lane;
use super::myself::Myself;
use super::outgoing::Outgoing;
use super::queue::Queue;
use crate::base::host::Rng;
use crate::base::types::NodeId;
use crate::proto::peer;
use crate::proto::peer::peer_client::PeerClient;
use crate::raft::Lane;

/// A peer that takes the connection and then says nothing is called again: it waits for a
/// greeting for 5 s itself.
const ACCEPT_WITHIN: Duration = Duration::from_secs(6);

/// A link with nothing to carry says so this often.
const BEAT: Duration = Duration::from_secs(1);

/// One lane to one peer.
pub(super) struct Link {
    pub(super) myself: Arc<Myself>,
    pub(super) to: NodeId,
    pub(super) address: String,
    pub(super) channel: Channel,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) rng: Arc<dyn Rng>,
    /// Called when an open link is over: what it carried last may be lost.
    pub(super) lost: Arc<dyn Fn() + Send + Sync>,
}

impl Link {
    /// Calls, and calls again, for as long as the task lives.
    pub(super) async fn keep(self) {
        let mut backoff = Backoff::new(self.rng.clone());
        let mut told = String::new();
        loop {
            let began = Instant::now();
            let (was_open, reason) = self.hold(&mut told).await;
            if was_open {
                (self.lost)();
                backoff.held(began.elapsed());
            }
            self.tell(&mut told, reason);
            sleep(backoff.pause()).await;
        }
    }

    /// One link, from the call to its end: whether it was open, and why it is not.
    async fn hold(&self, told: &mut String) -> (bool, String) {
        if self.myself.cluster().is_none() {
            return (false, "this node belongs to no cluster yet".to_owned());
        }
        let queue = self.outgoing.queue();
        let mut client = PeerClient::new(self.channel.clone());
        let calling = client.link(self.messages(queue.clone()));
        let mut replies = match timeout(ACCEPT_WITHIN, calling).await {
            Ok(Ok(accepted)) => accepted.into_inner(),
            Ok(Err(status)) => return (false, why(&status)),
            Err(_) => return (false, "no answer".to_owned()),
        };
        let _open = self.outgoing.open(queue);
        self.tell_open(told);
        loop {
            match replies.message().await {
                Ok(Some(peer::LinkReply {})) => {}
                Ok(None) => return (true, "the peer ended the link".to_owned()),
                Err(status) => return (true, why(&status)),
            }
        }
    }

    /// What goes out: the greeting, then whatever `queue` has, until it is closed.
    fn messages(&self, queue: Arc<Queue>) -> impl Stream<Item = peer::LinkMessage> + use<> {
        let greeting = peer::LinkHello {
            from: Some(self.myself.identity()),
            to: Bytes::copy_from_slice(&self.to.0),
            lane: lane::number(self.outgoing.lane),
            incarnation: self.myself.incarnation(),
        };
        let outgoing = self.outgoing.clone();
        stream::unfold(
            (Some(greeting), queue, outgoing),
            async |(greeting, queue, outgoing)| {
                let frames = match &greeting {
                    Some(_) => Vec::new(),
                    None => timeout(BEAT, queue.take())
                        .await
                        .unwrap_or(Some(Vec::new()))?,
                };
                outgoing.sent(&frames);
                let message = peer::LinkMessage {
                    hello: greeting,
                    frames,
                };
                Some((message, (None, queue, outgoing)))
            },
        )
    }

    /// Logs why there is no link, once for each reason. The heartbeats speak for all
    /// lanes.
    fn tell(&self, told: &mut String, reason: String) {
        if *told == reason {
            return;
        }
        let (lane, to, address) = (lane::name(self.outgoing.lane), self.to, &self.address);
        match self.outgoing.lane {
            Lane::Heartbeat => {
                tracing::warn!(%to, address, reason, "no link to a peer: trying again");
            }
            _ => tracing::debug!(%to, address, lane, reason, "no link to a peer: trying again"),
        }
        *told = reason;
    }

    fn tell_open(&self, told: &mut String) {
        let (lane, to, address) = (lane::name(self.outgoing.lane), self.to, &self.address);
        match self.outgoing.lane {
            Lane::Heartbeat => tracing::info!(%to, address, "linked to a peer"),
            _ => tracing::debug!(%to, address, lane, "linked to a peer"),
        }
        told.clear();
    }
}

/// Why a link is over: the peer's own words, or the system's.
fn why(status: &Status) -> String {
    match std::error::Error::source(status) {
        Some(source) => dial::reason(source),
        None => status.message().to_owned(),
    }
}
