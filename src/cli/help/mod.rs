//! `dkv help`: the commands, one of them, or a topic with examples.
//!
//! Invariant: what a topic shows can be typed: `tests/it/help.rs` runs it.

mod command;
mod topics;

pub(crate) use command::{HelpArgs, names, of_command, run};
pub(crate) use topics::{topic, topics};
