//! Healthy clients: they come at a rate, whatever the node does, and what they notice is kept
//! for each phase.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dkv::base::Result;
use dkv::client::{Client, ClientOptions};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::nodes::Node;

/// Sessions at a node, each on a connection of its own.
const SESSIONS: u32 = 4;

/// Calls of a session under way at once. One that would be more is an error.
const UNDER_WAY_MAX: usize = 2_000;

const KEYS: u64 = 1_000;
const VALUE_BYTES: usize = 64;

/// A healthy client gives up after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Before the attack, during it, after it.
pub(crate) const PHASES: usize = 3;

/// Which phase it is; shared by all who measure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phase(Arc<AtomicUsize>);

impl Phase {
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst).min(PHASES - 1)
    }

    pub(crate) fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the clients of one node saw in one phase.
pub(crate) struct Seen {
    latency_us: Mutex<Histogram<u64>>,
    pub(crate) errors: AtomicU64,
}

impl Seen {
    pub(crate) fn new() -> Self {
        // Up to a minute. A histogram that grows by itself does not do so when it saturates.
        let latency_us = Histogram::new_with_bounds(1, 60_000_000, 3);
        let latency_us = latency_us.expect("three digits can be kept");
        Self {
            latency_us: Mutex::new(latency_us),
            errors: AtomicU64::new(0),
        }
    }

    /// A call that should have begun then and ended now.
    pub(crate) fn keep(&self, due: Instant, outcome: &Result<()>) {
        match outcome {
            Ok(()) => {
                let us = due.elapsed().as_micros() as u64;
                let mut latency_us = self.latency_us.lock().expect("nobody panics with it");
                latency_us.saturating_record(us);
            }
            Err(_) => drop(self.errors.fetch_add(1, Ordering::SeqCst)),
        }
    }

    pub(crate) fn us(&self, quantile: f64) -> u64 {
        let latency_us = self.latency_us.lock().expect("nobody panics with it");
        latency_us.value_at_quantile(quantile)
    }

    pub(crate) fn count(&self) -> u64 {
        self.latency_us.lock().expect("nobody panics with it").len()
    }
}

pub(crate) type Phases = Arc<[Seen; PHASES]>;

pub(crate) fn phases() -> Phases {
    Arc::new(std::array::from_fn(|_| Seen::new()))
}

/// Clients of one node, which come until this is dropped.
pub(crate) struct Load {
    pub(crate) seen: Phases,
    _sessions: JoinSet<()>,
}

impl Load {
    /// Sessions that make so many calls a second together.
    pub(crate) async fn begin(node: &Node, rate: u32, phase: &Phase) -> Result<Self> {
        let seen = phases();
        let mut sessions = JoinSet::new();
        for _ in 0..SESSIONS {
            let client = Client::connect(ClientOptions {
                timeout: PATIENCE,
                ..ClientOptions::to(node.endpoint.to_string())
            });
            let every = Duration::from_secs(1) * SESSIONS / rate.max(1);
            sessions.spawn(come(client.await?, every, phase.clone(), seen.clone()));
        }
        Ok(Self {
            seen,
            _sessions: sessions,
        })
    }
}

async fn come(client: Client, every: Duration, phase: Phase, seen: Phases) {
    let mut beats = interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for number in 0_u64.. {
        let due = beats.tick().await;
        while calls.try_join_next().is_some() {}
        let (phase, seen) = (phase.now(), seen.clone());
        if calls.len() >= UNDER_WAY_MAX {
            seen[phase].errors.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let client = client.clone();
        calls.spawn(async move {
            let key = format!("healthy:{}", number % KEYS);
            let called = match number % 2 {
                0 => client.set(key, vec![b'v'; VALUE_BYTES]).await.map(drop),
                _ => client.get(key).await.map(drop),
            };
            seen[phase].keep(due, &called);
        });
    }
}
