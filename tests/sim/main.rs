//! A whole cluster in one thread, and everything that may befall it, by a seed: one to seven real nodes
//! over simulated disks, clocks and a simulated network, clients whose every answer is recorded and
//! checked, watchers who must be told everything once, and somebody who breaks things. The same seed
//! gives the same run, to the byte.
//!
//! `scripts/simulate --seed 17` repeats the run that failed with seed 17, `--runs 1000` makes as many of
//! them. Beside them are scenarios without any dice, for what must not be left to chance
//! ([`directed`]).
//!
//! What takes part in the first level is the node from its service on, and clients hand it what they
//! ask. In the second ([`wired`]) the client library asks over connections, through the server's
//! port, HTTP/2, gRPC and sessions: `scripts/simulate --level 2`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these tests stand outside the product"
)]

#[path = "../check/mod.rs"]
mod check;
#[path = "../library/mod.rs"]
mod library;

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
mod wired;
mod wishes;
mod words;

/// The replicated shard that everything is about.
const SHARD: dkv::base::types::ShardId = dkv::base::types::ShardId(100);
