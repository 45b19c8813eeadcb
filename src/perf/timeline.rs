//! How a test goes from second to second.

use hdrhistogram::Histogram;

use super::row::Slice;
use super::tally::LATENCY_US_MAX;

/// Slices that are kept, at 13 KB each: when a test has more, they get twice as long.
const SLICES_MAX: usize = 300;
const DIGITS: u8 = 2;

/// Slices of equal length, from the beginning of a test.
pub(super) struct Timeline {
    slice_s: u64,
    slices: Vec<Counts>,
}

struct Counts {
    ops: u64,
    errors: u64,
    latencies_us: Histogram<u32>,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            slice_s: 1,
            slices: Vec::new(),
        }
    }

    pub(super) fn succeeded(&mut self, at_us: u64, ops: u64, latency_us: Option<u64>) {
        let counts = self.at(at_us);
        counts.ops += ops;
        if let Some(latency_us) = latency_us {
            counts.latencies_us.saturating_record(latency_us);
        }
    }

    pub(super) fn failed(&mut self, at_us: u64) {
        self.at(at_us).errors += 1;
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        while self.slice_s < other.slice_s {
            self.coarsen();
        }
        while other.slice_s < self.slice_s {
            other.coarsen();
        }
        while self.slices.len() < other.slices.len() {
            self.slices.push(Counts::none());
        }
        for (own, other) in self.slices.iter_mut().zip(&other.slices) {
            own.add(other);
        }
    }

    pub(super) fn into_slices(self) -> Vec<Slice> {
        let slice_s = self.slice_s;
        let numbered = (0..).zip(&self.slices);
        let slices = numbered.map(|(index, counts): (u64, &Counts)| Slice {
            second: u32::try_from(index * slice_s).unwrap_or(u32::MAX),
            ops: counts.ops,
            errors: counts.errors,
            p50_us: counts.latencies_us.value_at_quantile(0.5),
            p99_us: counts.latencies_us.value_at_quantile(0.99),
        });
        slices.collect()
    }

    fn at(&mut self, at_us: u64) -> &mut Counts {
        let second = at_us / 1_000_000;
        while second / self.slice_s >= SLICES_MAX as u64 {
            self.coarsen();
        }
        let index = usize::try_from(second / self.slice_s)
            .expect("slices were made longer until it is small");
        while self.slices.len() <= index {
            self.slices.push(Counts::none());
        }
        &mut self.slices[index]
    }

    /// Makes slices twice as long.
    fn coarsen(&mut self) {
        self.slice_s *= 2;
        let mut slices = std::mem::take(&mut self.slices).into_iter();
        while let Some(mut first) = slices.next() {
            if let Some(second) = slices.next() {
                first.add(&second);
            }
            self.slices.push(first);
        }
    }
}

impl Counts {
    fn none() -> Self {
        Self {
            ops: 0,
            errors: 0,
            latencies_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
                .expect("the bounds are constants that fit together"),
        }
    }

    fn add(&mut self, other: &Self) {
        self.ops += other.ops;
        self.errors += other.errors;
        self.latencies_us
            .add(&other.latencies_us)
            .expect("every slice has the same bounds");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn a_long_test_has_longer_slices_and_loses_nothing() {
        let mut timeline = Timeline::new();
        for second in 0..1_000 {
            timeline.succeeded(second * SECOND_US, 3, Some(second + 1));
        }
        let slices = timeline.into_slices();
        assert_eq!(slices.len(), 250);
        assert_eq!(slices[1].second, 4);
        assert!(slices.iter().all(|slice| slice.ops == 12));
        assert!(
            slices[1].p50_us >= 5 && slices[1].p99_us <= 8,
            "{:?}",
            slices[1]
        );
    }

    #[test]
    fn timelines_of_different_slices_are_added_up() {
        let mut coarse = Timeline::new();
        coarse.succeeded(700 * SECOND_US, 1, None);
        let mut fine = Timeline::new();
        fine.failed(5 * SECOND_US);
        fine.succeeded(6 * SECOND_US, 2, Some(9));
        fine.merge(coarse);
        let slices = fine.into_slices();
        assert_eq!(
            (slices[1].second, slices[1].ops, slices[1].errors),
            (4, 2, 1)
        );
        assert_eq!(slices[1].p50_us, 9);
        assert_eq!(
            slices.last().map(|last| (last.second, last.ops)),
            Some((700, 1))
        );
    }

    /// A clock that jumps must not take all memory.
    #[test]
    fn a_moment_far_away_is_counted_in_few_slices() {
        let mut timeline = Timeline::new();
        timeline.succeeded(u64::MAX, 1, Some(1));
        assert!(timeline.into_slices().len() <= SLICES_MAX);
    }
}
