//! Moments of the past as people write them: a revision, how long ago, or a date.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::base::types::Revision;
use crate::base::{Error, Result, duration};
use crate::client::At;

/// Reads a moment. A date is compared with the wall clock of this machine, and told to the
/// server as how long ago it was.
pub(crate) fn parse(text: &str) -> Result<At> {
    parse_at(text, now_ms())
}

fn now_ms() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}

fn parse_at(text: &str, now_ms: i64) -> Result<At> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        let revision = text.parse().map_err(|_| malformed(text))?;
        return Ok(At::Revision(Revision(revision)));
    }
    if let Some(then_ms) = date_ms(text) {
        let ago_ms = u64::try_from(now_ms - then_ms).map_err(|_| {
            Error::invalid(format!(
                "`{text}` is still to come: write a time that was, or leave it out for now"
            ))
        })?;
        return Ok(At::Ago(Duration::from_millis(ago_ms)));
    }
    let ago = duration::parse(text).map_err(|_| malformed(text))?;
    Ok(At::Ago(ago))
}

fn malformed(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not a moment: write a revision like 42, how long ago like 5m, or a time like \
         2026-03-09T12:30:00Z"
    ))
}

/// Milliseconds since 1970 of a date and time as of RFC 3339, which always says how far it is
/// from UTC; `None` for anything else.
fn date_ms(text: &str) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    let time = time.strip_prefix(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, rest) = time.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    // A leap second is the one after it.
    if hour > 23 || minute > 59 || second > 60 || !is_day(year, month, day) {
        return None;
    }
    let (fraction_ms, zone) = fraction_ms(rest)?;
    let clock_s = hour * 3_600 + minute * 60 + second;
    let seconds = days_since_1970(year, month, day) * 86_400 + clock_s - offset_s(zone)?;
    Some(seconds * 1_000 + fraction_ms)
}

fn numbers<const COUNT: usize>(
    text: &str,
    between: char,
    digits: [usize; COUNT],
) -> Option<[i64; COUNT]> {
    let mut numbers = [0; COUNT];
    let mut parts = text.split(between);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

/// The fraction of a second, cut off at the millisecond, and what follows.
fn fraction_ms(text: &str) -> Option<(i64, &str)> {
    let Some(fraction) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = fraction.split_at(digits);
    let ms: String = fraction.chars().chain("00".chars()).take(3).collect();
    Some((ms.parse().ok().filter(|_| digits > 0)?, rest))
}

/// Seconds that a place is before UTC.
fn offset_s(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let [hours, minutes] = numbers(&zone[1..], ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn is_day(year: i64, month: i64, day: i64) -> bool {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// `days_from_civil` of Howard Hinnant's "chrono-compatible low-level date algorithms": years
/// begin in March there, so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_TO_1970: i64 = 719_468;
    const ERA_DAYS: i64 = 146_097;
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_a_revision_and_a_duration_is_ago() {
        let ago = |seconds| At::Ago(Duration::from_secs(seconds));
        assert_eq!(parse("42").unwrap(), At::Revision(Revision(42)));
        assert_eq!(parse("0").unwrap(), At::Revision(Revision(0)));
        assert_eq!(parse("5m").unwrap(), ago(300));
        assert_eq!(parse("90s").unwrap(), ago(90));
    }

    #[test]
    fn dates_are_read_wherever_they_were_written() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2024-12-31 23:59:59.25z", 1_735_689_599_250),
            ("2024-12-31T23:59:59.1239Z", 1_735_689_599_123),
            ("2025-01-01T01:29:59+01:30", 1_735_689_599_000),
            ("2024-12-31T18:59:59-05:00", 1_735_689_599_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(date_ms(text), Some(ms), "{text}");
        }
        let at = parse_at("1970-01-01T00:00:10Z", 12_500).unwrap();
        assert_eq!(at, At::Ago(Duration::from_millis(2_500)));
    }

    #[test]
    fn what_is_still_to_come_or_no_moment_is_refused() {
        let error = parse_at("1970-01-01T00:00:10Z", 9_999).unwrap_err();
        assert!(error.message().contains("still to come"), "{error}");
        for text in [
            "",
            "-1",
            "5 minutes",
            "yesterday",
            "99999999999999999999",
            "2026-03-09",
            "2026-03-09T12:30:00",
            "2026-03-09T12:30Z",
            "2026-13-09T12:30:00Z",
            "2026-02-29T12:30:00Z",
            "2026-04-31T12:30:00Z",
            "2026-03-00T12:30:00Z",
            "2026-03-09T24:30:00Z",
            "2026-03-09T12:60:00Z",
            "2026-03-09T12:30:00+24:00",
            "2026-03-09T12:30:00+1:00",
            "2026-03-09T12:30:00.Z",
            "2026-03-09T12:30:00é",
            "2026-03-09Tx2:30:00Z",
            "+026-03-09T12:30:00Z",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message().contains("is not a moment"), "{error}");
        }
    }
}
