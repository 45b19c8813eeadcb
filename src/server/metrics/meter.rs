//! The counters of the request path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::labels::{Outcome, RequestKind};
use crate::base::histogram::{self, Histogram, HistogramSnapshot};

/// Counts requests and sessions. Clones are the same counters.
#[derive(Clone)]
pub(in crate::server) struct Meter {
    inner: Arc<Inner>,
}

struct Inner {
    /// By kind.
    requests: Vec<OfKind>,
    in_flight: AtomicU64,
    sessions_open: AtomicU64,
    sessions: AtomicU64,
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
}

struct OfKind {
    /// By outcome.
    outcomes: [AtomicU64; Outcome::COUNT],
    took_us: Histogram,
}

/// What the sessions did.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct SessionFigures {
    pub(in crate::server) open: u64,
    pub(super) opened: u64,
    pub(super) frames_in: u64,
    pub(super) frames_out: u64,
    pub(super) messages_in: u64,
    pub(super) messages_out: u64,
}

impl Default for Meter {
    fn default() -> Self {
        let of_kind = |_| OfKind {
            outcomes: [const { AtomicU64::new(0) }; Outcome::COUNT],
            took_us: Histogram::new(histogram::LATENCY_US),
        };
        let inner = Inner {
            requests: RequestKind::ALL.into_iter().map(of_kind).collect(),
            in_flight: AtomicU64::new(0),
            sessions_open: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            frames_in: AtomicU64::new(0),
            frames_out: AtomicU64::new(0),
            messages_in: AtomicU64::new(0),
            messages_out: AtomicU64::new(0),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl Meter {
    /// `times` requests were answered, each `took_us` microseconds after it came.
    pub(in crate::server) fn answered(
        &self,
        kind: RequestKind,
        outcome: Outcome,
        took_us: u64,
        times: u64,
    ) {
        let of_kind = &self.inner.requests[kind as usize];
        of_kind.outcomes[outcome.index()].fetch_add(times, Ordering::Relaxed);
        of_kind.took_us.record_many(took_us, times);
    }

    /// A request is under way until the guard goes.
    pub(in crate::server) fn begin(&self) -> InFlight {
        self.inner.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight {
            meter: self.clone(),
        }
    }

    /// A session is open until the guard goes.
    pub(in crate::server) fn open_session(&self) -> OpenSession {
        self.inner.sessions.fetch_add(1, Ordering::Relaxed);
        self.inner.sessions_open.fetch_add(1, Ordering::Relaxed);
        OpenSession {
            meter: self.clone(),
            under_way: 0,
        }
    }

    pub(super) fn count(&self, kind: RequestKind, outcome: Outcome) -> u64 {
        let of_kind = &self.inner.requests[kind as usize];
        of_kind.outcomes[outcome.index()].load(Ordering::Relaxed)
    }

    /// Requests that were refused or failed, of all kinds.
    pub(in crate::server) fn errors(&self) -> u64 {
        let errors = Outcome::all().filter(|it| matches!(it, Outcome::Error(_)));
        let of = |outcome| {
            let kinds = RequestKind::ALL.into_iter();
            kinds.map(|kind| self.count(kind, outcome)).sum::<u64>()
        };
        errors.map(of).sum()
    }

    pub(in crate::server) fn took_us(&self, kind: RequestKind) -> HistogramSnapshot {
        self.inner.requests[kind as usize].took_us.snapshot()
    }

    pub(in crate::server) fn in_flight(&self) -> u64 {
        self.inner.in_flight.load(Ordering::Relaxed)
    }

    pub(in crate::server) fn sessions(&self) -> SessionFigures {
        let inner = &self.inner;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SessionFigures {
            open: read(&inner.sessions_open),
            opened: read(&inner.sessions),
            frames_in: read(&inner.frames_in),
            frames_out: read(&inner.frames_out),
            messages_in: read(&inner.messages_in),
            messages_out: read(&inner.messages_out),
        }
    }
}

/// A request that is under way.
pub(in crate::server) struct InFlight {
    meter: Meter,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.meter.inner.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A session that is open, with its requests under way.
pub(in crate::server) struct OpenSession {
    meter: Meter,
    under_way: u64,
}

impl OpenSession {
    pub(in crate::server) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// A message came, with this many frames.
    pub(in crate::server) fn received(&self, frames: usize) {
        let inner = &self.meter.inner;
        inner.messages_in.fetch_add(1, Ordering::Relaxed);
        inner.frames_in.fetch_add(frames as u64, Ordering::Relaxed);
    }

    /// A message leaves, with this many frames.
    pub(in crate::server) fn sent(&self, frames: usize) {
        let inner = &self.meter.inner;
        inner.messages_out.fetch_add(1, Ordering::Relaxed);
        inner.frames_out.fetch_add(frames as u64, Ordering::Relaxed);
    }

    /// So many of the session's requests are under way now.
    pub(in crate::server) fn set_under_way(&mut self, now: usize) {
        let now = now as u64;
        if now == self.under_way {
            return;
        }
        // Wrapping: the gauge is the sum of all differences.
        let difference = now.wrapping_sub(self.under_way);
        self.meter
            .inner
            .in_flight
            .fetch_add(difference, Ordering::Relaxed);
        self.under_way = now;
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.set_under_way(0);
        self.meter
            .inner
            .sessions_open
            .fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_the_sum_over_sessions_and_calls() {
        let meter = Meter::default();
        let mut first = meter.open_session();
        let mut second = meter.open_session();
        first.set_under_way(5);
        second.set_under_way(2);
        let call = meter.begin();
        assert_eq!((meter.in_flight(), meter.sessions().open), (8, 2));
        first.set_under_way(1);
        assert_eq!(meter.in_flight(), 4);
        drop((second, call));
        assert_eq!((meter.in_flight(), meter.sessions().open), (1, 1));
        drop(first);
        assert_eq!((meter.in_flight(), meter.sessions().open), (0, 0));
        assert_eq!(meter.sessions().opened, 2);
    }
}
