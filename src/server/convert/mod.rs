//! Wire to domain and back, with every check of shape.
//!
//! Invariant: what comes out of here is within the limits and needs no further check;
//! nothing here knows whether a key or a lock is there.

mod bucket;
mod call;
mod fields;
mod kv;
mod lock;
mod ops;
mod past;
mod reply;
mod results;
mod watch;

pub(super) use call::{Call, Kind, call};
pub(super) use reply::{header, reply};
pub(super) use watch::{initial, is_timed, message, watch};
