//! How many requests a connection may send in a second.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::places::Connections;
use crate::base::{Error, Result};

/// What may come at once after a pause: the requests of a second.
const BURST: Duration = Duration::from_secs(1);

/// A bucket of requests, filled at a steady rate: the generic cell rate algorithm, which keeps
/// one number, the moment at which the bucket is full again (ITU-T I.371, annex A).
pub(in crate::server) struct Rate {
    began: Instant,
    per_second: NonZeroU32,
    /// Between two requests at that rate.
    gap_ns: u64,
    /// Since `began`: when the bucket is full again.
    full_ns: AtomicU64,
    connections: Connections,
}

impl Rate {
    /// For a connection that begins now; what is refused is counted there.
    pub(super) fn new(per_second: NonZeroU32, connections: Connections) -> Self {
        Self {
            began: Instant::now(),
            per_second,
            gap_ns: nanos(BURST) / u64::from(per_second.get()),
            full_ns: AtomicU64::new(0),
            connections,
        }
    }

    /// Takes a request out of the bucket.
    ///
    /// # Errors
    /// `LimitExceeded` if there is none.
    pub(in crate::server) fn take(&self) -> Result<()> {
        match self.took() {
            true => Ok(()),
            false => {
                self.connections.count_too_fast();
                Err(Error::too_busy(format!(
                    "this connection sent more than {} requests a second (--max-rate): nothing \
                     was done; ask again in a second, and more slowly",
                    self.per_second
                )))
            }
        }
    }

    fn took(&self) -> bool {
        let now = self.now_ns();
        let take = |full_ns: u64| {
            let after = full_ns.max(now) + self.gap_ns;
            (after <= now + nanos(BURST)).then_some(after)
        };
        let taken = self
            .full_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }

    /// Takes requests that are here already, those included that are not in the bucket yet.
    pub(in crate::server) fn charge(&self, requests: usize) {
        let now = self.now_ns();
        let requests = u64::try_from(requests).unwrap_or(u64::MAX);
        let charge = |full_ns: u64| {
            let taken_ns = self.gap_ns.saturating_mul(requests);
            Some(full_ns.max(now).saturating_add(taken_ns))
        };
        let charged = self
            .full_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, charge);
        charged.expect("the update is never refused");
    }

    /// From when on there is a request in the bucket; nothing if there is one now.
    pub(in crate::server) fn opens_at(&self) -> Option<Instant> {
        let full_ns = self.full_ns.load(Ordering::Relaxed);
        let opens_ns = full_ns.saturating_add(self.gap_ns);
        let opens_ns = opens_ns.saturating_sub(nanos(BURST));
        (opens_ns > self.now_ns()).then(|| self.began + Duration::from_nanos(opens_ns))
    }

    /// Takes a request once there is one.
    pub(in crate::server) async fn wait(&self) {
        while !self.took() {
            match self.opens_at() {
                Some(at) => sleep_until(at).await,
                None => tokio::task::yield_now().await,
            }
        }
    }

    fn now_ns(&self) -> u64 {
        nanos(self.began.elapsed())
    }
}

/// A stream that is read no faster than its connection may ask.
pub(in crate::server) fn slowed<T>(
    inbound: impl Stream<Item = T>,
    rate: Arc<Rate>,
) -> impl Stream<Item = T> {
    inbound.then(move |item| {
        let rate = Arc::clone(&rate);
        async move {
            rate.wait().await;
            item
        }
    })
}

/// Enough for 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::base::{ErrorKind, Limit};
    use crate::server::port::Bounds;

    fn rate(per_second: u32) -> (Rate, Connections) {
        let connections = Connections::new(Bounds::of_all(1));
        let per_second = NonZeroU32::new(per_second).unwrap();
        (Rate::new(per_second, connections.clone()), connections)
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_may_come_at_once_and_then_as_many_as_time_brings() {
        let (rate, connections) = rate(10);
        for _ in 0..10 {
            rate.take().unwrap();
        }
        let refused = rate.take().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
        assert_eq!(refused.limit(), Limit::Rate);
        assert!(refused.message().contains("10 requests"), "{refused}");
        assert_eq!(connections.too_fast(), 1);
        tokio::time::advance(Duration::from_millis(100)).await;
        rate.take().unwrap();
        rate.take().unwrap_err();
        // However long the pause is, a second's worth follows it.
        tokio::time::advance(Duration::from_secs(100)).await;
        for _ in 0..10 {
            rate.take().unwrap();
        }
        rate.take().unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_is_charged_and_worked_off() {
        let (rate, _) = rate(100);
        rate.charge(100);
        let began = Instant::now();
        assert_eq!(rate.opens_at(), Some(began + Duration::from_millis(10)));
        rate.charge(900);
        rate.wait().await;
        let waited = began.elapsed().as_millis();
        assert!((9_010..9_020).contains(&waited), "{waited}");
        rate.charge(usize::MAX);
        assert!(rate.opens_at().is_some(), "nothing overflows");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slowed_stream_loses_nothing() {
        let (rate, connections) = rate(10);
        let began = Instant::now();
        let slow = slowed(stream::iter(0..30), Arc::new(rate));
        let read: Vec<i32> = slow.collect().await;
        assert_eq!(read, (0..30).collect::<Vec<_>>());
        let waited = began.elapsed().as_millis();
        assert!((2_000..2_100).contains(&waited), "{waited}");
        assert_eq!(connections.too_fast(), 0, "nobody was refused");
    }
}
