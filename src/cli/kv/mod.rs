//! `dkv kv`: read and write keys. One file per family of subcommands.
//!
//! Invariant: a key or value is any bytes, and is never logged.

mod command;
mod delete;
mod export;
mod import;
mod on_event;
mod read;
mod scan;
mod set;
mod timers;
mod watch;

pub(crate) use command::{KvArgs, run};
