//! The clocks of machines: each goes at a rate of its own, and may leap.
//!
//! A node knows one clock, that of its machine since boot (`base::host::Clock`). The wall clock is
//! not among what a host gives to it: whoever sets it, by an hour or a day, to and fro, sets nothing
//! that a simulated node could read, and what would read it past the host is refused by
//! `clippy.toml` and `tests/tidy`. What does leap is the clock since boot, for it counts the
//! time for which a machine was suspended; timers of the process do not. And after a loss of power
//! it begins anew, at any number, under another boot's name.
//!
//! The product is promised a rate within 1 % of real time. Here clocks go at half to twice of
//! simulated time, and are set right by nobody before all is mended: safety must not depend on the
//! promise. What does depend on it is how long a lease lasts. It ends by the clock of whoever
//! leads, so at twice the rate it lasts half as long, and that is no violation. Hence all moments
//! of a run are told by the *fastest* clock: it goes, in each step, as far as that clock which went
//! furthest, and leaps when any does. Between two entries machine time, whoever stamped them, grows
//! by at most that: a leader goes on from the entry it applied last by what has passed on its own
//! clock since. So no lease that began at `t` by the fastest clock may end before `t` and its time,
//! whoever leads, and the checkers, which compare moments with leases, hold as they are. That the
//! time of a leader is its own is looked at from above ([`crate::onlooker`]).
//!
//! Leaps are bounded over a run: the machine remembers a client's requests for ten minutes of its
//! time (`SESSION_IDLE_MS`), and a suspended machine is one for which those minutes have passed for
//! everybody, which a simulation of seconds cannot show.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dkv::base::host::{Clock, ManualClock};

use crate::check::dice::Dice;

/// Rates, in percent of simulated time.
const RATES: (u64, u64) = (50, 200);

/// How far a clock leaps, ms.
const LEAPS_MS: [u64; 4] = [500, 5_000, 30_000, 60_000];

/// How far all clocks of a run leap together, ms.
const LEAPS_MS_MAX: u64 = 240_000;

/// After a loss of power a clock shows up to so much, ms.
const BOOTED_MS_MAX: u64 = 3_600_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct MachineClock {
    manual: Arc<ManualClock>,
    rate_percent: AtomicU64,
}

impl Default for MachineClock {
    fn default() -> Self {
        Self {
            manual: Arc::default(),
            rate_percent: AtomicU64::new(100),
        }
    }
}

impl MachineClock {
    /// As the node sees it.
    pub(crate) fn shown(&self) -> Arc<dyn Clock> {
        self.manual.clone()
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.manual.boot_us()
    }

    /// Lets simulated time pass; says how much that was by this clock.
    pub(crate) fn pass_us(&self, us: u64) -> u64 {
        let us = us * self.rate_percent.load(Ordering::SeqCst) / 100;
        self.manual.advance_us(us);
        us
    }

    pub(crate) fn go_at(&self, rate_percent: u64) {
        self.rate_percent.store(rate_percent, Ordering::SeqCst);
    }

    pub(crate) fn leap_ms(&self, ms: u64) {
        self.manual.advance_ms(ms);
    }

    /// The machine was without power.
    pub(crate) fn reboot(&self, drawn: u64) {
        self.manual.reboot();
        self.manual.advance_ms(drawn % BOOTED_MS_MAX);
    }
}

/// Any rate, and often a bound of what there is.
pub(crate) fn draw_rate(dice: &mut Dice) -> u64 {
    let (slowest, fastest) = RATES;
    match dice.below(4) {
        0 => slowest,
        1 => fastest,
        _ => dice.within(slowest, fastest),
    }
}

/// How far to leap, if clocks of this run leapt so far before; 0 if that is far enough.
pub(crate) fn draw_leap_ms(dice: &mut Dice, before_ms: u64) -> u64 {
    let leap_ms = *dice.pick(&LEAPS_MS);
    match before_ms + leap_ms > LEAPS_MS_MAX {
        true => 0,
        false => leap_ms,
    }
}
