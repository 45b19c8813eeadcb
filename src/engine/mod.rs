//! Ordered bytes: tables of keys and values, changed in atomic batches.
//!
//! Invariant: an engine knows neither what its rows mean nor what time it is,
//! and a batch is all there or not at all.

pub mod batch;
pub mod error;
pub mod memory;
mod poison;
pub mod redb;
mod tree;

#[cfg(test)]
pub(crate) mod conformance;

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::types::LogIndex;
pub use batch::{Batch, Op, Table};
pub use error::EngineError;

/// Sees the key and the value of each row of a scan, until it breaks.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// Reading rows. Keys are in byte order.
pub trait Read {
    /// The value of a row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// Visits the rows with `start <= key < end` in order (`end` of `None`: to the
    /// last row) until the visitor breaks.
    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError>;
}

/// A frozen state: it never changes, whatever is committed later, and it is
/// cheap to take and to hold. It ends with its engine.
pub trait View: Read + Send + Sync {}

/// A store of ordered bytes.
///
/// Duties of an implementation:
/// - `commit` makes the whole batch visible at once, or nothing of it. Within a
///   batch the last operation on a row wins. It need not be durable: that comes
///   from the log, until a checkpoint's job returns.
/// - after any error from `commit` or a checkpoint's job other than `OutOfSpace`
///   the engine is poisoned: every later call fails with `Poisoned`.
/// - reopening gives the state of the last finished checkpoint, never part of one.
pub trait Engine: Read + Send + Sync {
    /// Applies a batch.
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError>;

    /// Freezes the present state.
    fn view(&self) -> Arc<dyn View>;

    /// Prepares to make the present state, which reflects the log up to `covers`,
    /// durable. The job runs without the engine's owner, on any thread, one at a
    /// time; when it returns, reopening gives a state that covers that index.
    fn checkpoint(&mut self, covers: LogIndex) -> CheckpointJob;

    /// The log index that a reopened engine would cover: what the log may drop.
    fn durable_index(&self) -> LogIndex;

    /// How large it is, and what of it waits for a checkpoint.
    fn stats(&self) -> EngineStats;

    /// The next piece of background work, if there is any: short, never needed for
    /// what is promised, and run like a checkpoint's job, never beside one.
    fn upkeep(&self) -> Option<UpkeepJob> {
        None
    }
}

/// The slow part of a checkpoint.
pub type CheckpointJob = Box<dyn FnOnce() -> Result<Checkpointed, EngineError> + Send>;

/// What a checkpoint wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpointed {
    /// The log index it covers.
    pub covers: LogIndex,
    /// What it wrote whether it had changed or not, bytes: the next one will too, so
    /// it should not come too soon. 0 for an engine that writes changes only.
    pub bytes: u64,
}

/// A piece of background work.
pub type UpkeepJob = Box<dyn FnOnce() -> Result<(), EngineError> + Send>;

/// Sizes of an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Its files, bytes.
    pub disk_bytes: u64,
    /// Changed rows that only memory and the log hold, for engines on disk.
    pub unflushed_rows: u64,
    /// The memory those take, bytes.
    pub unflushed_bytes: u64,
}
