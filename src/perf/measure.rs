//! One test: logical clients that ask until it ends.
//!
//! In a closed loop each begins an operation when it has the answer of the one before. In
//! an open loop operations begin by a plan, [`Pace`]: what is due and waits for a client
//! that is free is a number, whatever the number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::alarm::Alarm;
use super::interrupt::Interrupt;
use super::options::Stop;
use super::pace::{self, Pace};
use super::tally::{Scores, Tally};
use super::test::Test;
use super::workload::{BATCH_KEYS, LogicalClient};
use crate::base::host::Clock;
use crate::base::{Error, Result};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How long an interrupted test waits for the answers that are under way: writes that
/// arrive after the keys were removed would stay.
const GRACE: Duration = Duration::from_secs(2);

/// Starts that are handed out at once, at most: the rest follows at the next look.
const STARTS_AT_ONCE_MAX: u64 = 1 << 20;

/// What to measure.
pub(super) struct Measure {
    pub(super) test: Test,
    pub(super) stop: Stop,
    /// Operations a second; `None`: a closed loop.
    pub(super) rate_per_s: Option<u64>,
    /// How many keys the test can visit.
    pub(super) keys: u64,
    pub(super) clock: Arc<dyn Clock>,
}

/// What one test gave.
pub(super) struct Outcome {
    pub(super) tally: Tally,
    pub(super) elapsed_us: u64,
    /// Operations that were to begin before the end, and did not.
    pub(super) not_started: u64,
}

/// What the logical clients of one test share.
struct Shared {
    test: Test,
    clock: Arc<dyn Clock>,
    started_us: u64,
    /// Operations begun; the number of the next.
    begun: AtomicU64,
    /// Operations that one call is.
    step: u64,
    /// Operations after which a client stops.
    ops_max: u64,
    /// Calls that an open loop begins.
    starts_max: u64,
    stop: AtomicBool,
    scores: Scores,
    /// Starts that are due, in an open loop.
    due: Semaphore,
    pace: Option<Pace>,
    clients: usize,
}

impl Measure {
    /// Runs `clients` until the end, or until it is interrupted, and tells `progress` how
    /// far it is, from 0 to 1, and the operations begun.
    pub(super) async fn run(
        self,
        clients: Vec<LogicalClient>,
        interrupt: &Interrupt,
        progress: &mut impl FnMut(f64, u64),
    ) -> Outcome {
        let shared = Arc::new(self.shared(clients.len()));
        let mut working = JoinSet::new();
        for client in clients {
            match shared.pace {
                None => working.spawn(closed_loop(client, Arc::clone(&shared))),
                Some(pace) => working.spawn(open_loop(client, pace, Arc::clone(&shared))),
            };
        }
        // Ends with this function, at the latest.
        let mut pacing = JoinSet::new();
        if let Some(pace) = shared.pace {
            pacing.spawn(hand_out_starts(pace, Arc::clone(&shared)));
        }
        let stopped_us = self.watch(&shared, &mut working, &mut pacing, interrupt, progress);
        let stopped_us = stopped_us.await;
        Outcome {
            elapsed_us: shared.elapsed_us(),
            not_started: self.not_started(&shared, stopped_us),
            tally: shared.scores.take(),
        }
    }

    fn shared(&self, clients: usize) -> Shared {
        let step = match self.test {
            Test::Scan => self.keys,
            Test::Batch => BATCH_KEYS.min(self.keys),
            _ => 1,
        };
        let ops_max = match (self.stop, self.test) {
            (Stop::Ops(ops), _) => ops,
            // Each key once: deleting what is gone is another thing.
            (Stop::After(_), Test::Delete) => self.keys,
            (Stop::After(_), _) => u64::MAX,
        };
        let pace = self.rate_per_s.map(|rate| Pace::new(rate, step));
        let planned = pace.map_or(u64::MAX, |pace| pace.within(self.length()));
        Shared {
            test: self.test,
            clock: Arc::clone(&self.clock),
            started_us: self.clock.boot_us(),
            begun: AtomicU64::new(0),
            step,
            ops_max,
            starts_max: planned.min(ops_max.div_ceil(step)),
            stop: AtomicBool::new(false),
            scores: Scores::new(Handle::current().metrics().num_workers()),
            due: Semaphore::new(0),
            pace,
            clients,
        }
    }

    /// Returns when the clients have ended, with the time at which they were told to, us
    /// from the beginning.
    async fn watch(
        &self,
        shared: &Shared,
        working: &mut JoinSet<()>,
        pacing: &mut JoinSet<Result<()>>,
        interrupt: &Interrupt,
        progress: &mut impl FnMut(f64, u64),
    ) -> Option<u64> {
        let mut tell = tokio::time::interval(TELL_EVERY);
        let mut end = std::pin::pin!(tokio::time::sleep(self.length()));
        let mut grace = std::pin::pin!(tokio::time::sleep(Duration::MAX));
        let mut stopped_us = None;
        let mut is_interrupted = false;
        loop {
            tokio::select! {
                biased;
                () = interrupt.raised(), if !is_interrupted => {
                    is_interrupted = true;
                    stopped_us.get_or_insert_with(|| shared.stop());
                    grace.set(tokio::time::sleep(GRACE));
                }
                () = grace.as_mut(), if is_interrupted => {
                    working.shutdown().await;
                    return stopped_us;
                }
                () = end.as_mut(), if stopped_us.is_none() => {
                    stopped_us = Some(shared.stop());
                }
                client = working.join_next() => match client {
                    Some(Ok(())) => {}
                    Some(Err(error)) => shared.failed(0, &died(error)),
                    None => return stopped_us,
                },
                Some(paced) = pacing.join_next() => {
                    if let Err(error) = paced.map_err(died).flatten() {
                        shared.failed(0, &error);
                        stopped_us.get_or_insert_with(|| shared.stop());
                    }
                }
                _ = tell.tick() => {
                    let ops = shared.begun.load(Ordering::Relaxed).min(shared.ops_max);
                    let by_time = shared.elapsed_us() as f64 / 1e6 / self.length().as_secs_f64();
                    let done = by_time.max(ops as f64 / shared.ops_max as f64).min(1.0);
                    progress(done, ops);
                }
            }
        }
    }

    /// Forever, of a test that ends by operations.
    fn length(&self) -> Duration {
        match self.stop {
            Stop::After(length) => length,
            Stop::Ops(_) => Duration::MAX,
        }
    }

    /// Operations whose start was due before the end and not taken by any client.
    fn not_started(&self, shared: &Shared, stopped_us: Option<u64>) -> u64 {
        let (Some(pace), Some(stopped_us)) = (shared.pace, stopped_us) else {
            return 0;
        };
        // The timer that ends a test is a little late: then there is nothing more to begin.
        let due = pace.due(stopped_us).min(shared.starts_max);
        let due = due.saturating_mul(shared.step).min(shared.ops_max);
        due.saturating_sub(shared.begun.load(Ordering::Relaxed))
    }
}

impl Shared {
    fn elapsed_us(&self) -> u64 {
        self.clock.boot_us() - self.started_us
    }

    /// Has every client end with the operation it is at; the time at which it did.
    fn stop(&self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // Whoever waits for a start waits no more.
        self.due.close();
        self.elapsed_us()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The number of the next operation; `None` after the last.
    fn next(&self) -> Option<u64> {
        if self.is_stopped() {
            return None;
        }
        let number = self.begun.fetch_add(self.step, Ordering::Relaxed);
        (number < self.ops_max).then_some(number)
    }

    /// The call that begins operation `number`, whose latency counts from `from_us`.
    async fn call(&self, client: &mut LogicalClient, number: u64, from_us: u64) {
        let keys_max = self.step.min(self.ops_max - number);
        let go_on = || !self.is_stopped();
        let called = client.operate(self.test, number, keys_max, &go_on).await;
        let at_us = self.elapsed_us();
        match called {
            Ok(ops) => {
                // A scan that ended early has no latency.
                let is_whole = self.step == 1 || ops == keys_max || go_on();
                let latency_us = is_whole.then(|| at_us.saturating_sub(from_us));
                self.scores
                    .succeeded(client.number(), at_us, ops, latency_us);
            }
            Err(error) => self.failed(client.number(), &error),
        }
    }

    fn failed(&self, client: usize, error: &Error) {
        self.scores.failed(client, self.elapsed_us(), error);
    }
}

/// One operation after the other, until the test ends.
async fn closed_loop(mut client: LogicalClient, shared: Arc<Shared>) {
    while let Some(number) = shared.next() {
        let from_us = shared.elapsed_us();
        shared.call(&mut client, number, from_us).await;
    }
}

/// The operations whose start is due, until the test ends.
async fn open_loop(mut client: LogicalClient, pace: Pace, shared: Arc<Shared>) {
    while let Ok(start) = shared.due.acquire().await {
        start.forget();
        let Some(number) = shared.next() else { return };
        let intended_us = pace.intended_us(number / shared.step);
        shared.call(&mut client, number, intended_us).await;
    }
}

/// Hands out starts as they become due.
async fn hand_out_starts(pace: Pace, shared: Arc<Shared>) -> Result<()> {
    let mut alarm = Alarm::new(Arc::clone(&shared.clock))?;
    let mut given = 0;
    let mut rest_until_us = 0;
    while given < shared.starts_max {
        let intended_us = pace.intended_us(given).max(rest_until_us);
        alarm.wait_until(shared.started_us + intended_us).await?;
        let due = pace.due(shared.elapsed_us()).min(shared.starts_max);
        let starts = (due - given).min(STARTS_AT_ONCE_MAX);
        shared.hand_out(starts);
        given += starts;
        rest_until_us = pace::rest_us(shared.due.available_permits(), shared.clients)
            .map_or(0, |rest_us| shared.elapsed_us() + rest_us);
        // When it is behind it does not wait, and must not keep others from working.
        tokio::task::yield_now().await;
    }
    // Of a test that ends by operations each client finds out that it is over; another one
    // goes on until its time is over, though nothing begins any more.
    if given.saturating_mul(shared.step) >= shared.ops_max {
        shared.hand_out(shared.clients as u64);
    }
    Ok(())
}

impl Shared {
    fn hand_out(&self, starts: u64) {
        let starts = usize::try_from(starts).expect("bounded by constants");
        // Nobody takes them if the target hangs, and there is an end to what can be counted.
        if self.due.available_permits() < Semaphore::MAX_PERMITS / 2 {
            self.due.add_permits(starts);
        }
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
pub(super) fn died(error: JoinError) -> Error {
    Error::internal(format!("a logical client died: {error}"))
}
