//! Operations a second over time.

use super::markup::Markup;
use super::model::Section;
use super::parts::{Part, parts};
use super::plot::Plot;
use super::scale;
use super::section::Names;
use super::units;

/// The chart; `None` if there is nothing to draw.
pub(super) fn throughput(section: &Section<'_>, names: &Names) -> Option<Markup> {
    let drawn: Vec<(usize, Vec<Part>)> = section
        .series
        .iter()
        .map(|series| (series.target, parts(series.shown())))
        .collect();
    let all = || drawn.iter().flat_map(|(_, parts)| parts);
    let seconds = all().map(|part| part.to_s).fold(0.0, f64::max);
    if seconds <= 0.0 {
        return None;
    }
    let intended = section.rows().find_map(|row| row.intended_per_s);
    let most = all()
        .map(Part::ops_per_s)
        .chain(intended)
        .fold(0.0, f64::max);
    let mut plot = Plot::new(scale::times(seconds), scale::rates(most));
    if let Some(intended) = intended {
        plot.level("intended", intended);
    }
    for (target, parts) in &drawn {
        let levels = parts
            .iter()
            .map(|it| (it.from_s, it.to_s, Some(it.ops_per_s())));
        plot.steps(&format!("line s{}", names.colour(*target)), levels);
    }
    for part in all().filter(|part| part.errors > 0) {
        plot.mark("errors", part.from_s, part.to_s);
    }
    say(&mut plot, &drawn, names, |part| {
        let rate = units::rate(part.ops_per_s());
        match part.errors {
            0 => format!("{rate} ops/s"),
            errors => format!("{rate} ops/s, {} errors", units::grouped(errors)),
        }
    });
    Some(plot.finish(&format!(
        "Operations a second of {} over {}",
        section.test,
        units::duration(seconds * 1e6)
    )))
}

/// Says for every stretch what all targets did in it.
pub(super) fn say(
    plot: &mut Plot,
    drawn: &[(usize, Vec<Part>)],
    names: &Names,
    told: impl Fn(&Part) -> String,
) {
    let Some((_, longest)) = drawn.iter().max_by_key(|(_, parts)| parts.len()) else {
        return;
    };
    for (index, stretch) in longest.iter().enumerate() {
        let when = [stretch.from_s, stretch.to_s].map(|at| match at {
            0.0 => "0".to_owned(),
            at => units::duration(at * 1e6),
        });
        let mut said = format!("{} to {}", when[0], when[1]);
        for (target, parts) in drawn {
            if let Some(part) = parts.get(index) {
                said.push('\n');
                said.push_str(&names.of_line(*target));
                said.push_str(&told(part));
            }
        }
        plot.said_of_stretch(stretch.from_s, stretch.to_s, &said);
    }
}
