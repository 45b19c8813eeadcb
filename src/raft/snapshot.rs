//! Snapshots between members.

use std::sync::Arc;

use openraft::errors::{StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use openraft::type_config::alias::SnapshotOf;

use super::calls::Calls;
use super::types::{Types, Vote};
use crate::base::types::NodeId;
use crate::wal::GroupId;

/// A snapshot on its way out of, or into, a machine.
pub enum SnapshotData {
    /// Only its position is meant.
    Position,
}

pub(super) async fn send(
    _calls: &Arc<Calls>,
    _to: NodeId,
    _group: GroupId,
    _vote: Vote,
    _snapshot: SnapshotOf<Types, SnapshotData>,
) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
    Err(StreamingError::Unreachable(Unreachable::from_string(
        "snapshots are not sent yet",
    )))
}
