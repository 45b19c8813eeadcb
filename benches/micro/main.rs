//! Micro-benchmarks: what single pieces of dkv cost, without a server around them.
//!
//! `bench/micro.sh [FILTER]` runs them. Without the `--bench` of cargo each runs once, over a
//! small state, to see that it still does what it should: `./scripts/test` does that.
//!
//! Every benchmark makes its state first, tries what it measures once and looks at the outcome,
//! and only then measures. Inputs are made, and inputs and outputs dropped, outside the
//! measured time; outputs go through a black box. Figures are per call, and per item below it.
//! What takes little more than reading the clock has a fixed `sample_size`, so that a clock is
//! read once for many calls: left to itself divan takes that from the first, slow calls.

mod codec;
mod commands;
mod draw;
mod engine;
mod hot;
mod judging;
mod machine;
mod wal;
mod wire;

use std::time::Duration;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For how long each benchmark measures, unless the command line says otherwise: what takes a
/// microsecond must visit much more of the state than fits into a cache.
const MEASURED: Duration = Duration::from_millis(500);

fn main() {
    divan::Divan::default()
        .min_time(MEASURED)
        .max_time(2 * MEASURED)
        .config_with_args()
        .main();
}

/// False if each benchmark only runs once: the rule is divan's.
fn is_measured() -> bool {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    has("--bench") && !has("--test")
}

/// A directory that goes with its owner, on the disk of the build: that of temporary files
/// may be memory, where no sync costs anything.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build's directory takes files")
}
