//! Gives each entry of a local shard its index and its machine time.

use std::sync::Arc;

use crate::base::host::Clock;
use crate::base::time::{BootStamp, MachineTime};
use crate::base::types::LogIndex;
use crate::machine::{Command, Entry};

/// The order of a local shard.
///
/// Invariant: machine time never goes back, and goes on over a restart only within
/// the same boot: down time that cannot be measured does not count.
pub(super) struct Sequencer {
    clock: Arc<dyn Clock>,
    next: LogIndex,
    /// Machine time was this ...
    base: MachineTime,
    /// ... when the boot clock was that.
    base_boot_ms: u64,
}

impl Sequencer {
    /// Goes on after the entry that was applied last.
    pub(super) fn resume(
        clock: Arc<dyn Clock>,
        applied: LogIndex,
        now: MachineTime,
        stamp: BootStamp,
    ) -> Self {
        let same_boot = stamp.boot_id == clock.boot_id() && stamp.boot_ms <= clock.boot_ms();
        let base_boot_ms = if same_boot {
            stamp.boot_ms
        } else {
            clock.boot_ms()
        };
        Self {
            clock,
            next: applied.next(),
            base: now,
            base_boot_ms,
        }
    }

    /// The machine time of now.
    pub(super) fn now(&self) -> MachineTime {
        self.base
            .plus_ms(self.clock.boot_ms().saturating_sub(self.base_boot_ms))
    }

    /// Stamps commands into the next entry. Without [`Self::advance`] the next call
    /// gives the same index again.
    pub(super) fn stamp(&self, mut commands: Vec<Command>) -> (LogIndex, Entry) {
        let boot_ms = self.clock.boot_ms();
        let now = self.base.plus_ms(boot_ms.saturating_sub(self.base_boot_ms));
        for command in &mut commands {
            // The boot clock comes in whole milliseconds: nothing may be early by one.
            command.lengthen();
            command.stamp(now);
        }
        let boot = BootStamp {
            boot_ms,
            boot_id: self.clock.boot_id(),
        };
        (
            self.next,
            Entry {
                now,
                boot,
                commands,
            },
        )
    }

    /// The entry stamped last went into the log.
    pub(super) fn advance(&mut self) {
        self.next = self.next.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::ManualClock;

    fn stamp_of(clock: &ManualClock) -> BootStamp {
        BootStamp {
            boot_ms: clock.boot_ms(),
            boot_id: clock.boot_id(),
        }
    }

    #[test]
    fn time_goes_on_over_a_restart_of_the_same_boot() {
        let clock = Arc::new(ManualClock::default());
        clock.advance_ms(5_000);
        let stamp = stamp_of(&clock);
        clock.advance_ms(700);
        let sequencer = Sequencer::resume(clock, LogIndex(3), MachineTime(40), stamp);
        assert_eq!(sequencer.now(), MachineTime(740));
        assert_eq!(sequencer.stamp(Vec::new()).0, LogIndex(4));
    }

    #[test]
    fn down_time_of_another_boot_does_not_count() {
        let clock = Arc::new(ManualClock::default());
        clock.advance_ms(5_000);
        let stamp = stamp_of(&clock);
        clock.reboot();
        clock.advance_ms(9_000);
        let sequencer = Sequencer::resume(clock.clone(), LogIndex(3), MachineTime(40), stamp);
        assert_eq!(sequencer.now(), MachineTime(40));
        clock.advance_ms(10);
        assert_eq!(sequencer.now(), MachineTime(50));
    }
}
