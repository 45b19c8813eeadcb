//! One test: its figures in large, and its charts.

use super::latency::latency;
use super::markup::Markup;
use super::model::{Model, Section, Series};
use super::percentiles::percentiles;
use super::throughput::throughput;
use super::units;
use crate::perf::row::Row;

/// Colours that lines have; see `style.css`.
const COLOURS: usize = 6;

/// What targets are called, and which colour they have.
pub(super) struct Names {
    targets: Vec<String>,
}

impl Names {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let targets = model.targets.iter().map(|row| row.target.clone());
        Self {
            targets: targets.collect(),
        }
    }

    pub(super) fn colour(&self, target: usize) -> usize {
        target % COLOURS
    }

    /// A letter, for where an address is too long.
    pub(super) fn letter(&self, target: usize) -> String {
        let letter = u8::try_from(target).ok().filter(|number| *number < 26);
        letter.map_or_else(
            || (target + 1).to_string(),
            |number| char::from(b'A' + number).to_string(),
        )
    }

    /// What a line that is about one target begins with: nothing if there is but one.
    pub(super) fn of_line(&self, target: usize) -> String {
        match self.targets.len() {
            0 | 1 => String::new(),
            _ => format!("{}: ", self.letter(target)),
        }
    }

    /// The letter in its colour; nothing if there is but one target.
    pub(super) fn put_letter(&self, page: &mut Markup, target: usize) {
        if self.targets.len() > 1 {
            let class = format!("letter s{}", self.colour(target));
            page.leaf("b", &[("class", &class)], self.letter(target));
            page.text(" ");
        }
    }
}

/// Writes the section of a test.
pub(super) fn put(page: &mut Markup, section: &Section<'_>, names: &Names) {
    page.within("section", &[("id", &section.test)], |page| {
        page.leaf("h2", &[], section.test);
        if let Some(meaning) = meaning(section.test) {
            page.leaf("p", &[("class", &"aside")], meaning);
        }
        for series in &section.series {
            headline(page, series, names);
        }
        remarks(page, section, names);
        page.within("div", &[("class", &"charts")], |page| {
            charts(page, section, names);
        });
    });
}

/// What is counted, of the tests where it is not plain.
fn meaning(test: &str) -> Option<&'static str> {
    match test {
        "scan" => {
            Some("An operation is one key that was read; latencies are those of whole scans.")
        }
        "lock" => Some("An operation acquires a lock that nobody holds, and releases it."),
        _ => None,
    }
}

/// The medians of all rounds.
fn headline(page: &mut Markup, series: &Series<'_>, names: &Names) {
    let latency = |of: fn(&Row) -> u64| {
        let median = series.figure(|row| of(row) as f64).median;
        units::latency(median.round() as u64)
    };
    page.within("p", &[("class", &"headline")], |page| {
        names.put_letter(page, series.target);
        for (figure, of) in [
            (
                units::rate(series.figure(|row| row.ops_per_s).median),
                "ops/s",
            ),
            (latency(|row| row.p50_us), "p50"),
            (latency(|row| row.p99_us), "p99"),
            (latency(|row| row.max_us), "max"),
        ] {
            put_figure(page, "", &figure, of);
        }
        if series.errors() > 0 {
            put_figure(page, "bad", &units::grouped(series.errors()), "errors");
        }
    });
}

fn put_figure(page: &mut Markup, class: &str, figure: &str, of: &str) {
    page.within("span", &[("class", &class)], |page| {
        page.leaf("strong", &[], figure);
        page.text(" ");
        page.text(of);
    });
    page.text(" ");
}

/// What the figures do not say by themselves.
fn remarks(page: &mut Markup, section: &Section<'_>, names: &Names) {
    for series in &section.series {
        let row = series.shown();
        let mut remark = |class: &str, remark: String| {
            page.within("p", &[("class", &class)], |page| {
                names.put_letter(page, series.target);
                page.text(remark);
            });
        };
        if let Some(intended_per_s) = row.intended_per_s {
            let rate = units::rate(intended_per_s);
            let not_started = match row.not_started {
                0 => String::new(),
                count => format!(
                    "; {} of them did not, as all clients waited for answers",
                    units::grouped(count)
                ),
            };
            let text = format!(
                "{rate} operations were to begin every second{not_started}. Latencies count from \
                 the moment at which an operation was to begin."
            );
            remark("aside", text);
        }
        if let Some(error) = series.first_error() {
            let errors = units::grouped(series.errors());
            remark("bad", format!("{errors} errors, the first: {error}"));
        }
    }
}

fn charts(page: &mut Markup, section: &Section<'_>, names: &Names) {
    let has_errors = section.rows().any(|row| row.errors > 0);
    let is_paced = section.rows().any(|row| row.intended_per_s.is_some());
    figure(
        page,
        "Throughput",
        "ops/s over time",
        throughput(section, names).as_ref(),
        |page| {
            if is_paced {
                key(page, "intended", "intended");
            }
            if has_errors {
                key(page, "errors", "errors");
            }
        },
    );
    figure(
        page,
        "Latency",
        "over time",
        latency(section, names).as_ref(),
        |page| {
            key(page, "line", "p50");
            key(page, "line slow", "p99");
        },
    );
    figure(
        page,
        "Latency",
        "by percentile",
        percentiles(section, names).as_ref(),
        |_| (),
    );
}

fn figure(
    page: &mut Markup,
    title: &str,
    of_what: &str,
    chart: Option<&Markup>,
    keys: impl FnOnce(&mut Markup),
) {
    page.within("figure", &[], |page| {
        page.within("figcaption", &[], |page| {
            page.leaf("strong", &[], title);
            page.text(" ");
            page.text(of_what);
            if chart.is_some() {
                keys(page);
            }
        });
        match chart {
            Some(chart) => page.append(chart),
            None => page.leaf(
                "p",
                &[("class", &"nothing")],
                "No operation succeeded: there is nothing to draw.",
            ),
        }
    });
}

/// What a kind of line means.
fn key(page: &mut Markup, class: &str, meaning: &str) {
    page.within("span", &[("class", &"key")], |page| {
        page.within(
            "svg",
            &[("viewBox", &"0 0 22 8"), ("aria-hidden", &"true")],
            |svg| svg.empty("path", &[("class", &class), ("d", &"M1 4H21")]),
        );
        page.text(" ");
        page.text(meaning);
    });
}
