//! The figures of one test.

use super::target::Promise;

/// What one test gave. Latencies are those of operations that succeeded; those of an open
/// loop count from the intended start.
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
    /// A value, bytes; of different lengths the mean.
    pub value_bytes: usize,
    /// Operations that succeeded: calls, but for `scan` keys.
    pub ops: u64,
    /// Calls that failed.
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
    /// Operations that were to begin before the end, and did not: no thread was free.
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
