//! A moment as a date and a time of day, UTC.

const DAY_S: u64 = 86_400;

/// `2026-11-21 13:58 UTC`.
pub(super) fn for_people(unix_s: u64) -> String {
    let ((year, month, day), (hour, minute, _)) = (date(unix_s), time(unix_s));
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// `2026-11-21T13:58:07Z`, as of RFC 3339.
pub(super) fn for_programs(unix_s: u64) -> String {
    let ((year, month, day), (hour, minute, second)) = (date(unix_s), time(unix_s));
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn time(unix_s: u64) -> (u64, u64, u64) {
    let second = unix_s % DAY_S;
    (second / 3_600, second / 60 % 60, second % 60)
}

/// Year, month and day: `civil_from_days` of Howard Hinnant's "chrono-compatible low-level
/// date algorithms". Years begin in March there, so that a leap day is the last of its year.
fn date(unix_s: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970: u64 = 719_468;
    const ERA_DAYS: u64 = 146_097;
    let days = unix_s / DAY_S + DAYS_TO_1970;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_from_march + 2) / 5 + 1;
    let month = (months_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_as_others_tell_them() {
        for (unix_s, told) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(for_programs(unix_s), told);
        }
        assert_eq!(for_people(1_735_689_599), "2024-12-31 23:59 UTC");
    }
}
