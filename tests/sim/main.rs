//! A whole cluster in one thread, and everything that may befall it, by a seed: one to seven real nodes
//! over simulated disks, clocks and a simulated network, clients whose every answer is recorded and
//! checked, watchers who must be told everything once, and somebody who breaks things. The same seed
//! gives the same run, to the byte.
//!
//! `scripts/simulate --seed 17` repeats the run that failed with seed 17, `--runs 1000` makes as many of
//! them. Beside them are scenarios without any dice, for what must not be left to chance
//! ([`directed`]).
//!
//! What takes part is the node from its service on. Sessions of gRPC, REST and the client library are
//! left out: the library dials the system's sockets (`client/dial.rs`), the server accepts from them
//! (`server/port/bind.rs`, `server/port/socket.rs`), and what is between the two asks only for streams
//! of bytes. A second level needs a dialler that the library is given and a listener that the
//! server is given, each with the system's as one side and turmoil's as the other, and the ids of
//! clients drawn from a seed.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these tests stand outside the product"
)]

#[path = "../check/mod.rs"]
mod check;

mod annals;
mod asker;
mod asks;
mod cast;
mod clocks;
mod directed;
mod faults;
mod figures;
mod hearing;
mod judge;
mod lines;
mod links;
mod load;
mod machine;
mod mayflies;
mod members;
mod nemesis;
mod onlooker;
mod options;
mod panics;
mod rules;
mod run;
mod scene;
mod stage;
mod tests;
mod watcher;
mod wishes;
mod words;

/// The replicated shard that everything is about.
const SHARD: dkv::base::types::ShardId = dkv::base::types::ShardId(100);
