//! What a hostile client does: one small file for each family, and a catalogue of them all.
//!
//! Sockets and frames are written by hand, so that they can be wrong in ways that a library
//! does not allow. An attack is bounded in connections and in time, counts what became of
//! them, and judges nothing. `tests/hostile` and `bench/hostile.rs` share it.

mod bombs;
mod catalogue;
mod connections;
mod driver;
mod floods;
mod frames;
mod grpc;
mod half_open;
mod heads;
mod http1;
mod http2;
mod lengths;
mod plan;
mod readers;
mod resets;
mod slow;
mod smuggling;
mod streams;
mod wire;

pub(crate) use catalogue::Attack;
pub(crate) use driver::{prepare, run};
pub(crate) use plan::{Plan, Tally};
pub(crate) use smuggling::{TWO_HOSTS, findings as smuggled};
