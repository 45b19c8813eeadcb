//! dkv: a linearizable key-value store and lock service in one binary.
//!
//! Programs use [`Client`], or [`LocalStore`] without a server; `dkv serve` is [`server::run()`]. The rooms, from the ground up
//! (ARCHITECTURE.md has the map, `tests/tidy.rs` holds the directions):
//!
//! ```text
//! 8  cli                 the words of the user
//! 7  config    perf      settings; the load generator;
//!    embedded            a client with its node inside
//! 6  server    client    the edges: wire in, wire out
//! 5  store               shards: a machine behind its sequencer
//! 4  raft                replication: a consensus group a shard
//! 3  machine             what log entries mean
//! 2  kv        lock      the two domains
//! 1  engine    wal       ordered bytes; the durable log;
//!    tls                 certificates, read and issued;
//!    check               was what clients saw legal?
//! 0  base      proto     words, limits, host seams; generated types
//! ```
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> dkv::base::Result<()> {
//! # let server = dkv::server::Ephemeral::start().await?;
//! # let endpoint = server.endpoint();
//! use dkv::{Client, ClientOptions};
//!
//! let client = Client::connect(ClientOptions::to(endpoint)).await?;
//! let revision = client.set("user:1", "alice").await?;
//! let record = client.get("user:1").await?.expect("it was just written");
//! assert_eq!((record.value.as_ref(), record.revision), (&b"alice"[..], revision));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may use what they need")
)]

pub mod base;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod embedded;
pub mod engine;
pub mod kv;
pub mod lock;
pub mod machine;
pub mod perf;
pub mod proto;
pub mod raft;
pub mod server;
pub mod store;
pub mod tls;
pub mod wal;

pub use client::{Client, ClientOptions};
pub use embedded::LocalStore;
