//! How a shard is doing.

use crate::base::histogram::HistogramSnapshot;
use crate::base::types::{LogIndex, Revision};
use crate::engine::EngineStats;

/// How a shard is doing, at this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// The revision of its last change.
    pub revision: Revision,
    /// The last entry applied.
    pub applied: LogIndex,
    /// The state hash there.
    pub state_hash: u64,
    /// Keys, softly expired ones included.
    pub keys: u64,
    /// Held locks.
    pub locks: u64,
    /// Clients remembered for at-most-once writes.
    pub sessions: u64,
    /// The first revision that history holds.
    pub history_floor: Revision,
    /// What history takes in memory, bytes, about.
    pub history_bytes: u64,
    /// How many events it holds.
    pub history_events: u64,
    /// The last entry that a checkpoint covers.
    pub durable: LogIndex,
    /// Commands that no checkpoint covers: what a restart would apply again.
    pub uncovered_commands: u64,
    /// Their weight, bytes.
    pub uncovered_bytes: u64,
    /// Writes that were taken and are not applied yet, bytes.
    pub inflight_bytes: u64,
    /// Segments of the log that cannot go because of this shard.
    pub pinned_segments: u64,
    /// How large the engine is, and what of it waits for a checkpoint.
    pub engine: EngineStats,
    /// How long each checkpoint took, microseconds.
    pub checkpoint_us: HistogramSnapshot,
    /// What the checkpoints wrote whole, bytes.
    pub checkpoint_bytes: u64,
    /// Checkpoints that found no room on the disk.
    pub checkpoints_refused: u64,
    /// Why writes are refused, if the engine's disk is full.
    pub read_only: Option<String>,
}
