//! The recorded clients: much about few keys, so that they get into each other's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::asker;
use super::run::{ANY, Plan, Progress};
use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Consistency, Operation, Outcome, Recorder};
use crate::check::knowledge::Knowledge;
use crate::client::Client;
use crate::perf::Interrupt;

/// Operations on one key before another takes its place: the search of a key stays fast.
const OPERATIONS_PER_KEY: u64 = 200;

/// Operations of one run: some hundred bytes each are kept until all is judged.
const OPERATIONS_MAX: u64 = 1_000_000;

/// How often progress is shown.
const LOOK: Duration = Duration::from_millis(100);

/// Leases are short enough to end while somebody writes under them, ms.
const TTL_MS: (u64, u64) = (300, 1_500);

/// After what went wrong a client waits so long, ms: it would only record the same again.
const PAUSE_MS: (u64, u64) = (10, 60);

/// One client, and whom it asks.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) client: Client,
    pub(super) member: String,
}

/// What all clients share.
struct Shared {
    recorder: Recorder,
    interrupt: Interrupt,
    began: Instant,
    until: Instant,
    /// A client has at least so much time for each operation, on average.
    every: Duration,
    /// How many operations were begun.
    drawn: AtomicU64,
    keys: u64,
    bucket: String,
}

/// One of them, what it knows, and what it asks for next.
struct Asker {
    shared: Arc<Shared>,
    lane: Lane,
    number: u32,
    dice: Dice,
    known: Knowledge,
    generation: u64,
    asked: u32,
}

/// Lets all clients ask until the time is over or `interrupt` is raised: what they recorded, and
/// how long that took.
pub(super) async fn run(
    plan: &Plan,
    lanes: Vec<Lane>,
    interrupt: &Interrupt,
    progress: &mut impl FnMut(Progress),
) -> (Vec<Operation>, Duration) {
    let dice = Dice::new(plan.seed);
    let began = Instant::now();
    let each = OPERATIONS_MAX / lanes.len() as u64;
    let shared = Arc::new(Shared {
        recorder: Recorder::start(),
        interrupt: interrupt.clone(),
        began,
        until: began + plan.duration,
        every: plan.duration / u32::try_from(each).unwrap_or(u32::MAX).max(1),
        drawn: AtomicU64::new(0),
        keys: plan.keys,
        bucket: plan.bucket.clone(),
    });
    let mut clients = JoinSet::new();
    for (number, lane) in (0..).zip(lanes) {
        let asker = Asker {
            shared: Arc::clone(&shared),
            lane,
            number,
            dice: dice.fork(u64::from(number) + 1),
            known: Knowledge::of(number),
            generation: u64::MAX,
            asked: 0,
        };
        clients.spawn(asker.run());
    }
    while !clients.is_empty() {
        tokio::select! {
            ended = clients.join_next() => {
                ended.transpose().expect("a client does not panic");
            }
            () = sleep(LOOK) => {}
        }
        progress(Progress::Asking {
            done: began.elapsed().as_secs_f64() / plan.duration.as_secs_f64().max(f64::EPSILON),
            operations: shared.recorder.len(),
        });
    }
    (shared.recorder.take(), began.elapsed())
}

impl Asker {
    async fn run(mut self) {
        while !self.shared.interrupt.is_raised() && Instant::now() < self.shared.until {
            let action = self.draw();
            let outcome = self.ask(action).await;
            self.asked += 1;
            let pause = if went_wrong(&outcome) {
                let ms = self.dice.within(PAUSE_MS.0, PAUSE_MS.1);
                Duration::from_millis(ms)
            } else {
                let due = self.shared.began + self.shared.every * self.asked;
                due.saturating_duration_since(Instant::now())
            };
            if !pause.is_zero() {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = self.shared.interrupt.raised() => {}
                }
            }
        }
        self.look_around().await;
    }

    /// Reads what is there in the end: a write that was lost last shows as well.
    async fn look_around(mut self) {
        let drawn = self.shared.drawn.load(Ordering::Relaxed);
        let generation = self.shared.generation(drawn.saturating_sub(1));
        for at in 0..self.shared.keys.min(OPERATIONS_PER_KEY) {
            let action = Action::Get {
                key: format!("{generation}-{at}"),
                consistency: Consistency::Linearizable,
            };
            if went_wrong(&self.ask(action).await) {
                return;
            }
        }
    }

    async fn ask(&mut self, action: Action) -> Outcome {
        let recorder = &self.shared.recorder;
        let invoked_ns = recorder.now_ns();
        let outcome = asker::ask(&self.lane.client, &action).await;
        self.known.learn(&action, &outcome);
        recorder.record(Operation {
            client: self.number,
            node: self.lane.member.clone(),
            invoked_ns,
            returned_ns: recorder.now_ns(),
            action,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// What to ask next.
    fn draw(&mut self) -> Action {
        let shared = &self.shared;
        let generation = shared.generation(shared.drawn.fetch_add(1, Ordering::Relaxed));
        if generation != self.generation {
            self.generation = generation;
            let locks = format!("{}/{generation}-", shared.bucket);
            self.known.move_on(locks);
        }
        let key = format!("{generation}-{}", self.dice.below(shared.keys));
        match self.dice.below(100) {
            0..=34 => Action::Get {
                key,
                consistency: Consistency::Linearizable,
            },
            35..=54 => self.known.set(key, None, None),
            55..=69 => self.known.set_if_seen(&mut self.dice, key),
            70..=74 => self.known.set(key, Some(Condition::Absent), None),
            75..=82 => Action::Delete { key, fence: None },
            _ => {
                let ttl_ms = self.dice.within(TTL_MS.0, TTL_MS.1);
                let may_wait = self.lane.member == ANY;
                self.known.draw_lock(&mut self.dice, key, ttl_ms, may_wait)
            }
        }
    }
}

impl Shared {
    /// Which set of keys and locks an operation is about.
    fn generation(&self, drawn: u64) -> u64 {
        drawn / (self.keys * OPERATIONS_PER_KEY)
    }
}

fn went_wrong(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. } | Outcome::Unknown { .. })
}
