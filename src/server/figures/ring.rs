//! The last two minutes.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::reading::Reading;
use crate::proto::v1;

/// How many seconds are kept.
pub(super) const SECONDS: usize = 120;

/// Samples, oldest first. Clones are the same ring.
#[derive(Clone, Default)]
pub(in crate::server) struct Ring {
    samples: Arc<Mutex<VecDeque<v1::Sample>>>,
}

impl Ring {
    /// The samples with higher numbers. If there is none so high, whoever asks has seen
    /// those of an earlier run of the node, and gets all.
    pub(in crate::server) fn since(&self, number: u64) -> Vec<v1::Sample> {
        let samples = self.samples.lock();
        let newest = samples.back().map_or(0, |sample| sample.number);
        let after = if number > newest { 0 } else { number };
        let later = samples.iter().filter(|sample| sample.number > after);
        later.cloned().collect()
    }

    fn push(&self, sample: v1::Sample) {
        let mut samples = self.samples.lock();
        // What is older than the ring is long does not stay because of a gap, either.
        let from = (sample.number + 1).saturating_sub(SECONDS as u64);
        while samples.front().is_some_and(|oldest| oldest.number < from) {
            samples.pop_front();
        }
        samples.push_back(sample);
    }
}

/// Makes samples of readings.
pub(super) struct Recorder {
    ring: Ring,
    begun_us: u64,
    last: Reading,
    number: u64,
}

impl Recorder {
    pub(super) fn new(ring: Ring, first: Reading) -> Self {
        Self {
            ring,
            begun_us: first.at_us,
            last: first,
            number: 0,
        }
    }

    /// Adds the second up to `now`. Says how long ago the reading before was, microseconds.
    pub(super) fn record(&mut self, now: Reading) -> u64 {
        let us = now.at_us.saturating_sub(self.last.at_us);
        // By the clock, so that a gap leaves numbers out; ticks that are a little late or
        // early have numbers of their own.
        let since_begin = now.at_us.saturating_sub(self.begun_us);
        let number = ((since_begin + 500_000) / 1_000_000).max(self.number + 1);
        if let Some(sample) = now.since(&self.last, number) {
            self.ring.push(sample);
        }
        self.number = number;
        self.last = now;
        us
    }
}
