//! Numbers and names, short and harmless.

use std::time::Duration;

use crate::cli::row::escaped;

/// A number of things a second.
pub(super) fn rate(per_s: f64) -> String {
    match per_s {
        it if it < 0.05 => "0".to_owned(),
        it if it < 10.0 => format!("{it:.1}"),
        it if it < 10_000.0 => format!("{it:.0}"),
        it if it < 1e6 => format!("{:.1}k", it / 1e3),
        it => format!("{:.2}M", it / 1e6),
    }
}

/// A count, with thousands apart.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long something took; a dash if nothing did.
pub(super) fn micros(us: Option<u64>) -> String {
    match us {
        None => "-".to_owned(),
        Some(us) if us < 1_000 => format!("{us} µs"),
        Some(us) if us < 10_000 => format!("{:.1} ms", us as f64 / 1e3),
        Some(us) if us < 1_000_000 => format!("{:.0} ms", us as f64 / 1e3),
        Some(us) => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// A size.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1_024.0 && unit < units.len() - 1 {
        size /= 1_024.0;
        unit += 1;
    }
    match unit == 0 || size >= 100.0 {
        true => format!("{size:.0} {}", units[unit]),
        false => format!("{size:.1} {}", units[unit]),
    }
}

/// How long something lasts, in its two largest units.
pub(super) fn span(span: Duration) -> String {
    let s = span.as_secs();
    match s {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{s}s"),
        60..3_600 => format!("{}m{:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{:02}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3_600 % 24),
    }
}

/// A name that anybody may have made up: nothing in it moves the cursor, turns the line
/// round or is invisible.
pub(super) fn name(bytes: &[u8]) -> String {
    let mut text = String::new();
    for character in escaped(bytes).chars() {
        match character {
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => text.extend(character.escape_unicode()),
            character => text.push(character),
        }
    }
    text
}

/// The beginning of a text that is too long, about: wide characters take two columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short() {
        let rates = [0.0, 0.04, 3.26, 412.4, 12_345.0, 3_456_789.0].map(rate);
        assert_eq!(rates, ["0", "0", "3.3", "412", "12.3k", "3.46M"]);
        let counts = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let took = [None, Some(250), Some(2_500), Some(25_000), Some(2_500_000)].map(micros);
        assert_eq!(took, ["-", "250 µs", "2.5 ms", "25 ms", "2.5 s"]);
        assert_eq!(
            [12, 2_048, 200 << 20].map(bytes),
            ["12 B", "2.0 KiB", "200 MiB"]
        );
        let spans = [12, 61_000, 3_600_000, 90_000_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["12 ms", "1m01s", "1h00m", "1d01h"]);
    }

    #[test]
    fn a_name_is_harmless() {
        assert_eq!(name(b"a\x1b[2J\n\xff"), "a\\u{1b}[2J\\n\\xff");
        assert_eq!(
            name("a\u{202e}b\u{200b}c".as_bytes()),
            "a\\u{202e}b\\u{200b}c"
        );
        assert_eq!(name("käse 🧀".as_bytes()), "käse 🧀");
        assert_eq!(
            (cut("abcdef", 4), cut("abc", 3)),
            ("abc…".to_owned(), "abc".to_owned())
        );
    }
}
