//! Runs the tests: prepare the keys, warm up, measure, clean up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::options::{PerfOptions, Stop, Test};
use super::row::{Row, Tally};
use super::target::{Lane, Promise, Target};
use super::workload::{Draw, Material};
use crate::base::host::{Clock, Host};
use crate::base::{Error, Result};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Where a run is, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Keys are written that the tests read.
    Preparing,
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
#[derive(Debug)]
pub struct Measured {
    /// A row a test, in the order in which they ran.
    pub rows: Vec<Row>,
    /// Why the tests without a row did not run; `None` if all did.
    pub stopped: Option<Error>,
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
}

/// Runs every test and tells `progress` about ten times a second. Keys are under a
/// fresh prefix and are removed at the end, also after an error.
///
/// # Errors
/// `Invalid` for options that cannot be, and what a server says that takes no requests.
/// Operations that fail during a test are counted in its row instead.
pub async fn run(options: &PerfOptions, mut progress: impl FnMut(Progress)) -> Result<Measured> {
    options.check()?;
    let host = Host::system();
    let target = Target::connect(options).await?;
    let unique = u128::from_be_bytes(host.rng.id());
    let prefix = format!("dkv-perf:{unique:032x}:");
    progress(Progress::Preparing);
    // A first answer, so that a server that is not there is an error and not a row.
    target.lane(0).has(&prefix).await?;
    let run = Run {
        material: Arc::new(Material::new(options, prefix, &*host.rng)),
        clock: host.clock,
        promise: target.promise().await?,
        options,
        target,
    };
    let mut rows = Vec::new();
    let stopped = run.tests(&mut rows, &mut progress).await.err();
    progress(Progress::CleaningUp);
    Ok(Measured {
        rows,
        stopped,
        left: run.clean_up().await,
    })
}

struct Run<'a> {
    options: &'a PerfOptions,
    target: Target,
    promise: Promise,
    material: Arc<Material>,
    clock: Arc<dyn Clock>,
}

/// What the logical clients of one test share.
struct Shared {
    clock: Arc<dyn Clock>,
    /// Operations begun; the number of the next.
    begun: AtomicU64,
    /// Operations after which a client stops.
    ops_max: u64,
    stop: AtomicBool,
}

impl Run<'_> {
    async fn tests(&self, rows: &mut Vec<Row>, progress: &mut impl FnMut(Progress)) -> Result<()> {
        for test in self.options.ordered() {
            if needs_keys(test) {
                progress(Progress::Preparing);
                self.prepare().await?;
            }
            // Deleting cannot be rehearsed: the keys would be gone.
            if test != Test::Delete && !self.options.warm_up.is_zero() {
                let stop = Stop::After(self.options.warm_up);
                self.measure(test, stop, &mut |_| {}).await;
            }
            rows.push(self.measure(test, self.options.stop, progress).await);
        }
        Ok(())
    }

    /// Writes every key, many at a time.
    async fn prepare(&self) -> Result<()> {
        let next = Arc::new(AtomicU64::new(0));
        let mut writers: JoinSet<Result<()>> = JoinSet::new();
        for number in 0..self.options.threads.max(64) {
            let (lane, next) = (self.target.lane(number), Arc::clone(&next));
            let material = Arc::clone(&self.material);
            writers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= material.keys() {
                        return Ok(());
                    }
                    material.load(&lane, number).await?;
                }
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer.map_err(died)??;
        }
        Ok(())
    }

    async fn measure(&self, test: Test, stop: Stop, progress: &mut impl FnMut(Progress)) -> Row {
        let ops_max = match (stop, test) {
            (Stop::Ops(ops), _) => ops,
            // Each key once: deleting what is gone is another thing.
            (Stop::After(_), Test::Delete) => self.options.keys,
            (Stop::After(_), _) => u64::MAX,
        };
        let shared = Arc::new(Shared {
            clock: Arc::clone(&self.clock),
            begun: AtomicU64::new(0),
            ops_max,
            stop: AtomicBool::new(false),
        });
        let started_us = self.clock.boot_us();
        let mut clients = JoinSet::new();
        for number in 0..self.options.threads {
            clients.spawn(closed_loop(
                test,
                self.target.lane(number),
                Draw::new(self.options.seed, number),
                Arc::clone(&self.material),
                Arc::clone(&shared),
            ));
        }
        let mut tally = Tally::new();
        let mut tell = tokio::time::interval(TELL_EVERY);
        let limit_us = match stop {
            Stop::After(after) => u64::try_from(after.as_micros()).unwrap_or(u64::MAX),
            Stop::Ops(_) => u64::MAX,
        };
        let mut ended = std::pin::pin!(tokio::time::sleep(Duration::from_micros(
            limit_us.min(u64::from(u32::MAX) * 1_000)
        )));
        loop {
            tokio::select! {
                client = clients.join_next() => match client {
                    Some(Ok(one)) => tally.merge(one),
                    Some(Err(error)) => tally.failed(&died(error)),
                    None => break,
                },
                () = ended.as_mut(), if !shared.stop.load(Ordering::Relaxed) => {
                    shared.stop.store(true, Ordering::Relaxed);
                }
                _ = tell.tick() => {
                    let ops = shared.begun.load(Ordering::Relaxed).min(ops_max);
                    let elapsed_us = self.clock.boot_us() - started_us;
                    let by_time = elapsed_us as f64 / limit_us as f64;
                    let done = by_time.max(ops as f64 / ops_max as f64).min(1.0);
                    progress(Progress::Running { test, done, ops });
                }
            }
        }
        let elapsed_us = self.clock.boot_us() - started_us;
        Row {
            target: self.target.name(),
            connections: self.target.connections(self.options),
            promise: self.promise.clone(),
            ..tally.into_row(test, self.options, elapsed_us)
        }
    }

    async fn clean_up(&self) -> Option<Left> {
        let prefix = self.material.prefix().to_owned();
        let removed = self.target.clear(&prefix).await;
        removed.err().map(|error| Left { prefix, error })
    }
}

/// One operation after the other, until the test ends.
async fn closed_loop(
    test: Test,
    lane: Lane,
    draw: Draw,
    material: Arc<Material>,
    shared: Arc<Shared>,
) -> Tally {
    let mut tally = Tally::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let number = shared.begun.fetch_add(1, Ordering::Relaxed);
        if number >= shared.ops_max {
            break;
        }
        let sent_us = shared.clock.boot_us();
        match material.operate(test, &lane, &draw, number).await {
            Ok(()) => tally.succeeded(shared.clock.boot_us() - sent_us),
            Err(error) => tally.failed(&error),
        }
    }
    tally
}

fn needs_keys(test: Test) -> bool {
    match test {
        Test::Get | Test::Has | Test::Mixed | Test::Delete => true,
        Test::Set | Test::SetLarge | Test::HasNot => false,
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn died(error: tokio::task::JoinError) -> Error {
    Error::internal(format!("a logical client died: {error}"))
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

    #[tokio::test]
    async fn every_test_counts_what_was_asked_for_and_leaves_nothing_behind() {
        let fake = Fake::local(1).await;
        let mut told = Vec::new();
        let options = options(&fake, &Test::ALL);
        let measured = run(&options, |progress| told.push(progress)).await.unwrap();
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
        }
        assert_eq!(fake.keys(), 0);
        assert_eq!(told.first(), Some(&Progress::Preparing));
        assert_eq!(told.last(), Some(&Progress::CleaningUp));
    }

    #[tokio::test]
    async fn a_timed_delete_ends_with_the_last_key() {
        let fake = Fake::local(1).await;
        let options = PerfOptions {
            stop: Stop::After(Duration::from_secs(3_600)),
            ..options(&fake, &[Test::Delete])
        };
        let rows = run(&options, |_| {}).await.unwrap().rows;
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
        let rows = run(&options, |_| {}).await.unwrap().rows;
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
        let rows = run(&options(&fake, &[Test::Get]), |_| {})
            .await
            .unwrap()
            .rows;
        assert_eq!((rows[0].ops, rows[0].errors), (10, 90));
        assert!(rows[0].first_error.as_ref().unwrap().contains("INVALID"));
        assert_eq!(fake.keys(), 0);
        fake.refuse_from(fake.requests() + 10);
        let measured = run(&options(&fake, &[Test::Get]), |_| {}).await.unwrap();
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
        let measured = run(&options(&fake, &[Test::Get]), |_| {}).await.unwrap();
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
        let measured = run(&options(&fake, &tests), |_| {}).await.unwrap();
        let names: Vec<_> = measured.rows.iter().map(|row| row.test).collect();
        assert_eq!(names, ["set"]);
        assert_eq!(measured.stopped.unwrap().kind(), ErrorKind::Invalid);
        assert!(measured.left.is_none());
    }
}
