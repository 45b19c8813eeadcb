//! A whole cluster in one thread, and everything that may befall it, by a seed: three or four real nodes
//! over simulated disks, clocks and a simulated network, clients whose every answer is recorded and
//! checked, watchers who must be told everything once, and somebody who breaks things. The same seed
//! gives the same run, to the byte.
//!
//! `DKV_SIM_SEED=17 cargo test --test sim campaign` repeats the run that failed with seed 17;
//! `DKV_SIM_RUNS=1000` makes as many of them.
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
mod faults;
mod hearing;
mod judge;
mod lines;
mod links;
mod load;
mod machine;
mod mayflies;
mod members;
mod onlooker;
mod panics;
mod run;
mod stage;
mod tests;
mod watcher;
mod wishes;
mod words;

/// The replicated shard that everything is about.
const SHARD: dkv::base::types::ShardId = dkv::base::types::ShardId(100);
