//! The calendar, for certificates alone: they say until when by the wall clock.

use rustix::time::{ClockId, clock_gettime};

/// Seconds since the start of 1970, by this machine's wall clock, which people and other
/// machines may set. Nothing but the validity of certificates may depend on it.
pub fn unix_seconds() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}
