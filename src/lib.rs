//! dkv: a linearizable key-value store and lock service in one binary.
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may use what they need")
)]

pub mod base;
pub mod cli;
pub mod client;
pub mod config;
pub mod engine;
pub mod kv;
pub mod lock;
pub mod machine;
pub mod perf;
pub mod proto;
pub mod raft;
pub mod server;
pub mod store;
pub mod wal;
