//! Real processes, treated badly: killed, stopped, cut off from each other, under a load whose
//! every answer is recorded and checked. Nothing here fails because it took long.
//!
//! Without settings a short run is made. `scripts/chaos` makes campaigns of the same, by the
//! variables that `settings.rs` reads.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these tests stand outside the product: they use real files, clocks and processes"
)]

#[path = "../check/mod.rs"]
mod check;
#[path = "../library/mod.rs"]
mod library;

mod author;
mod campaign;
mod cluster;
mod disk;
mod fake_clock;
mod falsify;
mod figures;
mod inject;
mod injectors;
mod links;
mod load;
mod named;
mod nemesis;
mod node;
mod play;
mod played;
mod report;
mod settings;
mod small_disk;
mod spies;
mod tests;
mod wire;

/// How long anything may take before it is given up as stuck: far more than it ever should.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);
