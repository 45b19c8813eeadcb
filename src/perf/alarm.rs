//! Waiting for a microsecond.

use std::sync::Arc;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

use crate::base::host::Clock;
use crate::base::{Error, Result};

/// Wakes a task at a moment of the boot clock, some 0.1 ms late. The runtime's own timers
/// count in whole milliseconds, which is more than most answers take.
pub(super) struct Alarm {
    /// Not a pipe, but like one: the runtime waits until there is something to read.
    timer: Receiver,
    clock: Arc<dyn Clock>,
}

impl Alarm {
    /// `clock` must be the system's.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)
            .map_err(std::io::Error::from)
            .and_then(Receiver::from_owned_fd_unchecked)
            .map_err(no_timer)?;
        Ok(Self { timer, clock })
    }

    /// Resolves once the clock shows `boot_us`, at once if it does already.
    pub(super) async fn wait_until(&mut self, boot_us: u64) -> Result<()> {
        if self.clock.boot_us() >= boot_us {
            return Ok(());
        }
        let moment = Itimerspec {
            it_interval: timespec(0),
            it_value: timespec(boot_us),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &moment)
            .map_err(|error| no_timer(error.into()))?;
        loop {
            self.timer.readable().await.map_err(no_timer)?;
            // It gives 8 bytes, fewer than there is room for: so the runtime knows that it
            // is empty, and need not look again.
            match self.timer.try_read(&mut [0; 16]) {
                // The readiness was an old one.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                rung => return rung.map(drop).map_err(no_timer),
            }
        }
    }
}

fn timespec(us: u64) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(us / 1_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(us % 1_000_000 * 1_000).expect("less than a second"),
    }
}

fn no_timer(error: std::io::Error) -> Error {
    Error::internal(format!("cannot wait for the next operation: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::Host;

    #[tokio::test]
    async fn an_alarm_never_rings_early() {
        let clock = Host::system().clock;
        let mut alarm = Alarm::new(Arc::clone(&clock)).unwrap();
        for pause_us in [0, 300, 1_500, 40] {
            let due_us = clock.boot_us() + pause_us;
            alarm.wait_until(due_us).await.unwrap();
            assert!(clock.boot_us() >= due_us, "{pause_us}");
        }
        alarm.wait_until(0).await.unwrap();
    }
}
