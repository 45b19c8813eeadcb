//! A test's timeline as it is drawn: from when to when, and how much.

use crate::perf::row::Row;

/// A stretch of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) ops: u64,
    pub(super) errors: u64,
    /// 0 without latencies.
    pub(super) p50_us: u64,
    /// 0 without latencies.
    pub(super) p99_us: u64,
}

impl Part {
    pub(super) fn ops_per_s(&self) -> f64 {
        let length_s = self.to_s - self.from_s;
        if length_s > 0.0 {
            self.ops as f64 / length_s
        } else {
            0.0
        }
    }

    /// Takes `next` in: two ends of one stretch. The latencies are those of the longer one,
    /// but that the slowest stay the slowest.
    fn extend(&mut self, next: &Self) {
        self.to_s = next.to_s;
        self.ops += next.ops;
        self.errors += next.errors;
        self.p99_us = self.p99_us.max(next.p99_us);
    }
}

/// The last part is drawn alone if it is at least so long, compared with the others. The
/// few answers that come after the end would else look like a fall, or like a peak.
const STUB: f64 = 0.5;

/// The parts of a row's test, without gaps, from its beginning to its end. A row that has
/// no timeline has one part.
pub(super) fn parts(row: &Row) -> Vec<Part> {
    let length_s = match row.timeline.as_slice() {
        [first, second, ..] => f64::from(second.second - first.second),
        _ => 1.0,
    };
    let mut parts: Vec<Part> = row
        .timeline
        .iter()
        .map(|slice| Part {
            from_s: f64::from(slice.second),
            to_s: f64::from(slice.second) + length_s,
            ops: slice.ops,
            errors: slice.errors,
            p50_us: slice.p50_us,
            p99_us: slice.p99_us,
        })
        .collect();
    let Some(last) = parts.last_mut() else {
        return Vec::from_iter(whole(row));
    };
    if row.seconds > last.from_s && row.seconds < last.to_s {
        last.to_s = row.seconds;
    }
    let end_s = last.to_s;
    if let [.., before, stub] = parts.as_mut_slice()
        && stub.to_s - stub.from_s < length_s * STUB
    {
        before.extend(stub);
        parts.pop();
    }
    if row.seconds - end_s > length_s * STUB {
        parts.push(silence(end_s, row.seconds));
    }
    parts
}

fn whole(row: &Row) -> Option<Part> {
    (row.seconds > 0.0 && row.ops + row.errors > 0).then_some(Part {
        from_s: 0.0,
        to_s: row.seconds,
        ops: row.ops,
        errors: row.errors,
        p50_us: row.p50_us,
        p99_us: row.p99_us,
    })
}

/// Nothing ended any more, and the test went on.
fn silence(from_s: f64, to_s: f64) -> Part {
    Part {
        from_s,
        to_s,
        ops: 0,
        errors: 0,
        p50_us: 0,
        p99_us: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perf::row::Slice;

    fn row(seconds: f64, slices: &[(u32, u64)]) -> Row {
        let slice = |&(second, ops): &(u32, u64)| Slice {
            second,
            ops,
            p50_us: 10,
            p99_us: 10 + ops,
            ..Slice::default()
        };
        Row {
            seconds,
            timeline: slices.iter().map(slice).collect(),
            ..Row::default()
        }
    }

    fn told(row: &Row) -> Vec<(f64, f64, u64)> {
        let told = |part: &Part| (part.from_s, part.to_s, part.ops);
        parts(row).iter().map(told).collect()
    }

    /// Answers that came 0.3 ms after the end were drawn as a second with 12 operations.
    #[test]
    fn the_last_answers_belong_to_the_second_before() {
        let row = row(2.0003, &[(0, 1_000), (1, 1_000), (2, 12)]);
        assert_eq!(told(&row), [(0.0, 1.0, 1_000), (1.0, 2.0003, 1_012)]);
        assert!(parts(&row)[1].ops_per_s() > 1_011.0);
    }

    #[test]
    fn a_last_slice_is_as_long_as_the_test_lasted() {
        let half = row(1.5, &[(0, 1_000), (1, 400)]);
        assert_eq!(told(&half), [(0.0, 1.0, 1_000), (1.0, 1.5, 400)]);
        assert!((parts(&half)[1].ops_per_s() - 800.0).abs() < 1e-9);
        let short = row(0.002, &[(0, 10)]);
        assert!((parts(&short)[0].ops_per_s() - 5_000.0).abs() < 1e-6);
        let coarse = row(7.0, &[(0, 8), (4, 6)]);
        assert_eq!(told(&coarse), [(0.0, 4.0, 8), (4.0, 7.0, 6)]);
    }

    #[test]
    fn a_test_that_falls_silent_is_seen_to() {
        let stalled = row(5.0, &[(0, 9), (1, 9)]);
        assert_eq!(told(&stalled)[2], (2.0, 5.0, 0));
    }

    #[test]
    fn without_a_timeline_there_is_one_part_and_without_a_test_none() {
        let row = Row {
            ops: 6,
            ..row(2.0, &[])
        };
        assert_eq!(told(&row), [(0.0, 2.0, 6)]);
        assert!(parts(&Row::default()).is_empty());
    }
}
