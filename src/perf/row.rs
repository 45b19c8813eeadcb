//! The figures of one test.

use hdrhistogram::Histogram;

use super::options::{PerfOptions, Test};
use super::target::Promise;

/// Latencies are kept to three digits, up to this; a longer one counts as this.
const LATENCY_US_MAX: u64 = 3_600 * 1_000_000;
const DIGITS: u8 = 3;

/// What one test gave. Latencies are those of operations that succeeded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The test.
    pub test: &'static str,
    /// Where it ran, as it was given.
    pub target: String,
    /// Logical clients.
    pub threads: usize,
    /// Connections per endpoint.
    pub connections: usize,
    /// Different keys.
    pub keys: u64,
    /// A value, bytes.
    pub value_bytes: usize,
    /// Operations that succeeded.
    pub ops: u64,
    /// Operations that failed.
    pub errors: u64,
    /// How long it took.
    pub seconds: f64,
    /// Succeeded operations a second.
    pub ops_per_s: f64,
    /// Half took no longer, us.
    pub p50_us: u64,
    /// 95 % took no longer, us.
    pub p95_us: u64,
    /// 99 % took no longer, us.
    pub p99_us: u64,
    /// 99.9 % took no longer, us.
    pub p999_us: u64,
    /// The slowest, us.
    pub max_us: u64,
    /// The first error that was met, for people.
    pub first_error: Option<String>,
    /// Operations that were to begin every second; `None`: as many as were answered.
    pub intended_per_s: Option<f64>,
    /// Operations that were to begin before the end, and did not.
    pub not_started: u64,
    /// What the target promises.
    pub promise: Promise,
    /// How it went over time, in order and without gaps.
    pub timeline: Vec<Slice>,
    /// Latencies, as (quantile from 0 to 1, us), in order; the last is the slowest.
    pub percentiles: Vec<(f64, u64)>,
}

/// A part of a test, of the operations that ended in it. All slices of a row are equally
/// long, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slice {
    /// The second in which it begins, from 0.
    pub second: u32,
    /// Operations that succeeded.
    pub ops: u64,
    /// Operations that failed.
    pub errors: u64,
    /// Half took no longer, us.
    pub p50_us: u64,
    /// 99 % took no longer, us.
    pub p99_us: u64,
}

/// What one logical client saw.
pub(super) struct Tally {
    latencies_us: Histogram<u64>,
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            latencies_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
                .expect("the bounds are constants that fit together"),
            errors: 0,
            first_error: None,
        }
    }

    pub(super) fn succeeded(&mut self, latency_us: u64) {
        self.latencies_us.saturating_record(latency_us.max(1));
    }

    pub(super) fn failed(&mut self, error: &crate::base::Error) {
        self.errors += 1;
        self.first_error
            .get_or_insert_with(|| error.message().to_owned());
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.latencies_us
            .add(&other.latencies_us)
            .expect("every tally has the same bounds");
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }

    /// The row of a test that took `elapsed_us`.
    pub(super) fn into_row(self, test: Test, options: &PerfOptions, elapsed_us: u64) -> Row {
        let ops = self.latencies_us.len();
        let seconds = elapsed_us.max(1) as f64 / 1e6;
        let at = |quantile| self.latencies_us.value_at_quantile(quantile);
        Row {
            test: test.name(),
            threads: options.threads,
            connections: options.client.connections,
            keys: options.keys,
            value_bytes: match test {
                Test::SetLarge => options.large_value_bytes,
                _ => options.value_bytes,
            },
            ops,
            errors: self.errors,
            seconds,
            ops_per_s: ops as f64 / seconds,
            p50_us: at(0.5),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.latencies_us.max(),
            first_error: self.first_error,
            ..Row::default()
        }
    }
}
