//! dkv: a linearizable key-value store and lock service in one binary.

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
pub mod server;
pub mod wal;
