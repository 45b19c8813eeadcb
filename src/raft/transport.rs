//! How nodes of a cluster reach each other: opaque frames between peers.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::types::NodeId;

/// Frames of one lane keep their order; lanes never wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Log entries and their answers: much, and in order.
    Data,
    /// Heartbeats and votes: little, and never behind data.
    Heartbeat,
    /// Pieces of snapshots: more than everything else, and in no hurry.
    Snapshot,
}

/// Receives what the transport brings to this node.
pub trait Peer: Send + Sync {
    /// A frame of `from` has come. Must not block.
    fn receive(&self, from: NodeId, lane: Lane, frame: Bytes);

    /// Frames that were given to the network for `to` lately may never arrive.
    fn lost(&self, _to: NodeId, _lane: Lane) {}
}

/// Carries frames between nodes.
///
/// Promised: frames of one lane between two nodes arrive in order, each at most once,
/// unchanged. Not promised: that a frame arrives at all, or when.
pub trait PeerTransport: Send + Sync {
    /// Gives `frame` to the network.
    fn send(&self, to: NodeId, lane: Lane, frame: Bytes);

    /// False if a frame given to the network now would be lost for sure.
    fn reaches(&self, _to: NodeId, _lane: Lane) -> bool {
        true
    }

    /// Names who receives this node's frames; the last one named does.
    fn receive_with(&self, peer: Arc<dyn Peer>);
}
