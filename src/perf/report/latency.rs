//! Latencies over time: half of the operations, and all but one in a hundred.

use super::markup::Markup;
use super::model::Section;
use super::parts::{Part, parts};
use super::plot::Plot;
use super::scale;
use super::section::Names;
use super::throughput::say;
use super::units;

/// The chart; `None` if no operation succeeded.
pub(super) fn latency(section: &Section<'_>, names: &Names) -> Option<Markup> {
    let drawn: Vec<(usize, Vec<Part>)> = section
        .series
        .iter()
        .map(|series| (series.target, parts(series.shown())))
        .collect();
    let all = || drawn.iter().flat_map(|(_, parts)| parts);
    let seconds = all().map(|part| part.to_s).fold(0.0, f64::max);
    let latencies: Vec<u64> = all()
        .flat_map(|part| [part.p50_us, part.p99_us])
        .filter(|us| *us > 0)
        .collect();
    if latencies.is_empty() {
        return None;
    }
    let mut plot = Plot::new(scale::times(seconds), scale::latencies(latencies));
    for (target, parts) in &drawn {
        let colour = names.colour(*target);
        let levels = |of: fn(&Part) -> u64| {
            let known = move |part: &Part| Some(of(part) as f64).filter(|us| *us > 0.0);
            parts.iter().map(move |it| (it.from_s, it.to_s, known(it)))
        };
        plot.steps(&format!("line slow s{colour}"), levels(|part| part.p99_us));
        plot.steps(&format!("line s{colour}"), levels(|part| part.p50_us));
    }
    say(&mut plot, &drawn, names, |part| {
        let [p50, p99] = [part.p50_us, part.p99_us].map(units::latency);
        format!("p50 {p50}, p99 {p99}")
    });
    Some(plot.finish(&format!(
        "Latencies of {} over time, p50 and p99",
        section.test
    )))
}
