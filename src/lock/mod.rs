//! Locks with leases, fair queues and fences, as pure rules.
//!
//! Invariant: in log order a lock has at most one holder, and its fence is the
//! revision of its grant, so that fences only ever grow. Nothing here reads a
//! clock, stores anything, or knows of keys.

pub mod command;
pub mod ops;
pub mod record;

pub use command::LockCommand;
pub use record::{Lock, Waiter};
