//! What went to a peer and came from it, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::lane;
use crate::base::types::NodeId;
use crate::raft::Lane;

/// The counters of one lane of one peer.
#[derive(Default)]
pub(super) struct LaneCounters {
    frames_sent: AtomicU64,
    bytes_sent: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
    dropped: AtomicU64,
    accepted: AtomicU64,
}

/// The counters of one peer.
#[derive(Default)]
pub(super) struct PeerCounters {
    lanes: [LaneCounters; lane::LANES.len()],
}

/// A peer's figures at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct PeerFigures {
    /// The peer.
    pub(in crate::server) node: NodeId,
    /// Where it is called.
    pub(in crate::server) address: String,
    /// `data`, `heartbeat`, `snapshot`.
    pub(in crate::server) lanes: [LaneFigures; lane::LANES.len()],
}

/// The figures of one lane. What came is counted on the lane it
/// came on, over whichever connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct LaneFigures {
    /// The lane's name.
    pub(in crate::server) lane: &'static str,
    /// The peer has accepted this node's link, and it holds.
    pub(in crate::server) is_connected: bool,
    /// Bytes that wait for the network.
    pub(in crate::server) queued_bytes: usize,
    /// Frames given to the network.
    pub(in crate::server) frames_sent: u64,
    /// Their bytes.
    pub(in crate::server) bytes_sent: u64,
    /// Frames that came.
    pub(in crate::server) frames_received: u64,
    /// Their bytes.
    pub(in crate::server) bytes_received: u64,
    /// Frames that were not sent: no link, no room, or too large.
    pub(in crate::server) frames_dropped: u64,
    /// Links accepted after the first.
    pub(in crate::server) reconnects: u64,
}

impl PeerCounters {
    pub(super) fn lane(&self, lane: Lane) -> &LaneCounters {
        &self.lanes[lane::place(lane)]
    }
}

impl LaneCounters {
    pub(super) fn sent(&self, frames: &[Bytes]) {
        add(&self.frames_sent, frames.len());
        add(&self.bytes_sent, frames.iter().map(Bytes::len).sum());
    }

    pub(super) fn received(&self, frames: &[Bytes]) {
        add(&self.frames_received, frames.len());
        add(&self.bytes_received, frames.iter().map(Bytes::len).sum());
    }

    pub(super) fn dropped(&self, frames: usize) {
        add(&self.dropped, frames);
    }

    pub(super) fn accepted(&self) {
        add(&self.accepted, 1);
    }

    /// All but what the link itself knows.
    pub(super) fn figures(&self, lane: Lane) -> LaneFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LaneFigures {
            lane: lane::name(lane),
            is_connected: false,
            queued_bytes: 0,
            frames_sent: read(&self.frames_sent),
            bytes_sent: read(&self.bytes_sent),
            frames_received: read(&self.frames_received),
            bytes_received: read(&self.bytes_received),
            frames_dropped: read(&self.dropped),
            reconnects: read(&self.accepted).saturating_sub(1),
        }
    }
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}
