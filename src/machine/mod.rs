//! The meaning of a shard: log entries in, rows and replies out.
//!
//! Invariant: `apply` is deterministic. The same entries give the same rows, replies,
//! revisions and state hash on every node and every engine; there is no clock, no
//! randomness, no task and no wire type here. Applying an index twice is a no-op.

pub mod bucket;
pub mod command;
pub mod outcome;
pub mod state;
pub mod transaction;

mod apply;
mod fitting;
mod pending;
mod run;
mod sessions;

pub mod history;
mod past;
pub mod query;
pub mod scan;
pub mod snapshot;

pub mod codec;
mod keys;

#[doc(hidden)]
pub mod fuzzed;

#[cfg(test)]
mod tests;

pub use apply::{Effects, Machine};
pub use bucket::{Bucket, BucketCommand, BucketSettings};
pub use command::{Command, Entry, Fence, Op};
pub use history::{History, HistoryLimits};
pub use outcome::{
    Applied, Event, EventKind, Grant, NearQuota, OpResult, Outcome, OutcomeKind, Usage,
};
pub use past::Changes;
pub use scan::{ScanPage, ScanQuery};
pub use snapshot::{SnapshotReader, SnapshotWriter};
pub use state::State;
pub use transaction::{Compare, Given, Relation, Subject, Transaction, TxnOp, TxnProblem};
