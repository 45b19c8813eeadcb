//! Runs the tests: prepare the keys, warm up, measure, clean up.

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
use crate::base::{Error, Result};

/// How often progress of the preparation is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Clients that write the keys, at least.
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
    let unique = u128::from_be_bytes(host.rng.id());
    let prefix = format!("dkv-perf:{unique:032x}:");
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
        for client in self.clients(self.options.threads.max(WRITERS_MIN)) {
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
        if !has_keys(self.options) && matches!(self.target, Target::Dkv(_)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;
    use crate::client::ClientOptions;
    use crate::client::tests::fake::Fake;

    fn options(fake: &Fake, tests: &[Test]) -> PerfOptions {
        PerfOptions {
            client: ClientOptions {
                connections: 2,
                ..ClientOptions::to(&fake.endpoint)
            },
            tests: tests.to_vec(),
            threads: 4,
            keys: 40,
            large_value_bytes: 1_000,
            stop: Stop::Ops(100),
            warm_up: Duration::ZERO,
            ..PerfOptions::default()
        }
    }

    async fn quietly(options: &PerfOptions) -> Result<Measured> {
        run(options, &Interrupt::new(), |_| {}).await
    }

    #[tokio::test]
    async fn every_test_counts_what_was_asked_for_and_leaves_nothing_behind() {
        let fake = Fake::local(1).await;
        let mut told = Vec::new();
        let options = options(&fake, &Test::ALL);
        let interrupt = Interrupt::new();
        let measured = run(&options, &interrupt, |progress| told.push(progress));
        let measured = measured.await.unwrap();
        assert!(measured.stopped.is_none() && measured.left.is_none());
        let rows = measured.rows;
        let names: Vec<_> = rows.iter().map(|row| row.test).collect();
        assert_eq!(names, Test::ALL.map(Test::name));
        for row in &rows {
            assert_eq!((row.ops, row.errors), (100, 0), "{row:?}");
            assert!(
                row.p50_us <= row.p99_us && row.p99_us <= row.max_us,
                "{row:?}"
            );
            assert!(row.ops_per_s > 0.0);
            let by_second: u64 = row.timeline.iter().map(|slice| slice.ops).sum();
            assert_eq!(by_second, 100, "{row:?}");
            assert_eq!(row.percentiles.last(), Some(&(1.0, row.max_us)));
            assert_eq!(row.intended_per_s, None);
            assert_eq!(row.promise.reads, "linearizable");
        }
        assert_eq!(fake.keys(), 0);
        assert_eq!(told.first(), Some(&Progress::Preparing { done: 0.0 }));
        assert_eq!(told.last(), Some(&Progress::CleaningUp));
    }

    #[tokio::test]
    async fn a_timed_delete_ends_with_the_last_key() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            stop: Stop::After(Duration::from_secs(3_600)),
            ..options(&fake, &[Test::Delete])
        };
        let rows = quietly(&options).await.unwrap().rows;
        assert_eq!(rows[0].ops, 40);
    }

    #[tokio::test]
    async fn a_timed_test_ends_in_time_after_a_warm_up() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            stop: Stop::After(Duration::from_millis(60)),
            warm_up: Duration::from_millis(20),
            ..options(&fake, &[Test::HasNot])
        };
        let rows = quietly(&options).await.unwrap().rows;
        assert!(rows[0].ops > 0);
        assert!((0.06..5.0).contains(&rows[0].seconds), "{:?}", rows[0]);
        assert!(
            rows[0].ops < fake.requests() as u64,
            "the warm-up is not counted"
        );
    }

    #[tokio::test]
    async fn failures_are_counted_apart_and_keys_are_removed_all_the_same() {
        let fake = Fake::local(1).await;
        // One question at first, 40 keys, then 10 operations of the test.
        fake.refuse_from(51);
        let rows = quietly(&options(&fake, &[Test::Get])).await.unwrap().rows;
        assert_eq!((rows[0].ops, rows[0].errors), (10, 90));
        assert!(rows[0].first_error.as_ref().unwrap().contains("INVALID"));
        assert_eq!(fake.keys(), 0);
        fake.refuse_from(fake.requests() + 10);
        let measured = quietly(&options(&fake, &[Test::Get])).await.unwrap();
        let stopped = measured.stopped.expect("keys were not prepared");
        assert_eq!(stopped.kind(), ErrorKind::Invalid);
        assert!(measured.rows.is_empty() && measured.left.is_none());
        assert_eq!(fake.keys(), 0);
    }

    /// A server that took minutes of measuring and then refused to remove the keys left
    /// nothing but that error: the rows were thrown away.
    #[tokio::test]
    async fn what_was_measured_is_told_though_its_keys_cannot_be_removed() {
        let fake = Fake::local(1).await;
        fake.refuse_all_from(141);
        let measured = quietly(&options(&fake, &[Test::Get])).await.unwrap();
        assert_eq!((measured.rows[0].ops, measured.rows[0].errors), (100, 0));
        assert!(measured.stopped.is_none());
        let left = measured.left.expect("the keys are still there");
        assert!(left.prefix.starts_with("dkv-perf:"), "{}", left.prefix);
        assert_eq!(left.error.kind(), ErrorKind::Invalid);
        assert_eq!(fake.keys(), 40);
    }

    /// Of the tests before one whose keys could not be written nothing was told.
    #[tokio::test]
    async fn the_rows_before_a_test_that_cannot_run_are_kept() {
        let fake = Fake::local(1).await;
        fake.refuse_from(110);
        let tests = [Test::Set, Test::Get];
        let measured = quietly(&options(&fake, &tests)).await.unwrap();
        let names: Vec<_> = measured.rows.iter().map(|row| row.test).collect();
        assert_eq!(names, ["set"]);
        assert_eq!(measured.stopped.unwrap().kind(), ErrorKind::Invalid);
        assert!(measured.left.is_none());
    }

    #[tokio::test]
    async fn an_open_loop_begins_by_the_clock_and_counts_what_waits() {
        let fake = Fake::local(1).await;
        let paced = |rate_per_s| PerfOptions {
            stop: Stop::After(Duration::from_millis(300)),
            rate_per_s: Some(rate_per_s),
            threads: 2,
            ..options(&fake, &[Test::HasNot])
        };
        let rows = quietly(&paced(200)).await.unwrap().rows;
        assert_eq!(rows[0].ops + rows[0].not_started, 60, "{:?}", rows[0]);
        assert!(rows[0].ops > 30, "{:?}", rows[0]);
        assert!(rows[0].seconds >= 0.29, "not all at once: {:?}", rows[0]);
        // Each answer takes 50 ms, so that two threads give 12 of the 60.
        fake.answer_late(Duration::from_millis(50));
        let rows = quietly(&paced(200)).await.unwrap().rows;
        assert_eq!(rows[0].ops + rows[0].not_started, 60, "{:?}", rows[0]);
        assert!((2..=14).contains(&rows[0].ops), "{:?}", rows[0]);
        // The tenth was to begin after 45 ms, and did after 200.
        assert!(
            rows[0].max_us > 150_000,
            "from the intended start: {:?}",
            rows[0]
        );
    }

    #[tokio::test]
    async fn an_open_loop_of_so_many_operations_ends_with_the_last() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            stop: Stop::Ops(77),
            rate_per_s: Some(2_000),
            ..options(&fake, &[Test::Get, Test::Scan])
        };
        let rows = quietly(&options).await.unwrap().rows;
        for row in &rows {
            assert_eq!(
                (row.ops, row.errors, row.not_started),
                (77, 0, 0),
                "{row:?}"
            );
        }
        assert_eq!(rows[1].intended_per_s, Some(2_000.0));
    }

    #[tokio::test]
    async fn an_interrupted_run_keeps_its_figures_and_removes_its_keys() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            stop: Stop::After(Duration::from_secs(3_600)),
            ..options(&fake, &[Test::Set, Test::Get])
        };
        let interrupt = Interrupt::new();
        let measured = run(&options, &interrupt, |progress| {
            // More were begun than can be under way: some were answered.
            if matches!(progress, Progress::Running { ops: 10.., .. }) {
                interrupt.raise();
            }
        });
        let measured = measured.await.unwrap();
        assert!(measured.interrupted && measured.stopped.is_none() && measured.left.is_none());
        let names: Vec<_> = measured.rows.iter().map(|row| row.test).collect();
        assert_eq!(names, ["set"]);
        assert!(measured.rows[0].ops > 0);
        assert_eq!(fake.keys(), 0);
    }

    /// An answer that never comes must not keep the figures from being told.
    #[tokio::test]
    async fn an_interrupt_does_not_wait_for_a_server_that_hangs() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            stop: Stop::After(Duration::from_secs(3_600)),
            client: ClientOptions {
                timeout: Duration::from_secs(3),
                ..ClientOptions::to(&fake.endpoint)
            },
            ..options(&fake, &[Test::Set])
        };
        let interrupt = Interrupt::new();
        let clock = Host::system().clock;
        let began_us = clock.boot_us();
        let measured = run(&options, &interrupt, |progress| {
            // More were begun than can be under way: some were answered.
            if matches!(progress, Progress::Running { ops: 10.., .. }) {
                fake.fall_silent();
                interrupt.raise();
            }
        });
        let measured = measured.await.unwrap();
        assert!(measured.interrupted && measured.rows[0].ops > 0);
        assert!(measured.left.is_some(), "keys cannot be removed either");
        // The grace, and the time limit of the removal.
        assert!(clock.boot_us() - began_us < 30_000_000);
    }

    #[tokio::test]
    async fn an_interrupt_while_keys_are_written_leaves_none() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            keys: 1_000_000,
            ..options(&fake, &[Test::Get])
        };
        let interrupt = Interrupt::new();
        let measured = run(&options, &interrupt, |progress| {
            if matches!(progress, Progress::Preparing { done } if done > 0.0) {
                interrupt.raise();
            }
        });
        let measured = measured.await.unwrap();
        assert!(measured.interrupted && measured.rows.is_empty() && measured.left.is_none());
        assert_eq!(fake.keys(), 0);
    }

    #[tokio::test]
    async fn locks_are_measured_where_there_are_no_keys() {
        let fake = Fake::local(1).await;
        let rows = quietly(&options(&fake, &[Test::Lock])).await.unwrap().rows;
        assert_eq!((rows[0].ops, rows[0].errors), (100, 0), "{:?}", rows[0]);
        // Each is an acquire and a release, and so is the first question.
        assert_eq!(fake.requests(), 2 * 101);
    }

    #[tokio::test]
    async fn keys_are_written_again_only_if_a_test_spoils_them() {
        let fake = Fake::local(1).await;
        let tests = [Test::Get, Test::Has, Test::Mixed, Test::Delete];
        quietly(&options(&fake, &tests)).await.unwrap();
        // One question, the keys, two tests that read and a mixed one, the keys again, and
        // the removal.
        assert_eq!(fake.requests(), 1 + 40 + 300 + 40 + 100 + 1);
    }
}
