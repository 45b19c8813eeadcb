//! The engine whose rows are in a redb file, behind an overlay in memory.
//!
//! ```text
//! commit -> active layer                      what came since the last checkpoint
//!           frozen layer                      what is on its way to the file
//!           rows.redb                         what is durable, and up to which index
//! ```
//!
//! A read looks at them from the top. A checkpoint freezes the active layer and writes
//! it to the file in one sorted, two-phase commit, so that the hot path never waits for
//! a B-tree on disk.
//!
//! Invariant: what lies under the name `rows.redb` is one whole state with its index.
//! Only this room names redb. It knows neither what its rows mean nor which log covers it.

mod backend;
mod engine;
mod failure;
mod file;
mod gaps;
mod jobs;
mod layer;
mod merge;
mod replacement;
mod rewrite;
mod row;
mod snapshot;
mod view;
mod writer;

pub use engine::{RedbEngine, RedbOptions};

#[cfg(test)]
mod tests;
