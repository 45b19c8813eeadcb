//! Durations as people write them: `250ms`, `30s`, `5m`, `1h`, `7d`; a bare
//! number is seconds.

use std::time::Duration;

use crate::base::{Error, Result, limits};

const FORMS: &str = "like 250ms, 30s, 5m, 1h or 7d (a bare number is seconds)";

/// Reads a duration.
///
/// # Errors
/// `Invalid`, saying what a duration looks like; also above 100 years.
pub fn parse(text: &str) -> Result<Duration> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale_ms = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60 * 1_000,
        "h" => 3_600 * 1_000,
        "d" => 24 * 3_600 * 1_000,
        _ => return Err(malformed(text)),
    };
    let number: u64 = match number.parse() {
        Ok(number) => number,
        Err(_) if number.is_empty() => return Err(malformed(text)),
        Err(_) => return Err(too_long(text)),
    };
    match number.checked_mul(scale_ms) {
        Some(ms) if ms <= limits::DURATION_MS_MAX => Ok(Duration::from_millis(ms)),
        _ => Err(too_long(text)),
    }
}

/// Writes a duration in the largest unit that is exact.
pub fn format(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    for (unit, scale_ms) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        if ms != 0 && ms.is_multiple_of(scale_ms) {
            return format!("{}{unit}", ms / scale_ms);
        }
    }
    format!("{ms}ms")
}

fn malformed(text: &str) -> Error {
    Error::invalid(format!("`{text}` is not a duration: write one {FORMS}"))
}

fn too_long(text: &str) -> Error {
    Error::invalid(format!("the duration `{text}` is longer than 100 years"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        let cases = [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
            ("42", 42_000),
            ("0", 0),
        ];
        for (text, ms) in cases {
            assert_eq!(parse(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in [
            "",
            "s",
            "1.5s",
            "-1s",
            " 1s",
            "1 s",
            "1S",
            "ten",
            "1w",
            "99999999999999999999s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["250ms", "30s", "5m", "1h", "7d", "1500ms"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
