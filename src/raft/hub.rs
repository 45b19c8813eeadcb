//! Where frames of other nodes arrive: each goes to its group, or to whoever waits for
//! an answer.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use prost::Message;

use super::calls::{Calls, failure};
use super::inbound::Inbound;
use super::transport::{Lane, Peer, PeerTransport};
use crate::base::Error;
use crate::base::host::Spawn;
use crate::base::types::NodeId;
use crate::proto::peer;
use crate::proto::peer::frame::Body;
use crate::wal::GroupId;

/// All groups of a node behind its one transport. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    calls: Arc<Calls>,
    spawn: Arc<dyn Spawn>,
    groups: RwLock<BTreeMap<GroupId, Arc<Inbound>>>,
}

impl Hub {
    /// Takes over the frames of `transport`. What groups read and write of snapshots is
    /// done by `spawn`.
    pub fn new(transport: &Arc<dyn PeerTransport>, spawn: &Arc<dyn Spawn>) -> Self {
        let inner = Arc::new(Inner {
            calls: Arc::new(Calls::new(transport.clone())),
            spawn: spawn.clone(),
            groups: RwLock::default(),
        });
        transport.receive_with(inner.clone());
        Self { inner }
    }

    pub(super) fn calls(&self) -> &Arc<Calls> {
        &self.inner.calls
    }

    pub(super) fn spawn(&self) -> &Arc<dyn Spawn> {
        &self.inner.spawn
    }

    /// From now on the group's frames go to `inbound`.
    pub(super) fn add(&self, group: GroupId, inbound: Arc<Inbound>) {
        self.inner.groups.write().insert(group, inbound);
    }

    pub(super) fn remove(&self, group: GroupId) {
        self.inner.groups.write().remove(&group);
    }
}

impl Peer for Inner {
    fn lost(&self, to: NodeId, lane: Lane) {
        self.calls.lost(to, lane);
    }

    fn receive(&self, from: NodeId, lane: Lane, frame: Bytes) {
        let peer::Frame { group, id, body } = match peer::Frame::decode(frame) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(%from, %error, "a frame cannot be read");
                return;
            }
        };
        let Some(body) = body else {
            let newer = Error::invalid("this node does not know such a request: upgrade it");
            self.calls.send(from, lane, group, id, failure(&newer));
            return;
        };
        if is_answer(&body) {
            self.calls.answered(from, id, body);
            return;
        }
        let inbound = self.groups.read().get(&group).cloned();
        match inbound {
            Some(inbound) => inbound.request(from, lane, id, body),
            None => {
                let unknown = Error::unavailable(format!("shard {group} does not run here (yet)"));
                self.calls.send(from, lane, group, id, failure(&unknown));
            }
        }
    }
}

fn is_answer(body: &Body) -> bool {
    match body {
        Body::AppendReply(_)
        | Body::VoteReply(_)
        | Body::ReadIndexReply(_)
        | Body::ForwardReply(_)
        | Body::TransferReply(_)
        | Body::SnapshotReply(_)
        | Body::StateHashReply(_)
        | Body::DivergedReply(_)
        | Body::Failure(_) => true,
        Body::Append(_)
        | Body::Vote(_)
        | Body::ReadIndex(_)
        | Body::Forward(_)
        | Body::Transfer(_)
        | Body::SnapshotOpen(_)
        | Body::SnapshotChunk(_)
        | Body::StateHash(_)
        | Body::Diverged(_) => false,
    }
}
