//! Being told what happens to keys.
//!
//! Invariant: a watch tells every event of its keys once and in order, or ends with an
//! error that says why it cannot, whatever happens to the connections it goes over. What
//! it has told is all it needs to go on somewhere else.

mod types;

mod inbox;
mod line;

mod going;
mod search;
mod source;

pub use going::Watch;
pub use types::{EventKind, WatchBatch, WatchEvent, WatchOptions, Watched};

pub(super) use line::{Lines, OnLine};
