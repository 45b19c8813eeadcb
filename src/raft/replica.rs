//! The shard behind a group, as the group needs it. The store implements it.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::snapshot::Frozen;
use crate::base::Result;
use crate::base::types::LogIndex;
use crate::machine::{Applied, Command, SnapshotWriter};

/// Called once with what became of forwarded commands.
pub type ForwardDone = Box<dyn FnOnce(Result<Vec<Applied>>) + Send>;

/// Called once with the position a read must wait for.
pub type ReadDone = Box<dyn FnOnce(Result<LogIndex>) + Send>;

/// A machine that a group drives, and what other nodes ask of it.
///
/// A mark is opaque to it: what the group wants to find again with the rows it led to.
pub trait Replica: Send + Sync + 'static {
    /// The mark that came with the last entry; `None`: nothing was ever applied.
    ///
    /// # Errors
    /// If the engine fails.
    fn mark(&self) -> Result<Option<Bytes>>;

    /// The mark of what a reopened engine would hold.
    fn durable_mark(&self) -> Option<Bytes>;

    /// Resolves once the engine may hold more than it has written.
    fn room(&self) -> BoxFuture<'_, ()>;

    /// Applies the next committed entry; without commands of its own it only moves on.
    ///
    /// # Errors
    /// If the machine fails: the node stops.
    fn apply(&self, index: LogIndex, entry: Option<Bytes>, mark: Bytes) -> Result<Vec<Applied>>;

    /// The machine as it is, once this node's own log has made that durable.
    fn freeze(&self) -> BoxFuture<'_, Result<Frozen>>;

    /// Begins to take in the rows of another member, beside the machine's own.
    ///
    /// # Errors
    /// If it has no room; or if the engine fails, then or later: the node stops.
    fn begin_install(&self) -> Result<SnapshotWriter>;

    /// Puts the rows that came, sealed, into the place of the machine's own.
    ///
    /// # Errors
    /// If there are none, or the machine fails: the node stops.
    fn install(&self) -> Result<()>;

    /// Commands that clients gave to another node. Calls `done` in any case.
    fn forwarded(&self, commands: Vec<Command>, due: Instant, done: ForwardDone);

    /// A read at another node. Calls `done` in any case.
    fn read_index(&self, due: Instant, done: ReadDone);

    /// The state hash after the entry at `index`; `None`: not applied here, or forgotten.
    fn state_hash_at(&self, index: LogIndex) -> Option<u64>;

    /// The leader says that a majority of the voters has this state after the entry at
    /// `index`. True if it is another one here: the node stops.
    fn diverged(&self, index: LogIndex, hash: u64) -> bool;
}
