//! Handshakes of TLS that are under way: bounded, and counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::places::{Bounds, Origin};

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
    total: usize,
    of: HashMap<Origin, usize>,
    /// Somebody was refused, and that was logged.
    is_told: bool,
}

/// A handshake that is under way for as long as this lives.
pub(super) struct Handshake {
    handshakes: Handshakes,
    origin: Origin,
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

    /// Begins one with whoever is there; nothing if too many are under way.
    pub(super) fn begin(&self, remote: Option<IpAddr>) -> Option<Handshake> {
        let inner = &self.inner;
        let origin = remote.map(|address| address.to_canonical());
        let most = inner.bounds.handshakes_of(origin);
        let mut under_way = inner.under_way.lock();
        let of = under_way.of.get(&origin).copied().unwrap_or(0);
        if of < most && under_way.total < inner.bounds.handshakes {
            under_way.total += 1;
            *under_way.of.entry(origin).or_default() += 1;
            return Some(Handshake {
                handshakes: self.clone(),
                origin,
            });
        }
        let is_news = !std::mem::replace(&mut under_way.is_told, true);
        drop(under_way);
        inner.refused.fetch_add(1, Ordering::Relaxed);
        if is_news {
            let from = origin.map_or("a Unix socket".to_owned(), |address| address.to_string());
            tracing::warn!(
                from,
                "too many TLS handshakes are not finished: more connections are closed at once"
            );
        }
        None
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

    /// Connections that were closed, for too many others had not finished theirs.
    pub(super) fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.inner.under_way.lock().total
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.handshakes.inner.under_way.lock();
        under_way.total -= 1;
        // All of them are over: whoever is refused next is news.
        under_way.is_told &= under_way.total > 0;
        if let Some(of) = under_way.of.get_mut(&self.origin) {
            *of -= 1;
            if *of == 0 {
                under_way.of.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_its_share_and_nobody_is_remembered() {
        let handshakes = Handshakes::new(Bounds {
            handshakes: 5,
            handshakes_per_address: 2,
            ..Bounds::of_all(100)
        });
        let begin = |address: &str| handshakes.begin(address.parse().ok());
        let (first, second) = (begin("192.0.2.1"), begin("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(begin("192.0.2.1").is_none(), "one address has one share");
        // This machine is bounded by all there are alone.
        let local: Vec<_> = (0..4).filter_map(|_| begin("127.0.0.1")).collect();
        assert_eq!(local.len(), 3);
        assert!(begin("192.0.2.2").is_none());
        assert_eq!(handshakes.refused(), 3);
        drop(first);
        let other = begin("192.0.2.2");
        assert!(other.is_some());
        drop((second, local, other));
        let under_way = handshakes.inner.under_way.lock();
        assert_eq!((under_way.total, under_way.of.len()), (0, 0));
        assert!(!under_way.is_told);
    }
}
