//! The only file that reads time.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

use crate::base::mutant;

/// Time as this node can know it: since its boot, suspended time included.
///
/// Promised: never goes back within a boot, and goes at a rate within 1 % of
/// real time. The wall clock is nobody's business.
pub trait Clock: Send + Sync {
    /// `CLOCK_BOOTTIME`, milliseconds.
    fn boot_ms(&self) -> u64;

    /// The same clock in microseconds, for measuring.
    fn boot_us(&self) -> u64;

    /// Which boot this is; equal exactly if `boot_ms` can be compared.
    fn boot_id(&self) -> [u8; 16];
}

/// The operating system's clock.
#[derive(Debug)]
pub struct SystemClock {
    boot_id: [u8; 16],
}

impl SystemClock {
    /// Reads the boot id once. Without one (not Linux) every start counts as a
    /// boot of its own, so that down time is not counted: late, never early.
    #[allow(
        clippy::new_without_default,
        reason = "reads the system: not a plain default"
    )]
    pub fn new() -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .and_then(|text| uuid::Uuid::parse_str(text.trim()).ok())
            .map_or_else(random_boot_id, uuid::Uuid::into_bytes);
        Self { boot_id }
    }
}

fn random_boot_id() -> [u8; 16] {
    let mut id = [0; 16];
    getrandom::fill(&mut id).expect("the operating system must have randomness");
    id
}

impl Clock for SystemClock {
    fn boot_ms(&self) -> u64 {
        self.boot_us() / 1_000
    }

    fn boot_us(&self) -> u64 {
        if mutant::is_on("calendar-clock") {
            return calendar_us();
        }
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).expect("the boot clock starts at zero");
        let nanos = u64::try_from(now.tv_nsec).expect("nanoseconds are never negative");
        seconds * 1_000_000 + nanos / 1_000
    }

    fn boot_id(&self) -> [u8; 16] {
        self.boot_id
    }
}

/// The mutant `calendar-clock`, which asks whom tests can deceive.
#[allow(clippy::disallowed_methods, reason = "the defect is to ask for it")]
fn calendar_us() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}

/// A clock that tests move.
#[derive(Debug, Default)]
pub struct ManualClock {
    us: AtomicU64,
    boot: AtomicU64,
}

impl ManualClock {
    /// Lets `ms` pass.
    pub fn advance_ms(&self, ms: u64) {
        self.advance_us(ms * 1_000);
    }

    /// Lets `us` pass.
    pub fn advance_us(&self, us: u64) {
        self.us.fetch_add(us, Ordering::SeqCst);
    }

    /// Boots the machine again: the clock starts anew, under another boot id.
    pub fn reboot(&self) {
        self.us.store(0, Ordering::SeqCst);
        self.boot.fetch_add(1, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn boot_ms(&self) -> u64 {
        self.boot_us() / 1_000
    }

    fn boot_us(&self) -> u64 {
        self.us.load(Ordering::SeqCst)
    }

    fn boot_id(&self) -> [u8; 16] {
        u128::from(self.boot.load(Ordering::SeqCst)).to_be_bytes()
    }
}
