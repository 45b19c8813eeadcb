//! Ordered bytes: tables of keys and values, changed in atomic batches.
//!
//! Invariant: an engine knows neither what its rows mean nor what time it is,
//! and a batch is all there or not at all.

pub mod batch;
pub mod error;
mod incoming;
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

/// A value where it lies.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Among others.
    Inline(&'a [u8]),
    /// By itself: to keep it is one reference more.
    Shared(&'a Bytes),
}

/// Reading rows. Keys are in byte order.
pub trait Read {
    /// The value of a row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// Shows the value of a row, if there is one, to who takes apart what it holds and
    /// need not keep it as it is.
    fn look(
        &self,
        table: Table,
        key: &[u8],
        see: &mut dyn FnMut(Value<'_>),
    ) -> Result<(), EngineError> {
        if let Some(value) = self.get(table, key)? {
            see(Value::Shared(&value));
        }
        Ok(())
    }

    /// Visits the rows with `start <= key < end` in order (`end` of `None`: to the
    /// last row) until the visitor breaks.
    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError>;

    /// Visits the same rows, from the last to the first.
    fn scan_back(
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
/// - reopening gives the state of the last finished checkpoint, never part of one, or
///   that of the last switch to a replacement, whichever came later.
/// - a replacement that fails for want of room leaves the engine as it was; any other
///   failure of the disk in it poisons the engine.
pub trait Engine: Read + Send + Sync {
    /// Applies a batch.
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError>;

    /// Freezes the present state.
    fn view(&self) -> Arc<dyn View>;

    /// Prepares to make the present state, which reflects the log up to `covers`,
    /// durable. The job runs without the engine's owner, on any thread, one at a
    /// time; when it returns, reopening gives a state that covers that index. A job
    /// that runs only after a [`switch`](Self::switch) does nothing: what it was to
    /// write is not wanted any more.
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

    /// Begins to take in rows that are to replace all of the engine's own. An earlier
    /// replacement, finished or not, is removed, and can do nothing from now on.
    ///
    /// # Errors
    /// `OutOfSpace`, and the engine goes on; `Io`.
    fn replace(&mut self) -> Result<Box<dyn Replacement>, EngineError>;

    /// A whole replacement waits, which covers this index. It does until
    /// [`switch`](Self::switch) or the next [`replace`](Self::replace), restarts
    /// included.
    fn sealed(&self) -> Option<LogIndex>;

    /// Puts the sealed rows into the place of the engine's own, durably and at once:
    /// reopening gives the one or the other, never a mixture. From then on the engine
    /// covers what they cover; what was committed before is gone. Views that were taken
    /// before go on with what they saw, or fail. It waits for a job that runs.
    ///
    /// # Errors
    /// `Refused`, and nothing has changed, if none is sealed or it reaches less far than
    /// the engine does durably; else the engine is poisoned.
    fn switch(&mut self) -> Result<(), EngineError>;
}

/// Rows on their way into an engine, to replace all of its own. It works beside the
/// engine, without its owner and on any thread, in memory for some megabytes, however
/// many they are. Dropping it before it is sealed gives it up.
pub trait Replacement: Send {
    /// Takes in more rows. All rows come in ascending order of table and key.
    ///
    /// # Errors
    /// After any of them the replacement is over, and removed. `Refused` if the rows do
    /// not follow what came before, or if another replacement has begun. `OutOfSpace` if
    /// the disk has no room: the engine is as it was. Any other failure poisons it.
    fn add(&mut self, rows: Vec<(Table, Bytes, Bytes)>) -> Result<(), EngineError>;

    /// Makes the rows durable, as a whole that covers the log up to `covers`.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    fn seal(self: Box<Self>, covers: LogIndex) -> Result<(), EngineError>;
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
