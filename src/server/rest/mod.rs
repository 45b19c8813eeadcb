//! REST: JSON or raw bodies over plain HTTP, for curl and for programs without a client of
//! dkv.
//!
//! Invariant: a request becomes the message that gRPC carries, and an answer is made of
//! gRPC's reply. What a request means is decided behind them, once for every interface.

mod accept;
mod batch;
mod body;
mod bucket_list;
mod buckets;
mod budget;
mod cluster;
mod cluster_status;
mod compares;
mod conditional;
mod content;
mod described;
mod docs;
mod document;
mod event;
mod forms;
pub(super) mod fuzzed;
mod gate;
mod guarded;
mod head;
mod keys;
mod lock_list;
mod locks;
mod marks;
mod ops;
mod outcomes;
mod percent;
mod query;
mod refused;
mod routes;
mod scan;
mod sending;
mod state;
mod status;
mod timers;
mod transaction;
mod unlisted;
mod verbs;
mod watch;
mod watch_stream;

pub use document::openapi;
pub(super) use routes::routes;
pub(super) use state::Rest;
