//! A moment of the calendar, as certificates have it.

use std::fmt;

use rustls::pki_types::UnixTime;
use x509_parser::time::ASN1Time;

use crate::base::host;

/// The length of a day, seconds.
const DAY_SECONDS: i64 = 86_400;

/// Seconds since the start of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// By this machine's wall clock.
    pub fn now() -> Self {
        Self(host::unix_seconds())
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        self.plus_seconds(i64::from(days) * DAY_SECONDS)
    }

    /// So many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Whole days from `earlier`; negative if that is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(DAY_SECONDS)
    }
}

impl From<UnixTime> for Moment {
    fn from(time: UnixTime) -> Self {
        Self(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
    }
}

impl From<ASN1Time> for Moment {
    fn from(time: ASN1Time) -> Self {
        Self(time.timestamp())
    }
}

impl fmt::Display for Moment {
    /// `2026-11-22 05:57:02 UTC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(time) = ASN1Time::from_timestamp(self.0) else {
            return write!(f, "{} s after 1970", self.0);
        };
        let at = time.to_datetime();
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_dates() {
        assert_eq!(Moment(0).to_string(), "1970-01-01 00:00:00 UTC");
        let leap = Moment(1_709_210_096);
        assert_eq!(leap.to_string(), "2024-02-29 12:34:56 UTC");
        assert_eq!(leap.plus_days(1).to_string(), "2024-03-01 12:34:56 UTC");
        assert_eq!(leap.days_since(leap.plus_seconds(1)), -1);
        assert_eq!(leap.plus_days(3).days_since(leap), 3);
        assert!(Moment(i64::MAX).to_string().ends_with("after 1970"));
    }
}
