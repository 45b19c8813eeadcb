//! Scales: where on an axis a value is, and which values are written beside it.

use super::units;

/// How values lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// From 0 on, evenly.
    Linear {
        /// The end.
        most: f64,
    },
    /// Equal ratios are equally far apart.
    Log {
        /// The beginning, above 0.
        least: f64,
        /// The end, above `least`.
        most: f64,
    },
    /// Quantiles: each further nine is as far as the last one; the slowest is at the end.
    Nines,
}

/// A value that is written beside an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// As far as the axis of quantiles goes, in nines: to 99.99 %.
const NINES: f64 = 4.0;
/// Where the slowest is on it.
const NINES_END: f64 = 4.8;

impl Scale {
    /// Where `value` is, from 0 to 1; what is outside is at the border.
    pub(super) fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { most } => value / most,
            Self::Log { least, most } => (value / least).ln() / (most / least).ln(),
            Self::Nines if value.is_nan() => 0.0,
            Self::Nines if value >= 1.0 => 1.0,
            Self::Nines => (-(1.0 - value).log10()).min(NINES) / NINES_END,
        };
        if place.is_nan() {
            return 0.0;
        }
        place.clamp(0.0, 1.0)
    }
}

/// An axis from 0 to at least `most`, a rate.
pub(super) fn rates(most: f64) -> (Scale, Vec<Tick>) {
    // 1 if there is nothing to draw: an axis needs a length.
    let most = if most > 0.0 { most } else { 1.0 };
    let step = step(most / 4.0);
    let count = (most / step).ceil().max(1.0) as u32;
    let ticks = (0..=count).map(|index| f64::from(index) * step);
    let scale = Scale::Linear {
        most: f64::from(count) * step,
    };
    (scale, labelled(ticks, units::short))
}

/// An axis from 0 to exactly `seconds`.
pub(super) fn times(seconds: f64) -> (Scale, Vec<Tick>) {
    let most = if seconds > 0.0 { seconds } else { 1.0 };
    let step = step_of_time(most / 6.0);
    let count = (most / step * 1.000_1).floor() as u32;
    let ticks = (0..=count).map(|index| f64::from(index) * step);
    let label = |seconds: f64| match seconds {
        0.0 => "0".to_owned(),
        seconds if step >= 3_600.0 => format!("{} h", seconds / 3_600.0),
        seconds if step >= 60.0 => format!("{} min", seconds / 60.0),
        seconds => units::duration(seconds * 1e6),
    };
    (Scale::Linear { most }, labelled(ticks, label))
}

/// An axis of latencies that has room for all of `latencies_us`, which are above 0.
pub(super) fn latencies(latencies_us: impl IntoIterator<Item = u64>) -> (Scale, Vec<Tick>) {
    let (mut least, mut most) = (u64::MAX, 0);
    for latency_us in latencies_us {
        least = least.min(latency_us.max(1));
        most = most.max(latency_us.max(1));
    }
    let (least, most) = if most == 0 { (1, 10) } else { (least, most) };
    let mut values: Vec<f64> = one_two_five().collect();
    let first = values.partition_point(|&it| it <= least as f64).max(1) - 1;
    let last = values.partition_point(|&it| it < most as f64);
    // At least one more than the first, so that the axis has a length.
    let last = last.max(first + 1).min(values.len() - 1);
    values.truncate(last + 1);
    values.drain(..first);
    let scale = Scale::Log {
        least: values[0],
        most: values[values.len() - 1],
    };
    const TICKS_MAX: usize = 10;
    if values.len() > TICKS_MAX {
        // Powers of ten alone.
        values.retain(|value| value.log10().fract().abs() < 1e-9);
    }
    (scale, labelled(values, units::duration))
}

/// The axis of quantiles.
pub(super) fn quantiles() -> (Scale, Vec<Tick>) {
    let ticks = [
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
        (1.0, "max"),
    ];
    let tick = |(value, label): (f64, &str)| Tick {
        value,
        label: label.to_owned(),
    };
    (Scale::Nines, ticks.map(tick).to_vec())
}

fn labelled(values: impl IntoIterator<Item = f64>, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let tick = |value| Tick {
        value,
        label: label(value),
    };
    values.into_iter().map(tick).collect()
}

/// The least of 1, 2 or 5 times a power of ten that is at least `least`, which is above 0.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * power);
    let fits = steps.into_iter().find(|step| *step >= least * 0.999_9);
    fits.unwrap_or(10.0 * power)
}

/// The same for seconds, in minutes and hours where these are read more easily.
fn step_of_time(least_s: f64) -> f64 {
    const SEXAGESIMAL: [f64; 13] = [
        20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
        21_600.0, 43_200.0,
    ];
    if least_s <= 10.0 {
        return step(least_s);
    }
    let fits = SEXAGESIMAL.into_iter().find(|step| *step >= least_s);
    fits.unwrap_or_else(|| step(least_s / 3_600.0) * 3_600.0)
}

/// 1, 2, 5, 10 and so on us, beyond what a latency can be.
fn one_two_five() -> impl Iterator<Item = f64> {
    (0..12).flat_map(|power| [1.0, 2.0, 5.0].map(|it| it * 10_f64.powi(power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn rates_have_round_ticks() {
        let (scale, ticks) = rates(74_512.0);
        assert_eq!(labels(&ticks), ["0", "20 k", "40 k", "60 k", "80 k"]);
        assert!((scale.place(40_000.0) - 0.5).abs() < 1e-9);
        assert_eq!(labels(&rates(0.0).1), ["0", "0.5", "1"]);
        assert_eq!(labels(&rates(4.0).1), ["0", "1", "2", "3", "4"]);
        assert_eq!(labels(&rates(f64::NAN).1), ["0", "0.5", "1"]);
    }

    #[test]
    fn times_are_told_in_units_that_fit() {
        let times = |seconds| {
            let ticks = times(seconds).1;
            ticks.into_iter().map(|it| it.label).collect::<Vec<_>>()
        };
        assert_eq!(times(5.001), ["0", "1 s", "2 s", "3 s", "4 s", "5 s"]);
        assert_eq!(times(90.0), ["0", "20 s", "40 s", "60 s", "80 s"]);
        assert_eq!(
            times(600.0),
            ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]
        );
        assert_eq!(
            times(5_400.0),
            ["0", "20 min", "40 min", "60 min", "80 min"]
        );
        assert_eq!(times(0.002), ["0", "500 µs", "1 ms", "1.5 ms", "2 ms"]);
        assert_eq!(times(0.0).len(), 6);
    }

    #[test]
    fn latencies_of_any_spread_have_a_few_ticks() {
        assert_eq!(labels(&latencies([100]).1), ["100 µs", "200 µs"]);
        assert_eq!(
            labels(&latencies([90, 450, 3_000]).1),
            [
                "50 µs", "100 µs", "200 µs", "500 µs", "1 ms", "2 ms", "5 ms"
            ]
        );
        assert_eq!(
            labels(&latencies([3, 900_000]).1),
            ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"]
        );
        assert_eq!(labels(&latencies([]).1).len(), 4);
        let (scale, ticks) = latencies([1, 3_600_000_000]);
        assert!(ticks.len() <= 11, "{}", ticks.len());
        assert!(scale.place(3.6e9) <= 1.0 && scale.place(1.0).abs() < 1e-9);
        assert!(latencies([u64::MAX]).0.place(u64::MAX as f64) <= 1.0);
    }

    #[test]
    fn every_nine_is_as_far_as_the_last_one() {
        let place = |quantile| Scale::Nines.place(quantile) * NINES_END;
        assert!((place(0.9) - 1.0).abs() < 1e-9);
        assert!((place(0.999) - 3.0).abs() < 1e-9);
        assert!((place(0.999_999) - 4.0).abs() < 1e-9);
        assert!((place(1.0) - NINES_END).abs() < 1e-9);
        assert!(place(0.0).abs() < 1e-9 && place(f64::NAN).abs() < 1e-9);
    }
}
