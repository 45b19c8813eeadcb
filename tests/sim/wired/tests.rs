//! The runs of the second level that every commit must pass, and proof that they repeat.

use crate::options::Options;
use crate::stage::Event;
use crate::tests::{make_runs, repeats};
use crate::wired::run::run;

/// Runs of every commit.
const RUNS: u64 = 3;

/// Runs of a campaign that must have seen what is rare.
const MANY: u64 = 30;

#[test]
fn campaign() {
    let options = Options::given();
    let mut must_see = Event::OVER_LINES.to_vec();
    if options.runs >= Some(MANY) {
        must_see.extend(Event::OVER_MANY_LINES);
    }
    make_runs(&options, RUNS, &must_see, run);
}

#[test]
fn the_same_seed_gives_the_same_run_over_connections() {
    repeats(&[3], run);
}
