//! The runs that every commit must pass, and proof that they are what they claim to be.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

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

/// What all runs of a campaign showed.
#[derive(Default)]
struct Sum {
    operations: usize,
    tally: Tally,
    failed: Vec<u64>,
}

/// Runs seeds on all processors: each run has a thread of its own.
fn run_all(seeds: std::ops::Range<u64>) -> Sum {
    let sum = Mutex::new(Sum::default());
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = run(seed);
                    let mut sum = sum.lock();
                    if !report.wrong.is_empty() {
                        show(seed, &report);
                        sum.failed.push(seed);
                    }
                    sum.operations += report.operations;
                    for (event, times) in report.tally {
                        *sum.tally.entry(event).or_default() += times;
                    }
                }
            });
        }
    });
    sum.into_inner()
}

/// Seeds from `DKV_SIM_SEED` on, `DKV_SIM_RUNS` of them. Without the latter a given seed is run
/// alone, and nothing is asked of what one run happened to see.
#[test]
fn campaign() {
    let seed = number("DKV_SIM_SEED");
    let runs = number("DKV_SIM_RUNS");
    let first = seed.unwrap_or(1);
    let runs = runs.unwrap_or(if seed.is_some() { 1 } else { RUNS });
    let sum = run_all(first..first + runs);
    eprintln!(
        "{runs} runs from seed {first}: {} operations, {:?}",
        sum.operations, sum.tally
    );
    assert!(
        sum.failed.is_empty(),
        "failed with DKV_SIM_SEED set to any of {:?}",
        sum.failed
    );
    if runs < RUNS {
        return;
    }
    for event in Event::ALL {
        let was_seen = sum.tally.contains_key(&event);
        assert!(was_seen, "no run ever saw this: {event:?}");
    }
}

/// Without this a seed that fails is an anecdote.
#[test]
fn the_same_seed_gives_the_same_run() {
    let seeds = [3, 4];
    let traces = seeds.map(|seed| {
        let (once, again) = (run(seed), run(seed));
        let parted = once
            .trace
            .iter()
            .zip(&again.trace)
            .position(|(a, b)| a != b);
        if let Some(at) = parted {
            for line in &once.trace[at.saturating_sub(LINES)..=at] {
                eprintln!("{line}");
            }
            panic!(
                "then the second run of seed {seed} went another way: {}",
                again.trace[at]
            );
        }
        assert_eq!(once.trace.len(), again.trace.len());
        assert!(once.trace.len() > 300, "hardly anything happened");
        once.trace
    });
    assert_ne!(traces[0], traces[1]);
}
