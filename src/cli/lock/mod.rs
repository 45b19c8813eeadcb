//! `dkv lock`: take, hold and inspect locks. One file per family of subcommands.
//!
//! Invariant: whoever is told `acquired=true` is told the fence too; only the store can
//! refuse a writer that lost its lock.

mod command;
mod hold;
mod inspect;
mod lease;
mod run;
mod running;
mod told;

pub(crate) use command::{LockArgs, run};
