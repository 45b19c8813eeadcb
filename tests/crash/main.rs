//! Power losses of the real node, from what it really asked the system to do.
//!
//! A node runs under `strace` while clients write to it. The trace has every write, every sync,
//! every name and every answer, in order, so that the disk can be built as it may have been at any
//! moment: what was synced is there; of everything else each piece may be there, torn, or not; a
//! name is there for sure once its directory was synced. Each such disk is opened, and must have
//! everything that was answered before that moment, and nothing by halves.
//!
//! Nodes with replicated shards are recorded, too: one that is a cluster by itself, whose answers
//! are promises as those of a lone node are, and one of three, which promises the others that it has
//! entries, and how it voted. What it told them is in its trace as well.
//!
//! `kill -9` cannot find a sync that is missing, for the system keeps what it was given, and the
//! simulated disk cannot find what the real disk's code forgets. Without settings a short run is
//! made; `scripts/crash-images` makes longer ones, by the variables that `settings.rs` reads.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these tests stand outside the product: they use real files, clocks and processes"
)]

mod campaign;
mod clients;
mod company;
mod cuts;
mod deeds;
mod disk;
mod figures;
mod follower;
mod image;
mod judge;
mod lines;
mod link;
mod message;
mod names;
mod pages;
mod place;
mod promise;
mod proofs;
mod record;
mod settings;
mod small;
mod tale;
mod tests;
mod traced;
mod voter;
mod wishes;

/// How long anything may take before it is given up as stuck: far more than it ever should.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);
