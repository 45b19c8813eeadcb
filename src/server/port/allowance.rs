//! The memory that a connection may make its node hold: for what it sends, and for answers
//! that it does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::base::limits;

/// Bytes that are held for all connections, one way.
struct Pool {
    held: AtomicUsize,
    max: usize,
    refused: AtomicU64,
}

/// Bytes that are held for one connection, one way.
///
/// Invariant: a connection for which nothing is held may always hold what comes next, so
/// that nobody waits for what others hold.
pub(in crate::server) struct Allowance {
    held: AtomicUsize,
    max: usize,
    pool: Arc<Pool>,
    freed: Notify,
}

/// What is held, until this is dropped.
pub(in crate::server) struct Held {
    of: Arc<Allowance>,
    bytes: usize,
}

/// Both ways.
#[derive(Clone)]
pub(in crate::server) struct Allowances {
    /// Of what it sends.
    pub(in crate::server) incoming: Arc<Allowance>,
    /// Of answers that have not left.
    pub(in crate::server) outgoing: Arc<Allowance>,
}

/// The pools of both ways.
pub(super) struct Pools {
    incoming: Arc<Pool>,
    outgoing: Arc<Pool>,
}

impl Pools {
    pub(super) fn new() -> Self {
        let [incoming, outgoing] = [(); 2].map(|()| Pool::new(limits::CONNECTIONS_BYTES_MAX));
        Self { incoming, outgoing }
    }

    /// What one connection may hold of them.
    pub(super) fn allow(&self) -> Allowances {
        let of = |pool: &Arc<Pool>| Allowance::new(limits::CONNECTION_BYTES_MAX, pool.clone());
        Allowances {
            incoming: of(&self.incoming),
            outgoing: of(&self.outgoing),
        }
    }

    /// How often there was no room, either way.
    pub(super) fn refused(&self) -> u64 {
        self.incoming.refused() + self.outgoing.refused()
    }
}

impl Pool {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicUsize::new(0),
            max,
            refused: AtomicU64::new(0),
        })
    }

    /// How often there was no room.
    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |held: usize| (held + bytes <= self.max).then_some(held + bytes);
        let taken = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }
}

impl Allowance {
    /// For a connection that begins now.
    fn new(max: usize, pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicUsize::new(0),
            max,
            pool,
            freed: Notify::new(),
        })
    }

    /// Holds so many bytes more; nothing if that is too many.
    pub(in crate::server) fn take(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let taken = self.taken(bytes);
        if taken.is_none() {
            self.pool.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    fn taken(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let take = |held: usize| {
            let is_allowed = held == 0 || held + bytes <= self.max;
            is_allowed.then_some(held + bytes)
        };
        let before = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        if before == 0 {
            self.pool.held.fetch_add(bytes, Ordering::Relaxed);
        } else if !self.pool.take(bytes) {
            self.give_back(bytes);
            return None;
        }
        Some(self.as_held(bytes))
    }

    /// Holds so many bytes more, however many they are.
    pub(in crate::server) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.pool.held.fetch_add(bytes, Ordering::Relaxed);
        self.as_held(bytes)
    }

    /// Whether anything more may be held.
    pub(in crate::server) fn has_room(&self) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        let in_all = || self.pool.held.load(Ordering::Relaxed);
        held == 0 || (held < self.max && in_all() < self.pool.max)
    }

    /// Waits until something more may be held.
    pub(in crate::server) async fn room(self: Arc<Self>) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Before the look: what is given back behind it is not missed.
            freed.as_mut().enable();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    fn as_held(self: &Arc<Self>, bytes: usize) -> Held {
        Held {
            of: Arc::clone(self),
            bytes,
        }
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.freed.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.pool.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.of.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn two_connections() -> [Arc<Allowance>; 2] {
        let pool = Pool::new(15);
        [(); 2].map(|()| Allowance::new(10, pool.clone()))
    }

    #[test]
    fn a_connection_holds_so_much_and_all_together_no_more() {
        let [one, other] = two_connections();
        let first = one.take(6).unwrap();
        assert!(one.take(5).is_none(), "it alone may hold 10");
        let _second = other.take(7).unwrap();
        assert!(one.take(3).is_none(), "all may hold 15");
        let _third = one.take(2).unwrap();
        assert!(!one.has_room());
        drop(first);
        let _fourth = one.take(6).unwrap();
    }

    /// Else those who read nothing would keep everybody waiting.
    #[test]
    fn who_holds_nothing_may_hold_anything() {
        let [one, other] = two_connections();
        let held = [one.take(50).unwrap(), other.take(20).unwrap()];
        assert!(!one.has_room() && one.take(1).is_none());
        drop(held);
        assert_eq!(one.pool.held.load(Ordering::Relaxed), 0);
        assert!(one.has_room() && one.take(1).is_some());
    }

    #[tokio::test]
    async fn what_is_given_back_wakes_who_waits_for_it() {
        let [one, _] = two_connections();
        let (first, second) = (one.hold(9), one.hold(9));
        let mut waiting = Box::pin(one.clone().room());
        let mut is_there = async || {
            std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_ready()))
                .await
        };
        assert!(!is_there().await);
        drop(first);
        assert!(is_there().await, "9 of 10");
        drop(second);
    }
}
