//! Requests that are answered by the next message of a session.

use tokio::time::Instant;

use super::labels::{Outcome, RequestKind};
use super::meter::Meter;

/// Counted together when the message leaves, with one look at the clock: neighbours of
/// one kind, which most frames are, cost two atomics for all of them.
#[derive(Default)]
pub(in crate::server) struct Tally {
    runs: Vec<Run>,
}

struct Run {
    kind: RequestKind,
    outcome: Outcome,
    came: Instant,
    times: u64,
}

impl Tally {
    pub(in crate::server) fn add(&mut self, kind: RequestKind, outcome: Outcome, came: Instant) {
        if let Some(last) = self.runs.last_mut()
            && last.kind == kind
            && last.outcome == outcome
            && last.came == came
        {
            last.times += 1;
            return;
        }
        self.runs.push(Run {
            kind,
            outcome,
            came,
            times: 1,
        });
    }

    /// The replies leave at `now`.
    pub(in crate::server) fn count(&mut self, meter: &Meter, now: Instant) {
        for run in self.runs.drain(..) {
            let took = now.saturating_duration_since(run.came).as_micros();
            let took_us = u64::try_from(took).unwrap_or(u64::MAX);
            meter.answered(run.kind, run.outcome, took_us, run.times);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn neighbours_are_counted_together_and_nothing_is_lost() {
        let (meter, mut tally) = (Meter::default(), Tally::default());
        let came = Instant::now();
        for _ in 0..5 {
            tally.add(RequestKind::Get, Outcome::Ok, came);
        }
        tally.add(RequestKind::Get, Outcome::Missing, came);
        tally.add(RequestKind::Get, Outcome::Ok, came);
        assert_eq!(tally.runs.len(), 3);
        tally.count(&meter, came + Duration::from_micros(60));
        assert_eq!(meter.count(RequestKind::Get, Outcome::Ok), 6);
        assert_eq!(meter.count(RequestKind::Get, Outcome::Missing), 1);
        let took = meter.took_us(RequestKind::Get);
        assert_eq!((took.counts[1], took.count(), took.sum), (7, 7, 420));
        tally.count(&meter, came);
        assert_eq!(meter.took_us(RequestKind::Get).count(), 7);
    }
}
