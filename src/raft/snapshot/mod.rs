//! Snapshots between members: all rows of a shard in checked chunks, from a frozen view
//! at the leader to a sealed replacement at the follower.
//!
//! A transfer that breaks off is taken up where it was, as long as the leader still has
//! the view; until then its log is kept from there on.

mod receive;
mod send;
mod shelf;
mod traffic;

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

pub(super) use receive::{Receiver, read_open, read_piece};
pub(super) use send::send;
pub(super) use shelf::Shelf;
pub use traffic::SnapshotFigures;
pub(super) use traffic::Traffic;

use super::types::SnapshotMeta;
use crate::engine::View;

/// A machine at one moment.
pub struct Frozen {
    /// The mark it had.
    pub mark: Option<Bytes>,
    /// Its rows.
    pub view: Arc<dyn View>,
}

/// A snapshot on its way out of, or into, a machine.
pub(super) enum SnapshotData {
    /// Only its position is meant.
    Position,
    /// The rows to be sent.
    Outgoing(Arc<Outgoing>),
    /// The rows have come, and wait beside the engine's own.
    Sealed,
}

/// Rows to be sent, and what they are of.
pub(super) struct Outgoing {
    meta: SnapshotMeta,
    pub(super) view: Arc<dyn View>,
    /// When it was of use last: frozen, or taken in by a follower.
    used: Mutex<Instant>,
}

impl Outgoing {
    pub(super) fn new(meta: SnapshotMeta, view: Arc<dyn View>) -> Self {
        Self {
            meta,
            view,
            used: Mutex::new(Instant::now()),
        }
    }

    /// A follower has taken a piece of it.
    fn note_use(&self) {
        *self.used.lock() = Instant::now();
    }

    pub(super) fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }
}
