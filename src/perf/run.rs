//! Runs the tests: prepare the keys, warm up, measure, clean up.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::interrupt::Interrupt;
use super::measure::{Measure, Outcome, died};
use super::options::{PerfOptions, Stop};
use super::row::Row;
use super::target::{Promise, Target};
use super::test::Test;
use super::workload::{LogicalClient, Material};
use crate::base::host::{Clock, Host};
use crate::base::{Error, Result, limits};

/// How often progress of the preparation is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Clients that write the keys, at least, as long as values are small.
const WRITERS_MIN: usize = 64;

/// Where a run is, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Keys are written that the tests read.
    Preparing {
        /// From 0 to 1.
        done: f64,
    },
    /// A test runs.
    Running {
        /// Which.
        test: Test,
        /// From 0 to 1.
        done: f64,
        /// Operations so far.
        ops: u64,
    },
    /// The keys are removed.
    CleaningUp,
}

/// What a run gave.
#[derive(Debug, Default)]
pub struct Measured {
    /// A row a test, in the order in which they ran.
    pub rows: Vec<Row>,
    /// Why the tests without a row did not run; `None` if all did, or it was interrupted.
    pub stopped: Option<Error>,
    /// It ended early as it was asked to: the last row may be of a part of its test.
    pub interrupted: bool,
    /// The keys that could not be removed; `None` if nothing is left.
    pub left: Option<Left>,
}

/// Keys that a run left behind.
#[derive(Debug)]
pub struct Left {
    /// What they begin with, and no other key.
    pub prefix: String,
    /// Why they could not be removed.
    pub error: Error,
    /// What to type to remove them, for people.
    pub removed_by: String,
}

/// Runs every test and tells `progress` about ten times a second. Keys are under a
/// fresh prefix and are removed at the end, also after an error or an interrupt.
///
/// # Errors
/// `Invalid` for options that cannot be, and what a server says that takes no requests.
/// Operations that fail during a test are counted in its row instead.
pub async fn run(
    options: &PerfOptions,
    interrupt: &Interrupt,
    mut progress: impl FnMut(Progress),
) -> Result<Measured> {
    options.check()?;
    let host = Host::system();
    let target = Target::connect(options).await?;
    if !options.ordered().any(|test| target.has(test)) {
        return Err(Target::unwatched());
    }
    // Long enough that runs at the same time do not meet, and short: people's keys are.
    let unique = host.rng.below(1 << 40);
    let prefix = format!("dkv-perf:{unique:010x}:");
    progress(Progress::Preparing { done: 0.0 });
    let promise = tokio::select! {
        biased;
        () = interrupt.raised() => {
            return Ok(Measured { interrupted: true, ..Measured::default() });
        }
        answer = first_answer(options, &target, &prefix) => match answer {
            Ok(promise) => promise,
            Err(error) => return Err(target.explained(error).await),
        },
    };
    let run = Run {
        material: Arc::new(Material::new(options, prefix, &*host.rng)),
        clock: host.clock,
        options,
        interrupt,
        target,
        promise,
    };
    let mut rows = Vec::new();
    let stopped = run.tests(&mut rows, &mut progress).await.err();
    progress(Progress::CleaningUp);
    Ok(Measured {
        rows,
        stopped,
        interrupted: interrupt.is_raised(),
        left: run.clean_up().await,
    })
}

/// A first answer, so that a server that is not there is an error and not a row.
async fn first_answer(options: &PerfOptions, target: &Target, prefix: &str) -> Result<Promise> {
    let lane = target.lane(0);
    if has_keys(options) {
        lane.has(prefix).await?;
    } else {
        lane.lock_cycle(&format!("{prefix}lock")).await?;
    }
    target.promise().await
}

/// Clients that write the keys at once: many, unless their values together would be more
/// than a shard takes.
fn writers_of(options: &PerfOptions) -> usize {
    let fit = limits::IMPORT_BYTES_MAX / options.value_bytes.most().max(1);
    options.threads.max(WRITERS_MIN).min(fit.max(1))
}

/// Whether any key is written: a shard of locks alone has no keys.
fn has_keys(options: &PerfOptions) -> bool {
    options.ordered().any(|test| test != Test::Lock)
}

struct Run<'a> {
    options: &'a PerfOptions,
    interrupt: &'a Interrupt,
    target: Target,
    promise: Promise,
    material: Arc<Material>,
    clock: Arc<dyn Clock>,
}

impl Run<'_> {
    async fn tests(&self, rows: &mut Vec<Row>, progress: &mut impl FnMut(Progress)) -> Result<()> {
        let mut has_all_keys = false;
        for test in self.options.ordered() {
            if !self.target.has(test) {
                continue;
            }
            if test.needs_keys() && !has_all_keys {
                self.prepare(progress).await?;
                has_all_keys = true;
            }
            if self.interrupt.is_raised() {
                return Ok(());
            }
            // Deleting cannot be rehearsed: the keys would be gone.
            if test != Test::Delete && !self.options.warm_up.is_zero() {
                let warm_up = Stop::After(self.options.warm_up);
                self.measure(test, warm_up, &mut |_| {}).await;
            }
            if self.interrupt.is_raised() {
                return Ok(());
            }
            let outcome = self.measure(test, self.options.stop, progress).await;
            // Of a test that was interrupted at once there is nothing to tell.
            if !(self.interrupt.is_raised() && outcome.tally.is_empty()) {
                rows.push(self.row(test, outcome));
            }
            has_all_keys &= !test.spoils_keys();
        }
        Ok(())
    }

    /// Writes every key, many at a time.
    async fn prepare(&self, progress: &mut impl FnMut(Progress)) -> Result<()> {
        let next = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers: JoinSet<Result<()>> = JoinSet::new();
        for client in self.clients(writers_of(self.options)) {
            writers.spawn(load(
                client,
                self.material.keys(),
                Arc::clone(&next),
                Arc::clone(&stop),
            ));
        }
        let mut tell = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                biased;
                () = self.interrupt.raised(), if !stop.load(Ordering::Relaxed) => {
                    stop.store(true, Ordering::Relaxed);
                }
                writer = writers.join_next() => match writer {
                    Some(writer) => writer.map_err(died)??,
                    None => return Ok(()),
                },
                _ = tell.tick() => {
                    let done = next.load(Ordering::Relaxed) as f64 / self.material.keys() as f64;
                    progress(Progress::Preparing { done: done.min(1.0) });
                }
            }
        }
    }

    async fn measure(
        &self,
        test: Test,
        stop: Stop,
        progress: &mut impl FnMut(Progress),
    ) -> Outcome {
        let measure = Measure {
            test,
            stop,
            rate_per_s: self.options.rate_per_s,
            keys: self.options.keys,
            clock: Arc::clone(&self.clock),
        };
        let clients = self.clients(self.options.threads).collect();
        let mut tell = |done, ops| progress(Progress::Running { test, done, ops });
        measure.run(clients, self.interrupt, &mut tell).await
    }

    fn clients(&self, count: usize) -> impl Iterator<Item = LogicalClient> {
        let seed = self.options.seed;
        (0..count).map(move |number| {
            let lane = self.target.lane(number);
            LogicalClient::new(number, seed, lane, Arc::clone(&self.material))
        })
    }

    fn row(&self, test: Test, outcome: Outcome) -> Row {
        let options = self.options;
        Row {
            test: test.name(),
            target: self.target.name(),
            connections: self.target.connections(self.options),
            promise: self.promise.clone(),
            threads: options.threads,
            keys: options.keys,
            value_bytes: match test {
                Test::SetLarge => options.large_value_bytes,
                _ => options.value_bytes.mean(),
            },
            intended_per_s: options.rate_per_s.map(|rate| rate as f64),
            not_started: outcome.not_started,
            ..outcome.tally.into_row(outcome.elapsed_us)
        }
    }

    async fn clean_up(&self) -> Option<Left> {
        // A shard of dkv's locks alone takes no order to remove keys.
        if !has_keys(self.options) && self.target.is_dkv() {
            return None;
        }
        let prefix = self.material.prefix();
        let removed = self.target.clear(prefix).await;
        removed.err().map(|error| Left {
            prefix: prefix.to_owned(),
            error,
            removed_by: self.target.removed_by(prefix),
        })
    }
}

/// Writes keys until all are written.
async fn load(
    mut client: LogicalClient,
    keys: u64,
    next: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let key = next.fetch_add(1, Ordering::Relaxed);
        if key >= keys {
            break;
        }
        client.load(key).await?;
    }
    Ok(())
}
