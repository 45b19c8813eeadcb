//! What a group's snapshots came to, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters. Bumped where it happens.
#[derive(Debug, Default)]
pub(in crate::raft) struct Traffic {
    sent: AtomicU64,
    sent_bytes: AtomicU64,
    installed: AtomicU64,
    received_bytes: AtomicU64,
}

/// What a group's snapshots had come to at one moment, since the node was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotFigures {
    /// Snapshots that a member has installed, which this node sent to it.
    pub sent: u64,
    /// Chunks that this node sent, bytes; what was sent twice counts twice.
    pub sent_bytes: u64,
    /// Snapshots that came whole, and were installed here.
    pub installed: u64,
    /// Chunks that this node took in, bytes.
    pub received_bytes: u64,
}

impl Traffic {
    pub(super) fn chunk_sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn was_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn chunk_received(&self, bytes: usize) {
        self.received_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn was_installed(&self) {
        self.installed.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::raft) fn figures(&self) -> SnapshotFigures {
        SnapshotFigures {
            sent: self.sent.load(Ordering::Relaxed),
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
            installed: self.installed.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
        }
    }
}
