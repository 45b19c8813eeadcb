//! How often which size came: counters that anybody may bump and read, without a lock.
//!
//! Invariant: nothing here knows who reads the figures, or in which format.

use std::sync::atomic::{AtomicU64, Ordering};

/// Waiting, from 50 microseconds to 10 seconds, in microseconds.
pub const LATENCY_US: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Sizes, from 256 bytes to 64 MiB.
pub const SIZE_BYTES: &[u64] = &[
    1 << 8,
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
];

/// How many things came together, from 1 to 1,024.
pub const COUNT: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Values in buckets. A bucket takes the values up to its bound, the bound included,
/// and one more takes what is beyond the last.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram had counted at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// The upper bounds, ascending.
    pub bounds: &'static [u64],
    /// How many values each bucket has; one bucket more than there are bounds.
    pub counts: Vec<u64>,
    /// All values together, in the unit of the bounds.
    pub sum: u64,
}

impl Histogram {
    /// An empty one.
    ///
    /// # Panics
    /// If the bounds do not ascend.
    pub fn new(bounds: &'static [u64]) -> Self {
        assert!(
            bounds.is_sorted_by(|a, b| a < b),
            "the bounds of a histogram ascend"
        );
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts a value that came `times` times.
    pub fn record_many(&self, value: u64, times: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(times, Ordering::Relaxed);
        let sum = value.wrapping_mul(times);
        self.sum.fetch_add(sum, Ordering::Relaxed);
    }

    /// What has been counted. A value that is being recorded may be in the sum and not
    /// yet in a bucket, or the other way round.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let counts = self.buckets.iter();
        HistogramSnapshot {
            bounds: self.bounds,
            counts: counts.map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl HistogramSnapshot {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What came after `earlier`, a snapshot of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut later = self.clone();
        for (count, before) in later.counts.iter_mut().zip(&earlier.counts) {
            *count = count.saturating_sub(*before);
        }
        later.sum = later.sum.wrapping_sub(earlier.sum);
        later
    }

    /// Adds what another one of the same bounds has.
    ///
    /// # Panics
    /// If the bounds differ.
    pub fn add(&mut self, other: &Self) {
        assert_eq!(self.bounds, other.bounds, "their buckets are the same");
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// What `part` of the values, from 0 to 1, are at most. Within a bucket values count as
    /// evenly spread; beyond the last bound nothing is known but that bound. `None` if there
    /// is no value.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let all = self.count();
        let rank = (part * all as f64).ceil().clamp(1.0, all.max(1) as f64);
        let mut below = 0.0;
        let mut lower = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            let Some(upper) = self.bounds.get(bucket) else {
                break;
            };
            let within = below + *count as f64;
            if *count > 0 && within >= rank {
                let share = (rank - below) / *count as f64;
                return Some(lower + (share * (upper - lower) as f64).round() as u64);
            }
            (below, lower) = (within, *upper);
        }
        (all > 0).then_some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_the_bucket_of_its_value() {
        let histogram = Histogram::new(&[10, 100, 1_000]);
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        histogram.record_many(5, 50);
        histogram.record_many(60, 50);
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.quantile(0.5), Some(10));
        assert_eq!(snapshot.quantile(0.75), Some(55));
        assert_eq!(snapshot.quantile(1.0), Some(100));
        assert_eq!(snapshot.quantile(0.0), Some(0));
        histogram.record_many(5_000, 900);
        assert_eq!(histogram.snapshot().quantile(0.99), Some(1_000));
    }

    #[test]
    fn what_came_in_between_is_a_difference_and_adds_up() {
        let histogram = Histogram::new(&[10, 100]);
        histogram.record(5);
        let earlier = histogram.snapshot();
        histogram.record_many(50, 3);
        let between = histogram.snapshot().since(&earlier);
        assert_eq!((between.counts.clone(), between.sum), (vec![0, 3, 0], 150));
        let mut all = earlier;
        all.add(&between);
        assert_eq!(all, histogram.snapshot());
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&[10, 100]);
        for value in [0, 10, 11, 100, 101, u64::from(u32::MAX)] {
            histogram.record(value);
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.counts, [2, 2, 2]);
        assert_eq!(snapshot.count(), 6);
        assert_eq!(snapshot.sum, 222 + u64::from(u32::MAX));
    }

    #[test]
    fn many_at_once_are_as_many_one_by_one() {
        let (one_by_one, at_once) = (Histogram::new(COUNT), Histogram::new(COUNT));
        (0..7).for_each(|_| one_by_one.record(33));
        at_once.record_many(33, 7);
        assert_eq!(one_by_one.snapshot(), at_once.snapshot());
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let histogram = Histogram::new(LATENCY_US);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let histogram = &histogram;
                scope.spawn(move || (0..1_000).for_each(|value| histogram.record(value * thread)));
            }
        });
        assert_eq!(histogram.snapshot().count(), 4_000);
        assert_eq!(histogram.snapshot().sum, 499_500 * 6);
    }

    #[test]
    fn the_bounds_that_are_used_ascend() {
        for bounds in [LATENCY_US, SIZE_BYTES, COUNT] {
            assert_eq!(Histogram::new(bounds).snapshot().count(), 0);
        }
    }
}
