//! The locks that are held longest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
///
/// One looks at a time, and nobody waits for another one's look: a shard may be slow.
#[derive(Clone, Default)]
pub(in crate::server) struct LongestHeld {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Never held while shards are read.
    found: Mutex<Option<Found>>,
    is_looking: AtomicBool,
}

#[derive(Debug, Clone, PartialEq)]
struct Found {
    at_ms: u64,
    locks: Vec<v1::HeldLock>,
    is_incomplete: bool,
}

/// The right to look, until it is dropped.
struct Look<'a>(&'a AtomicBool);

impl<'a> Look<'a> {
    fn begin(is_looking: &'a AtomicBool) -> Option<Self> {
        let was_looking = is_looking.swap(true, Ordering::Acquire);
        (!was_looking).then(|| Self(is_looking))
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl LongestHeld {
    /// The longest held first, and whether there are more locks than are looked at.
    ///
    /// While another one looks it is what was found last, however old; if that is nothing
    /// yet, there is more than is told.
    pub(super) fn of(&self, service: &Service, now_ms: u64) -> (Vec<v1::HeldLock>, bool) {
        let found = self.found_by(now_ms, || look(service, now_ms));
        found.map_or((Vec::new(), true), |it| (it.locks, it.is_incomplete))
    }

    fn found_by(&self, now_ms: u64, look: impl FnOnce() -> Found) -> Option<Found> {
        let last = self.shared.found.lock().clone();
        if last.as_ref().is_some_and(|it| is_fresh(it, now_ms)) {
            return last;
        }
        let Some(_looking) = Look::begin(&self.shared.is_looking) else {
            return last;
        };
        // Another one's look may have ended in between.
        let last = self.shared.found.lock().clone();
        if last.as_ref().is_some_and(|it| is_fresh(it, now_ms)) {
            return last;
        }
        let found = look();
        *self.shared.found.lock() = Some(found.clone());
        Some(found)
    }
}

fn is_fresh(found: &Found, now_ms: u64) -> bool {
    now_ms.saturating_sub(found.at_ms) < FRESH_MS
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(at_ms: u64) -> Found {
        Found {
            at_ms,
            locks: Vec::new(),
            is_incomplete: false,
        }
    }

    fn nobody_looks() -> Found {
        panic!("somebody looks already, or what was found is fresh")
    }

    /// Whoever asked while a slow shard was read waited for it, too, one behind the other.
    #[test]
    fn nobody_waits_for_another_ones_look() {
        let held = LongestHeld::default();
        let first = held.found_by(1_000, || {
            // A lock that is held would not come back from here.
            assert_eq!(held.clone().found_by(1_000, nobody_looks), None);
            found(1_000)
        });
        assert_eq!(first, Some(found(1_000)));
        assert_eq!(held.found_by(1_899, nobody_looks), first, "it is fresh");
        let second = held.found_by(9_000, || {
            assert_eq!(held.found_by(9_000, nobody_looks), first, "the last one");
            found(9_000)
        });
        assert_eq!(second, Some(found(9_000)));
        assert_eq!(held.found_by(9_000, nobody_looks), second);
    }

    #[test]
    fn a_look_that_failed_does_not_keep_others_from_looking() {
        let held = LongestHeld::default();
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            held.found_by(1_000, || panic!("a shard could not be read"))
        }));
        assert!(failed.is_err());
        assert_eq!(held.found_by(1_000, || found(1_000)), Some(found(1_000)));
    }
}
