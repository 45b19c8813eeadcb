//! The memory that a connection may make its node hold: for what it sends, and for answers
//! that it does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::base::limits;

/// Bytes that are held for all connections, one way, beyond the share of each.
struct Pool {
    held: AtomicUsize,
    max: usize,
    refused: AtomicU64,
    freed: Notify,
}

/// Bytes that are held for one connection, one way.
///
/// Invariant: a connection has a share that nobody can take from it. What is beyond comes out
/// of a pool, so that all together hold no more than the pool and a share for each.
pub(in crate::server) struct Allowance {
    held: Mutex<usize>,
    share: usize,
    max: usize,
    pool: Arc<Pool>,
    freed: Notify,
}

/// What is held, until this is dropped.
pub(in crate::server) struct Held {
    of: Arc<Allowance>,
    bytes: usize,
}

/// Why nothing more may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Full {
    /// This connection holds too much.
    Own,
    /// All together do.
    Pool,
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
        let of = |pool: &Arc<Pool>| {
            let share = limits::CONNECTION_SHARE_BYTES;
            Allowance::new(share, limits::CONNECTION_BYTES_MAX, pool.clone())
        };
        Allowances {
            incoming: of(&self.incoming),
            outgoing: of(&self.outgoing),
        }
    }

    /// How often there was no room, either way.
    pub(super) fn refused(&self) -> u64 {
        let of = |pool: &Pool| pool.refused.load(Ordering::Relaxed);
        of(&self.incoming) + of(&self.outgoing)
    }
}

impl Pool {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicUsize::new(0),
            max,
            refused: AtomicU64::new(0),
            freed: Notify::new(),
        })
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |held: usize| (held + bytes <= self.max).then_some(held + bytes);
        let taken = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }

    fn has_room(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.max
    }

    fn give_back(&self, bytes: usize) {
        let before = self.held.fetch_sub(bytes, Ordering::Relaxed);
        if before >= self.max && before - bytes < self.max {
            self.freed.notify_waiters();
        }
    }
}

impl Allowance {
    /// For a connection that begins now.
    fn new(share: usize, max: usize, pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::new(0),
            share,
            max,
            pool,
            freed: Notify::new(),
        })
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// Whose bytes are too many.
    pub(in crate::server) fn take(self: &Arc<Self>, bytes: usize) -> Result<Held, Full> {
        let taken = self.taken(bytes);
        if taken.is_err() {
            self.pool.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    fn taken(self: &Arc<Self>, bytes: usize) -> Result<Held, Full> {
        let mut held = self.held.lock();
        if *held > 0 && *held + bytes > self.max {
            return Err(Full::Own);
        }
        let pooled = self.pooled(*held + bytes) - self.pooled(*held);
        if pooled > 0 && !self.pool.take(pooled) {
            return Err(Full::Pool);
        }
        *held += bytes;
        Ok(self.as_held(bytes))
    }

    /// Holds so many bytes more, however many they are.
    pub(in crate::server) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        let mut held = self.held.lock();
        let pooled = self.pooled(*held + bytes) - self.pooled(*held);
        self.pool.held.fetch_add(pooled, Ordering::Relaxed);
        *held += bytes;
        self.as_held(bytes)
    }

    /// Whether anything more may be held.
    pub(in crate::server) fn has_room(&self) -> bool {
        let held = *self.held.lock();
        held < self.share || (held < self.max && self.pool.has_room())
    }

    /// Waits until something more may be held.
    pub(in crate::server) async fn room(self: Arc<Self>) {
        loop {
            let own = self.freed.notified();
            let pool = self.pool.freed.notified();
            tokio::pin!(own, pool);
            // Before the look: what is given back behind it is not missed.
            own.as_mut().enable();
            pool.as_mut().enable();
            if self.has_room() {
                return;
            }
            tokio::select! {
                () = own => {}
                () = pool => {}
            }
        }
    }

    /// Of so many bytes, those of the pool.
    fn pooled(&self, held: usize) -> usize {
        held.saturating_sub(self.share)
    }

    fn as_held(self: &Arc<Self>, bytes: usize) -> Held {
        Held {
            of: Arc::clone(self),
            bytes,
        }
    }

    fn give_back(&self, bytes: usize) {
        let (before, after) = {
            let mut held = self.held.lock();
            let before = *held;
            *held -= bytes;
            (before, *held)
        };
        let pooled = self.pooled(before) - self.pooled(after);
        if pooled > 0 {
            self.pool.give_back(pooled);
        }
        // Whoever waits is woken when there is room, and not for every byte.
        let is_below = |bound: usize| before >= bound && after < bound;
        if is_below(self.share) || is_below(self.max) {
            self.freed.notify_waiters();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// Each has a share of 2 and at most 10, and all together 15 beyond their shares.
    fn two_connections() -> [Arc<Allowance>; 2] {
        let pool = Pool::new(15);
        [(); 2].map(|()| Allowance::new(2, 10, pool.clone()))
    }

    fn pooled(of: &Allowance) -> usize {
        of.pool.held.load(Ordering::Relaxed)
    }

    #[test]
    fn a_connection_holds_so_much_and_all_together_no_more() {
        let [one, other] = two_connections();
        let first = one.take(6).unwrap();
        assert_eq!(one.take(5).err(), Some(Full::Own));
        let big = other.take(13).unwrap();
        assert_eq!(pooled(&one), 4 + 11);
        assert_eq!(one.take(1).err(), Some(Full::Pool));
        assert!(!one.has_room());
        drop(first);
        assert_eq!(pooled(&one), 11);
        let all = [one.take(3).unwrap(), one.take(3).unwrap()];
        assert_eq!(pooled(&one), 15);
        drop((all, big));
        assert_eq!(pooled(&one), 0);
    }

    /// Else those who read nothing would keep everybody waiting.
    #[test]
    fn nobody_takes_the_share_of_another() {
        let [one, other] = two_connections();
        let _held = other.hold(50);
        let share = one.take(2).unwrap();
        assert!(!one.has_room());
        assert_eq!(one.take(1).err(), Some(Full::Pool));
        drop(share);
        assert!(one.has_room() && one.take(1).is_ok());
    }

    async fn is_there(waiting: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        let waiting = &mut *waiting;
        std::future::poll_fn(|context| {
            Poll::Ready(std::pin::Pin::new(&mut *waiting).poll(context).is_ready())
        })
        .await
    }

    #[tokio::test]
    async fn what_is_given_back_wakes_who_waits_for_it() {
        let [one, _] = two_connections();
        let (first, second) = (one.hold(9), one.hold(9));
        let mut waiting = Box::pin(one.clone().room());
        assert!(!is_there(&mut waiting).await);
        drop(first);
        assert!(is_there(&mut waiting).await, "9 of 10");
        drop(second);
    }

    #[tokio::test]
    async fn what_another_connection_gives_back_wakes_who_waits_for_it() {
        let [one, other] = two_connections();
        let (_unread, full) = (one.hold(3), other.hold(40));
        let mut waiting = Box::pin(one.clone().room());
        assert!(!is_there(&mut waiting).await);
        drop(full);
        assert!(is_there(&mut waiting).await);
    }
}
