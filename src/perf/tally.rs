//! Counting what the logical clients see.

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use super::row::{Row, Slice};
use super::timeline::Timeline;
use crate::base::Error;

/// Latencies are kept to three digits, up to this; a longer one counts as this.
pub(super) const LATENCY_US_MAX: u64 = 3_600 * 1_000_000;
const DIGITS: u8 = 3;

/// The quantiles of a row: closer and closer towards the slowest.
const QUANTILES: [f64; 40] = [
    0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8,
    0.825, 0.85, 0.875, 0.9, 0.9125, 0.925, 0.9375, 0.95, 0.9625, 0.975, 0.98, 0.985, 0.99, 0.9925,
    0.995, 0.997, 0.998, 0.999, 0.9993, 0.9995, 0.9998, 0.9999, 1.0,
];

/// Tallies that no two processors write at once, as a rule.
const SHARES_MAX: usize = 8;

/// What all logical clients of a test saw. A tally each would cost 0.2 MB a client, and
/// one for all would have them wait for each other.
pub(super) struct Scores(Box<[Mutex<Tally>]>);

impl Scores {
    /// For logical clients that run on so many threads.
    pub(super) fn new(threads: usize) -> Self {
        let shares = threads.clamp(1, SHARES_MAX);
        Self((0..shares).map(|_| Mutex::new(Tally::new())).collect())
    }

    /// Counts one call of the client of this number: `ops` operations that ended
    /// `at_us` after the beginning.
    pub(super) fn succeeded(&self, client: usize, at_us: u64, ops: u64, latency_us: Option<u64>) {
        self.of(client).lock().succeeded(at_us, ops, latency_us);
    }

    /// Counts a failure.
    pub(super) fn failed(&self, client: usize, at_us: u64, error: &Error) {
        self.of(client).lock().failed(at_us, error);
    }

    /// Everything so far, together; from then on it counts anew.
    pub(super) fn take(&self) -> Tally {
        let mut all = Tally::new();
        for share in &self.0 {
            all.merge(std::mem::replace(&mut *share.lock(), Tally::new()));
        }
        all
    }

    fn of(&self, client: usize) -> &Mutex<Tally> {
        &self.0[client % self.0.len()]
    }
}

/// Counts and latencies.
pub(super) struct Tally {
    latencies_us: Histogram<u64>,
    ops: u64,
    errors: u64,
    first_error: Option<String>,
    timeline: Timeline,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            latencies_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
                .expect("the bounds are constants that fit together"),
            ops: 0,
            errors: 0,
            first_error: None,
            timeline: Timeline::new(),
        }
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.ops == 0 && self.errors == 0
    }

    pub(super) fn succeeded(&mut self, at_us: u64, ops: u64, latency_us: Option<u64>) {
        let latency_us = latency_us.map(|latency_us| latency_us.clamp(1, LATENCY_US_MAX));
        self.ops += ops;
        if let Some(latency_us) = latency_us {
            self.latencies_us.saturating_record(latency_us);
        }
        self.timeline.succeeded(at_us, ops, latency_us);
    }

    pub(super) fn failed(&mut self, at_us: u64, error: &Error) {
        self.errors += 1;
        self.timeline.failed(at_us);
        self.first_error
            .get_or_insert_with(|| error.message().to_owned());
    }

    fn merge(&mut self, other: Self) {
        self.latencies_us
            .add(&other.latencies_us)
            .expect("every tally has the same bounds");
        self.ops += other.ops;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.timeline.merge(other.timeline);
    }

    /// The figures of a test that took `elapsed_us`; what was asked is left to the caller.
    pub(super) fn into_row(self, elapsed_us: u64) -> Row {
        let seconds = elapsed_us.max(1) as f64 / 1e6;
        let at = |quantile| self.latencies_us.value_at_quantile(quantile);
        let percentiles: Vec<(f64, u64)> = if self.latencies_us.is_empty() {
            Vec::new()
        } else {
            QUANTILES.map(|quantile| (quantile, at(quantile))).to_vec()
        };
        let timeline: Vec<Slice> = self.timeline.into_slices();
        Row {
            ops: self.ops,
            errors: self.errors,
            seconds,
            ops_per_s: self.ops as f64 / seconds,
            p50_us: at(0.5),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.latencies_us.max(),
            first_error: self.first_error,
            timeline,
            percentiles,
            ..Row::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_count_apart_is_told_together() {
        let scores = Scores::new(3);
        for client in 0..64 {
            let latency_us = client as u64 + 1;
            scores.succeeded(client, 1_000, 1, Some(latency_us));
            scores.succeeded(client, 1_500_000, 10, None);
        }
        scores.failed(63, 2_500_000, &Error::unavailable("no"));
        let row = scores.take().into_row(3_000_000);
        assert_eq!((row.ops, row.errors), (64 * 11, 1));
        assert_eq!((row.p50_us, row.max_us), (32, 64));
        assert_eq!(row.percentiles.last(), Some(&(1.0, 64)));
        assert!(row.percentiles.is_sorted());
        let told: Vec<_> = row
            .timeline
            .iter()
            .map(|it| (it.second, it.ops, it.errors))
            .collect();
        assert_eq!(told, [(0, 64, 0), (1, 640, 0), (2, 0, 1)]);
        assert_eq!(row.timeline[0].p50_us, 32);
        assert_eq!(row.timeline[1].p50_us, 0, "no latency was told");
        assert_eq!(row.first_error.as_deref(), Some("no"));
        assert!(scores.take().is_empty());
    }

    #[test]
    fn without_an_answer_there_are_no_latencies() {
        let mut tally = Tally::new();
        tally.failed(0, &Error::unavailable("no"));
        let row = tally.into_row(0);
        assert_eq!((row.p50_us, row.max_us), (0, 0));
        assert!(row.percentiles.is_empty());
    }
}
