//! Figures as people read them: three digits, and a unit.

/// What stands for a figure that is not there.
pub(super) const NONE: &str = "–";

/// `1234567` as `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Something a second, for a table: `74,512`, or `0.4`.
pub(super) fn rate(per_s: f64) -> String {
    match per_s {
        rate if !rate.is_finite() => NONE.to_owned(),
        rate if rate >= 99.95 => grouped(rate.round() as u64),
        rate => format!("{rate:.1}"),
    }
}

/// Something a second, for an axis or a narrow place: `75 k`.
pub(super) fn short(per_s: f64) -> String {
    let (scaled, unit) = match per_s {
        it if it >= 999.5e6 => (it / 1e9, " G"),
        it if it >= 999.5e3 => (it / 1e6, " M"),
        it if it >= 999.5 => (it / 1e3, " k"),
        it => (it, ""),
    };
    format!("{}{unit}", three_digits(scaled))
}

/// A latency: `230 µs`, `1.2 ms`; 0 is none.
pub(super) fn latency(us: u64) -> String {
    match us {
        0 => NONE.to_owned(),
        us => duration(us as f64),
    }
}

/// A length of time, us.
pub(super) fn duration(us: f64) -> String {
    let (scaled, unit) = match us {
        us if us >= 999.5e3 => (us / 1e6, "s"),
        us if us >= 999.5 => (us / 1e3, "ms"),
        us => (us, "µs"),
    };
    format!("{} {unit}", three_digits(scaled))
}

/// A size: `128 B`, `1.5 KiB`.
pub(super) fn bytes(bytes: u64) -> String {
    let (scaled, unit) = match bytes {
        it if it >= 1 << 30 => (it as f64 / f64::from(1 << 30), "GiB"),
        it if it >= 1 << 20 => (it as f64 / f64::from(1 << 20), "MiB"),
        it if it >= 1 << 10 => (it as f64 / 1_024.0, "KiB"),
        it => (it as f64, "B"),
    };
    format!("{} {unit}", three_digits(scaled))
}

/// How many times something is something else: `3.2`, `0.031`.
pub(super) fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if !ratio.is_finite() => NONE.to_owned(),
        ratio if ratio >= 99.5 => grouped(ratio.round() as u64),
        ratio if ratio >= 9.95 => format!("{ratio:.1}"),
        ratio if ratio >= 0.095 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.3}"),
    }
}

/// Three digits, no more, without zeros at the end: `1.2`, `75`, `1204`.
fn three_digits(value: f64) -> String {
    let text = match value {
        value if value >= 99.95 => return format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        for (told, text) in [
            (grouped(0), "0"),
            (grouped(999), "999"),
            (grouped(1_234_567), "1,234,567"),
            (rate(74_512.4), "74,512"),
            (rate(0.42), "0.4"),
            (rate(f64::NAN), "–"),
            (short(0.0), "0"),
            (short(950.0), "950"),
            (short(1_500.0), "1.5 k"),
            (short(999_600.0), "1 M"),
            (short(75_000.0), "75 k"),
            (latency(0), "–"),
            (latency(1), "1 µs"),
            (latency(999), "999 µs"),
            (latency(1_000), "1 ms"),
            (latency(1_239), "1.24 ms"),
            (latency(12_340), "12.3 ms"),
            (latency(999_600), "1 s"),
            (latency(3_600_000_000), "3600 s"),
            (bytes(0), "0 B"),
            (bytes(128), "128 B"),
            (bytes(1_536), "1.5 KiB"),
            (bytes(512 << 10), "512 KiB"),
            (ratio(27.123), "27.1"),
            (ratio(1.04), "1.04"),
            (ratio(0.0312), "0.031"),
            (ratio(f64::INFINITY), "–"),
        ] {
            assert_eq!(told, text);
        }
    }
}
