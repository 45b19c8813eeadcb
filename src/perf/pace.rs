//! When the operations of an open loop are to begin.

use std::time::Duration;

/// Intended starts fall on multiples of this: fine enough to be smooth, and coarse enough
/// that waking for them costs little.
const TICK_US: u64 = 200;

/// Starts for each client that must wait for it before the plan is looked at less often:
/// so many answers take longer than a rest, whatever the server.
const BACKLOG: usize = 16;

/// How long such a rest is.
const REST_US: u64 = 1_000;

/// A plan of starts, by number. It is fixed beforehand, so that a server that stalls does
/// not make the starts it delays disappear: no coordinated omission.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Operations a second.
    per_s: u64,
    /// Operations that begin together, as one start.
    step: u64,
}

impl Pace {
    /// Neither is zero.
    pub(super) fn new(per_s: u64, step: u64) -> Self {
        Self { per_s, step }
    }

    /// When the start of this number is due, from the beginning, us.
    pub(super) fn intended_us(self, start: u64) -> u64 {
        let operations = u128::from(start) * u128::from(self.step);
        let us = operations * 1_000_000 / u128::from(self.per_s);
        let us = u64::try_from(us).unwrap_or(u64::MAX);
        us - us % TICK_US
    }

    /// How many starts are due when `elapsed_us` have gone by.
    pub(super) fn due(self, elapsed_us: u64) -> u64 {
        let until_us = u128::from(elapsed_us / TICK_US + 1) * u128::from(TICK_US);
        let operations_us = until_us.saturating_mul(u128::from(self.per_s));
        let due = operations_us.div_ceil(u128::from(self.step) * 1_000_000);
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// How many starts a test of this length has.
    pub(super) fn within(self, length: Duration) -> u64 {
        let operations_ns = length.as_nanos().saturating_mul(u128::from(self.per_s));
        let starts = operations_ns.div_ceil(u128::from(self.step) * 1_000_000_000);
        u64::try_from(starts).unwrap_or(u64::MAX)
    }
}

/// How long nobody lacks a start, though no more are handed out, if `waiting` starts wait
/// for `clients` that are all busy, us. To wake every [`TICK_US`] for starts that nobody
/// can take yet costs a tenth of a processor, which an overloaded server beside it lacks.
pub(super) fn rest_us(waiting: usize, clients: usize) -> Option<u64> {
    (waiting >= clients.saturating_mul(BACKLOG)).then_some(REST_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_even_and_what_is_due_is_exactly_what_was_intended() {
        for (per_s, step) in [
            (1, 1),
            (3, 1),
            (7_000, 1),
            (333_333, 1),
            (1_000, 40),
            (5, 7),
        ] {
            let pace = Pace::new(per_s, step);
            for start in 0..2_000 {
                let intended_us = pace.intended_us(start);
                let exact_us = start as f64 * step as f64 * 1e6 / per_s as f64;
                let early_us = exact_us - intended_us as f64;
                assert!(
                    (0.0..TICK_US as f64 + 1.0).contains(&early_us),
                    "{early_us}"
                );
                assert!(pace.due(intended_us) > start, "{per_s} {step} {start}");
                if intended_us > 0 {
                    assert!(pace.due(intended_us - 1) <= start, "{per_s} {step} {start}");
                }
            }
        }
    }

    /// With all clients busy and a second of starts behind, the plan was looked at 5,000
    /// times a second: the load generator took twice as much of the processor for an
    /// operation as in a closed loop.
    #[test]
    fn the_plan_rests_only_while_every_client_has_many_starts_to_take() {
        for clients in [1, 256, 65_536] {
            let enough = clients * BACKLOG;
            assert_eq!(rest_us(0, clients), None);
            assert_eq!(rest_us(enough - 1, clients), None);
            assert!(rest_us(enough, clients).is_some_and(|us| us > TICK_US));
        }
        // Nobody gets through so many in that time: answers take longer than this.
        const { assert!(REST_US / (BACKLOG as u64) <= 63) };
    }

    #[test]
    fn a_test_has_as_many_starts_as_fit_its_length() {
        let within = |per_s, step, ms| Pace::new(per_s, step).within(Duration::from_millis(ms));
        assert_eq!(within(1_000, 1, 5_000), 5_000);
        assert_eq!(within(1_000, 100, 1_000), 10);
        assert_eq!(within(1, 1, 100), 1);
        assert_eq!(Pace::new(u64::MAX, 1).within(Duration::MAX), u64::MAX);
    }
}
