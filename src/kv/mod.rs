//! Keys and values, as pure rules: a record and a command in, a change out.
//!
//! Invariant: nothing here reads a clock, stores anything, or knows of locks. What
//! a command does depends on the record, the machine time and the command alone.

pub mod command;
pub mod ops;
pub mod record;

pub use command::{Condition, Incr, KvCommand, Set};
pub use record::Record;
