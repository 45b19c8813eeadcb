//! The server's edge: wire in, replies out, and the one place where a node is put
//! together.
//!
//! Invariant: transports hold no rules. They translate and call [`Service`], which
//! alone calls the stores. Only `node.rs` knows how the rooms fit together.

mod answers;
mod asking;
mod certificates;
mod client_port;
mod cluster;
mod convert;
mod cursor;
mod describe;
pub mod direct;
mod ephemeral;
mod figures;
#[doc(hidden)]
pub mod fuzzed;
mod grpc;
mod http;
mod lanes;
mod manifest;
mod metrics;
pub mod node;
pub mod operation;
mod peer;
mod port;
mod read;
mod rest;
pub mod run;
pub mod service;
mod session;
pub mod settings;
mod settle;
#[doc(hidden)]
pub mod simulated;
pub mod status;
mod watch;

pub use direct::Direct;
pub use ephemeral::Ephemeral;
pub use node::Node;
pub use rest::openapi;
pub use run::{Ready, run};
pub use service::Service;

#[cfg(test)]
mod tests;
