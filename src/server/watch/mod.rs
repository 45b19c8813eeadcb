//! Watches, as every transport gives them to its clients.
//!
//! Invariant: a mark of progress is never ahead of an event that was not told, and none is
//! given by a member that lost the others: silence always means that nothing happened.

mod bucket;
mod places;
mod watcher;

mod feed;
mod stream;

pub(super) use places::Places;
pub(super) use stream::{is_stopping, says, serve};
pub(super) use watcher::{Ask, Begin};
