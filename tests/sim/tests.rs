//! The runs that every commit must pass, and proof that they are what they claim to be.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::figures::{self, Sum};
use crate::options::Options;
use crate::run::{Report, run};
use crate::stage::Event;

/// Runs of every commit.
const RUNS: u64 = 20;

/// Lines of the trace that are shown of a run that failed.
const LINES: usize = 60;

/// Of a hundred runs, in how many there are five voters and more, at least.
const MANY_VOTERS_PERCENT: u64 = 15;

fn show(seed: u64, report: &Report, options: &Options) {
    let from = report.trace.len().saturating_sub(LINES);
    if let Some(folder) = &options.trace {
        let path = folder.join(format!("trace-{seed}"));
        std::fs::write(path, report.trace.join("\n")).unwrap();
    }
    for line in &report.trace[from..] {
        eprintln!("{line}");
    }
    for wrong in &report.wrong {
        eprintln!("seed {seed}: {wrong}");
    }
}

/// What makes the run of a seed.
pub(crate) type Run = fn(u64, &Options) -> Report;

/// Runs seeds on all processors: each run has a thread of its own.
fn run_all(seeds: std::ops::Range<u64>, options: &Options, run: Run) -> Sum {
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
                    let report = run(seed, options);
                    let mut sum = sum.lock();
                    if !report.wrong.is_empty() {
                        show(seed, &report, options);
                    }
                    sum.add(seed, report);
                }
            });
        }
    });
    sum.into_inner()
}

/// Makes runs of seeds from `DKV_SIM_SEED` on, `DKV_SIM_RUNS` of them. Without the latter a given
/// seed is run alone, and nothing is asked of what one run happened to see.
pub(crate) fn make_runs(options: &Options, many: u64, must_see: &[Event], run: Run) -> Sum {
    let first = options.seed.unwrap_or(1);
    let alone = if options.seed.is_some() { 1 } else { many };
    let runs = options.runs.unwrap_or(alone);
    let began = Instant::now();
    let sum = run_all(first..first + runs, options, run);
    let line = sum.line(first, runs, began.elapsed());
    eprintln!("{line}");
    if let Some(path) = &options.figures {
        figures::write(path, &line);
    }
    assert!(
        sum.failed.is_empty(),
        "failed with DKV_SIM_SEED set to any of {:?}",
        sum.failed
    );
    if runs >= many && options.is_plain() {
        for event in must_see {
            let was_seen = sum.tally.contains_key(event);
            assert!(was_seen, "no run ever saw this: {event:?}");
        }
    }
    sum
}

#[test]
fn campaign() {
    let options = Options::given();
    let sum = make_runs(&options, RUNS, &Event::ALL, run);
    let runs: u64 = sum.voters.values().sum();
    let many = sum.many_voters_percent();
    let is_asked = options.seed.is_none() && options.is_plain() && runs >= RUNS;
    assert!(
        !is_asked || many >= MANY_VOTERS_PERCENT,
        "only {many} % of the runs had five voters"
    );
}

/// Without this a seed that fails is an anecdote.
pub(crate) fn repeats(seeds: &[u64], run: Run) {
    let options = Options::default();
    let traces: BTreeSet<_> = seeds
        .iter()
        .map(|&seed| {
            let (once, again) = (run(seed, &options), run(seed, &options));
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
        })
        .collect();
    assert_eq!(traces.len(), seeds.len(), "two seeds gave the same run");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    repeats(&[3, 4], run);
}
