//! The durable log: one per node, shared by everything that must survive a power
//! loss. What waits together is written together and waits for the disk once.
//!
//! Invariant: an append that was told to be durable is replayed, whole, in order and
//! with everything before it; damage to it is refused, never cut off silently. An entry
//! that is read back is the one that was written.
//! It must not know what a payload means, nor what a group is.
//!
//! ```text
//! Wal::append --> queue (admission: room.rs) --> writer: write, fdatasync --> done
//! Wal::recover --> survey: read, judge --> repair: rewrite the tail --> replay, start
//! Wal::read --> index: where it is --> read: the batch, checked
//! ```

mod error;
mod format;
#[doc(hidden)]
pub mod fuzzed;
mod handle;
mod index;
mod queue;
mod read;
mod record;
mod recovery;
mod repair;
mod room;
mod scan;
mod segment;
mod spares;
mod survey;
mod writer;

#[cfg(test)]
mod tests;

pub use error::WalError;
pub use handle::{Wal, WalStatus};
pub use queue::{Append, Done};
pub use record::{Durability, GroupId, Record, RecordKind};
pub use recovery::{Recovery, WalOptions};
pub use segment::is_segment;
