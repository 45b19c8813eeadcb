//! The runs that every commit must pass, and proof that they are what they claim to be.

use crate::run::{Report, run};
use crate::stage::{Event, Tally};

/// Runs of every commit.
const RUNS: u64 = 20;

/// Lines of the trace that are shown of a run that failed.
const LINES: usize = 60;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")))
}

fn show(seed: u64, report: &Report) {
    let from = report.trace.len().saturating_sub(LINES);
    if let Some(path) = std::env::var_os("DKV_SIM_TRACE") {
        std::fs::write(
            std::path::PathBuf::from(path).join(format!("trace-{seed}")),
            report.trace.join("\n"),
        )
        .unwrap();
    }
    for line in &report.trace[from..] {
        eprintln!("{line}");
    }
    for wrong in &report.wrong {
        eprintln!("seed {seed}: {wrong}");
    }
}

/// Seeds from `DKV_SIM_SEED` on, `DKV_SIM_RUNS` of them. Without the latter a given seed is run
/// alone, and nothing is asked of what one run happened to see.
#[test]
fn campaign() {
    let seed = number("DKV_SIM_SEED");
    let runs = number("DKV_SIM_RUNS");
    let first = seed.unwrap_or(1);
    let runs = runs.unwrap_or(if seed.is_some() { 1 } else { RUNS });
    let mut tally = Tally::new();
    let mut operations = 0;
    let mut failed = Vec::new();
    for seed in first..first + runs {
        let report = run(seed);
        if !report.wrong.is_empty() {
            show(seed, &report);
            failed.push(seed);
        }
        operations += report.operations;
        for (event, times) in report.tally {
            *tally.entry(event).or_default() += times;
        }
    }
    eprintln!("{runs} runs from seed {first}: {operations} operations, {tally:?}");
    assert!(
        failed.is_empty(),
        "failed with DKV_SIM_SEED set to any of {failed:?}"
    );
    if runs >= RUNS {
        for event in Event::ALL {
            assert!(
                tally.contains_key(&event),
                "no run ever saw this: {event:?}"
            );
        }
    }
}

/// Without this a seed that fails is an anecdote.
#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [3, 4] {
        let (once, again) = (run(seed), run(seed));
        for (a, b) in once.trace.iter().zip(&again.trace) {
            assert_eq!(a, b, "the second run of seed {seed} went another way");
        }
        assert_eq!(once.trace.len(), again.trace.len());
        assert!(once.trace.len() > 500, "hardly anything happened");
    }
    assert_ne!(run(3).trace, run(4).trace);
}
