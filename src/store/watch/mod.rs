//! Who watches keys, and how events reach them.
//!
//! Whoever applies only notes that there is something new. One task hands the events on to
//! the watchers whose keys they touch, from the history and off the write path; a watcher
//! that does not keep up reads the history by itself until it has caught up.
//!
//! Invariant: a watcher gets every event of its keys after the revision it began with, in
//! order and once, those of one revision together, or it is told that they are gone. No
//! watcher holds more than its mailbox and one chunk. A shard that nobody watches pays one
//! look at an atomic for each entry.

#[doc(hidden)]
pub mod fuzzed;
mod interest;
mod mailbox;

mod chunk;
mod hub;

mod dispatcher;
mod watcher;

pub use hub::WatchFigures;
pub use interest::{Interest, Kinds, Span};
pub use watcher::Watch;

pub(super) use hub::Hub;

#[cfg(test)]
mod tests;
