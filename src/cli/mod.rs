//! The words of the user: `dkv`, its subcommands, what they print and how they exit.
//!
//! Invariant: stdout is data and `output.rs` alone writes it; every way out of a run
//! is an [`ExitStatus`]. Subcommands hold no rules of the store: they read words, ask
//! the client or start the server, and print the answer.

mod ask;
mod bucket;
mod cert;
mod client_args;
mod cluster;
mod complete;
mod completions;
mod exit;
mod explain;
mod failure;
mod files;
mod fresh;
#[doc(hidden)]
pub mod fuzzed;
mod help;
mod info;
mod interrupts;
mod kv;
mod layered;
mod lock;
mod logging;
mod man;
mod misspelt;
mod moment;
mod old_flags;
mod openapi;
mod ops;
mod output;
mod perf;
mod ready;
mod root;
mod row;
mod serve;
mod session;
mod shell;
mod signals;
#[cfg(test)]
mod tests;
mod tls_args;
mod top;
mod transfer;
mod version;

pub use crate::base::host::Allocator;
pub use exit::ExitStatus;
pub use root::{command, run};
