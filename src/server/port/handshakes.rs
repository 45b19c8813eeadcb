//! Handshakes of TLS that are under way: bounded, and counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::places::{Bounds, Origin, shown};

/// The handshakes of a port's connections. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Handshakes {
    inner: Arc<Inner>,
}

struct Inner {
    bounds: Bounds,
    under_way: Mutex<UnderWay>,
    refused: AtomicU64,
    secured: AtomicU64,
    failed: AtomicU64,
}

#[derive(Default)]
struct UnderWay {
    /// The oldest first.
    all: BTreeMap<u64, Begun>,
    of: HashMap<Origin, usize>,
    next: u64,
    /// Some had to end, and that was logged.
    is_told: bool,
}

struct Begun {
    origin: Origin,
    /// Dropped, it must end.
    _go_on: oneshot::Sender<()>,
}

/// A handshake that is under way for as long as this lives.
pub(super) struct Handshake {
    handshakes: Handshakes,
    number: u64,
    over: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(super) fn new(bounds: Bounds) -> Self {
        let inner = Inner {
            bounds,
            under_way: Mutex::default(),
            refused: AtomicU64::new(0),
            secured: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Begins one with whoever is there. If too many are under way, the oldest must end: of
    /// those from there, if there are too many of them, or else of whom there are most. A
    /// good one takes a moment, and whoever stalls them would keep out all who come later.
    pub(super) fn begin(&self, origin: Origin) -> Handshake {
        let inner = &self.inner;
        let mut under_way = inner.under_way.lock();
        let of = under_way.of.get(&origin).copied().unwrap_or(0);
        let oldest = if of >= inner.bounds.handshakes_of(origin) {
            under_way.oldest_of(origin)
        } else if under_way.all.len() >= inner.bounds.handshakes {
            under_way.oldest_of_most()
        } else {
            None
        };
        let ended = oldest.and_then(|number| under_way.end(number));
        let is_news = ended.is_some() && !std::mem::replace(&mut under_way.is_told, true);
        let (go_on, over) = oneshot::channel();
        let number = under_way.next;
        under_way.next += 1;
        let begun = Begun {
            origin,
            _go_on: go_on,
        };
        under_way.all.insert(number, begun);
        *under_way.of.entry(origin).or_default() += 1;
        drop(under_way);
        if let Some(origin) = ended {
            inner.refused.fetch_add(1, Ordering::Relaxed);
            if is_news {
                tracing::warn!(
                    from = shown(origin),
                    "too many TLS handshakes are not finished: the oldest are ended for those \
                     that begin"
                );
            }
        }
        Handshake {
            handshakes: self.clone(),
            number,
            over,
        }
    }

    pub(super) fn count(&self, is_secure: bool) {
        let inner = &self.inner;
        let counter = if is_secure {
            &inner.secured
        } else {
            &inner.failed
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Those that led to a secure connection, and those that did not.
    pub(super) fn counts(&self) -> (u64, u64) {
        let inner = &self.inner;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&inner.secured), of(&inner.failed))
    }

    /// Those that had to end, for too many were not finished.
    pub(super) fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.inner.under_way.lock().all.len()
    }
}

impl UnderWay {
    fn oldest_of(&self, origin: Origin) -> Option<u64> {
        let mut all = self.all.iter();
        let found = all.find(|(_, begun)| begun.origin == origin);
        found.map(|(number, _)| *number)
    }

    /// Of several origins that have as many, the one whose is oldest.
    fn oldest_of_most(&self) -> Option<u64> {
        let most = self.of.values().max()?;
        let mut all = self.all.iter();
        let found = all.find(|(_, begun)| self.of.get(&begun.origin) == Some(most));
        found.map(|(number, _)| *number)
    }

    /// Where the one that is under way no more was from; nothing if it had ended before.
    fn end(&mut self, number: u64) -> Option<Origin> {
        let Begun { origin, .. } = self.all.remove(&number)?;
        if let Some(of) = self.of.get_mut(&origin) {
            *of -= 1;
            if *of == 0 {
                self.of.remove(&origin);
            }
        }
        Some(origin)
    }
}

impl Handshake {
    /// Resolves once it must end, finished or not.
    pub(super) async fn over(&mut self) {
        // Nothing is ever sent: the other end goes.
        let _gone = (&mut self.over).await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.handshakes.inner.under_way.lock();
        under_way.end(self.number);
        // All of them are over: whoever must end next is news.
        under_way.is_told &= !under_way.all.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::places::origin;
    use super::*;

    fn handshakes(total: usize, per_address: usize) -> Handshakes {
        Handshakes::new(Bounds {
            handshakes: total,
            handshakes_per_address: per_address,
            ..Bounds::of_all(100)
        })
    }

    fn begin(handshakes: &Handshakes, address: &str) -> Handshake {
        handshakes.begin(origin(address.parse().ok()))
    }

    fn is_over(handshake: &mut Handshake) -> bool {
        handshake.over().now_or_never().is_some()
    }

    #[test]
    fn one_address_has_its_share_and_its_oldest_end() {
        let handshakes = handshakes(5, 2);
        let begin = |address: &str| begin(&handshakes, address);
        let mut first = begin("192.0.2.1:1");
        let mut second = begin("[::ffff:192.0.2.1]:2");
        let mut other = begin("192.0.2.2:1");
        assert!(!is_over(&mut first));
        let mut third = begin("192.0.2.1:3");
        let are_over = [&mut first, &mut second, &mut third, &mut other].map(is_over);
        assert_eq!(are_over, [true, false, false, false]);
        assert_eq!((handshakes.refused(), handshakes.under_way()), (1, 3));
        drop((first, second, third, other));
        let under_way = handshakes.inner.under_way.lock();
        assert_eq!((under_way.all.len(), under_way.of.len()), (0, 0));
        assert!(!under_way.is_told);
    }

    /// A few addresses that stall all there may be keep nobody out.
    #[test]
    fn of_all_there_are_the_oldest_of_whom_there_are_most_end() {
        let handshakes = handshakes(5, 3);
        let begin = |address: &str| begin(&handshakes, address);
        let mut early = begin("192.0.2.1:1");
        let mut stalled: Vec<_> = (0..3).map(|_| begin("192.0.2.9:1")).collect();
        let mut local = begin("127.0.0.1:1");
        let mut member = begin("192.0.2.2:1");
        assert!(is_over(&mut stalled[0]));
        let mut another = begin("192.0.2.3:1");
        assert!(is_over(&mut stalled[1]), "it is not the member's turn");
        for going in [&mut early, &mut local, &mut member, &mut another] {
            assert!(!is_over(going));
        }
        assert!(!is_over(&mut stalled[2]));
        // Everybody has one: the oldest ends.
        let _last = begin("192.0.2.4:1");
        assert!(is_over(&mut early));
        assert_eq!((handshakes.refused(), handshakes.under_way()), (3, 5));
    }

    #[test]
    fn an_address_of_ipv6_is_its_network() {
        let handshakes = handshakes(9, 2);
        let begin = |address: &str| begin(&handshakes, address);
        let mut all = [
            "[2001:db8::1]:1",
            "[2001:db8::2:3:4:5]:1",
            "[2001:db8:0:1::1]:1",
            "[::1]:1",
            "[2001:db8::ffff]:1",
        ]
        .map(begin);
        let are_over = all.each_mut().map(is_over);
        assert_eq!(are_over, [true, false, false, false, false]);
    }
}
