//! The locks that are held longest.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::machine::query;
use crate::proto::v1;
use crate::server::service::{Service, Shard};

/// How many are told.
const TOLD: usize = 20;

/// So many locks of a shard are looked at, ...
const OF_SHARD_MAX: usize = 2_000;
/// ... and so many in all: a look keeps writers waiting, and decodes each.
const MAX: usize = 8_000;

/// How long an answer is good enough, however many ask, milliseconds.
const FRESH_MS: u64 = 900;

/// Who holds locks for long, looked up when somebody asks. Clones share what they found.
#[derive(Clone, Default)]
pub(in crate::server) struct LongestHeld {
    found: Arc<Mutex<Option<Found>>>,
}

#[derive(Clone)]
struct Found {
    at_ms: u64,
    locks: Vec<v1::HeldLock>,
    is_incomplete: bool,
}

impl LongestHeld {
    /// The longest held first, and whether there are more locks than are looked at.
    pub(super) fn of(&self, service: &Service, now_ms: u64) -> (Vec<v1::HeldLock>, bool) {
        let mut found = self.found.lock();
        let fresh = found
            .take()
            .filter(|it| now_ms.saturating_sub(it.at_ms) < FRESH_MS);
        let fresh = fresh.unwrap_or_else(|| look(service, now_ms));
        *found = Some(fresh.clone());
        (fresh.locks, fresh.is_incomplete)
    }
}

fn look(service: &Service, at_ms: u64) -> Found {
    let mut locks = Vec::new();
    let mut is_incomplete = false;
    for shard in service.shards() {
        let held = shard.store.status().locks;
        let room = OF_SHARD_MAX.min(MAX - locks.len());
        is_incomplete |= held > room as u64;
        if held > 0 && room > 0 {
            locks.extend(held_in(shard, room));
        }
    }
    locks.sort_by(|a, b| b.age_ms.cmp(&a.age_ms).then_with(|| a.name.cmp(&b.name)));
    locks.truncate(TOLD);
    Found {
        at_ms,
        locks,
        is_incomplete,
    }
}

fn held_in(shard: &Shard, limit: usize) -> Vec<v1::HeldLock> {
    let store = &shard.store;
    let locks = store.read(|machine| query::locks(machine.engine(), b"", None, limit));
    let locks = locks.unwrap_or_else(|failure| {
        tracing::warn!(shard = %shard.id, %failure, "the locks that are held could not be read");
        Vec::new()
    });
    let now = store.now().0;
    let held = locks.into_iter().map(|(name, lock)| v1::HeldLock {
        shard: shard.id.0,
        name,
        age_ms: now.saturating_sub(lock.granted_at.0),
        remaining_ms: lock.lease_until.map(|until| until.0.saturating_sub(now)),
        waiters: lock.queue.len() as u64,
    });
    held.collect()
}
