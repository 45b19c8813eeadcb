//! Latencies from the fastest to the slowest operation.

use super::markup::Markup;
use super::model::Section;
use super::plot::Plot;
use super::scale;
use super::section::Names;
use super::units;

/// The chart; `None` if no operation succeeded.
pub(super) fn percentiles(section: &Section<'_>, names: &Names) -> Option<Markup> {
    let drawn: Vec<(usize, &[(f64, u64)])> = section
        .series
        .iter()
        .map(|series| (series.target, series.shown().percentiles.as_slice()))
        .collect();
    let all = || drawn.iter().flat_map(|(_, points)| *points);
    if all().all(|(_, us)| *us == 0) {
        return None;
    }
    let latencies = scale::latencies(all().map(|(_, us)| *us));
    let mut plot = Plot::new(scale::quantiles(), latencies);
    for (target, points) in &drawn {
        let points = points.iter().map(|&(quantile, us)| (quantile, us as f64));
        plot.line(&format!("line s{}", names.colour(*target)), points);
    }
    for (target, points) in &drawn {
        for &(quantile, us) in *points {
            let said = format!(
                "{}{} within {}",
                names.of_line(*target),
                told(quantile),
                units::latency(us)
            );
            plot.said_of_point(quantile, us as f64, &said);
        }
    }
    Some(plot.finish(&format!("Latencies of {} by percentile", section.test)))
}

/// `99.9 %`; a quantile is written with the digits it has, at most two behind the point.
fn told(quantile: f64) -> String {
    let percent = format!("{:.2}", quantile * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    match quantile {
        1.0 => "all".to_owned(),
        0.0 => "the fastest".to_owned(),
        _ => format!("{percent} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_told_as_percents() {
        for (quantile, percent) in [
            (0.0, "the fastest"),
            (0.5, "50 %"),
            (0.9125, "91.25 %"),
            (0.999, "99.9 %"),
            (0.9999, "99.99 %"),
            (1.0, "all"),
        ] {
            assert_eq!(told(quantile), percent);
        }
    }
}
