//! `dkv kv`: read and write keys. One file per family of subcommands.
//!
//! Invariant: a key or value is any bytes, and is never logged.

mod command;
mod delete;
mod diff;
mod export;
mod history;
mod import;
mod incr;
mod on_event;
mod read;
mod scan;
mod set;
mod timers;
mod ttl;
mod txn;
mod watch;

pub(crate) use command::{KvArgs, run};
pub(crate) use read::record_row;
pub(crate) use scan::ScanArgs;
