//! Tables: who was asked, how they compare, and every row.

use super::markup::{Attributes, Markup};
use super::model::{Model, Series};
use super::section::Names;
use super::units;
use crate::perf::compare::Figure;
use crate::perf::row::Row;

/// Writes a table that can be wider than the page.
fn scrolled(page: &mut Markup, class: &str, inside: impl FnOnce(&mut Markup)) {
    page.within("div", &[("class", &"scroll")], |page| {
        page.within("table", &[("class", &class)], inside);
    });
}

fn head(table: &mut Markup, columns: &[&str]) {
    table.within("thead", &[], |head| {
        head.within("tr", &[], |tr| {
            for column in columns {
                tr.leaf("th", &[("scope", &"col")], column);
            }
        });
    });
}

/// What each target promises: without it, figures of two targets say little.
pub(super) fn put_targets(page: &mut Markup, model: &Model<'_>, names: &Names) {
    scrolled(page, "words", |table| {
        head(
            table,
            &["Target", "A write is confirmed when it is", "Reads"],
        );
        table.within("tbody", &[], |body| {
            for (index, row) in model.targets.iter().enumerate() {
                body.within("tr", &[], |tr| {
                    tr.within("th", &[("scope", &"row")], |th| {
                        names.put_letter(th, index);
                        th.text(&row.target);
                    });
                    tr.leaf("td", &[], known(&row.promise.acknowledged_when));
                    tr.leaf("td", &[], known(&row.promise.reads));
                });
            }
        });
    });
}

fn known(words: &str) -> &str {
    if words.is_empty() { "not known" } else { words }
}

/// What is compared: its name, where it is, how it is written, and whether more is better.
type Compared = (&'static str, fn(&Row) -> f64, fn(f64) -> String, bool);

const COMPARED: [Compared; 3] = [
    ("ops/s", |row| row.ops_per_s, units::rate, true),
    ("p50", |row| row.p50_us as f64, written_latency, false),
    ("p99", |row| row.p99_us as f64, written_latency, false),
];

fn written_latency(us: f64) -> String {
    units::latency(us.round() as u64)
}

/// Every test on every target, with the first target's ratio to each other one.
pub(super) fn put_comparison(page: &mut Markup, model: &Model<'_>, names: &Names) {
    scrolled(page, "figures compared", |table| {
        let first = names.letter(0);
        let mut columns = vec!["Test".to_owned(), String::new()];
        columns.extend((0..model.targets.len()).map(|index| names.letter(index)));
        let others = 1..model.targets.len();
        columns.extend(others.map(|index| format!("{first} ÷ {}", names.letter(index))));
        head(
            table,
            &columns.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        for section in &model.sections {
            table.within("tbody", &[], |body| {
                for compared in &COMPARED {
                    body.within("tr", &[], |tr| {
                        if compared.0 == COMPARED[0].0 {
                            let attributes: Attributes<'_> =
                                &[("scope", &"rowgroup"), ("rowspan", &COMPARED.len())];
                            tr.within("th", attributes, |th| link(th, section.test));
                        }
                        compare(tr, &section.series, model.targets.len(), compared);
                    });
                }
            });
        }
    });
}

/// The cells of one figure of one test.
fn compare(tr: &mut Markup, series: &[Series<'_>], targets: usize, compared: &Compared) {
    let (name, of, written, more_is_better) = *compared;
    tr.leaf("th", &[("scope", &"row"), ("class", &"what")], name);
    let of_target = |target: usize| {
        let series = series.iter().find(|series| series.target == target)?;
        Some((series.figure(of), series.rounds()))
    };
    for target in 0..targets {
        tr.within("td", &[], |td| match of_target(target) {
            None => td.text(units::NONE),
            Some((figure, rounds)) => put_figure(td, &figure, rounds, written),
        });
    }
    for target in 1..targets {
        let both = of_target(0).zip(of_target(target));
        let ratio = both.and_then(|((first, _), (other, _))| ratio(&first, &other));
        let class = match ratio {
            Some(ratio) if is_better(ratio, more_is_better) => "ratio better",
            Some(_) => "ratio",
            None => "ratio none",
        };
        let text = ratio.map_or_else(|| units::NONE.to_owned(), units::ratio);
        tr.leaf("td", &[("class", &class)], text);
    }
}

/// What is written as 1.00 is no advantage.
fn is_better(ratio: f64, more_is_better: bool) -> bool {
    const LEAST: f64 = 0.01;
    match more_is_better {
        true => ratio > 1.0 + LEAST,
        false => ratio < 1.0 - LEAST,
    }
}

/// `None` where one of both is not there.
fn ratio(first: &Figure, other: &Figure) -> Option<f64> {
    (first.median > 0.0 && other.median > 0.0).then(|| first.median / other.median)
}

fn put_figure(td: &mut Markup, figure: &Figure, rounds: usize, written: fn(f64) -> String) {
    td.text(written(figure.median));
    if rounds > 1 {
        let (least, most) = (written(figure.least), written(figure.most));
        td.leaf("small", &[], format!("{least} to {most}"));
    }
}

const COLUMNS: [&str; 11] = [
    "Test", "Ops/s", "p50", "p95", "p99", "p99.9", "Max", "Ops", "Errors", "Value", "Time",
];

/// Every row, in the order in which they ran.
pub(super) fn put_rows(page: &mut Markup, rows: &[Row], model: &Model<'_>, names: &Names) {
    scrolled(page, "figures", |table| {
        head(table, &COLUMNS);
        table.within("tbody", &[], |body| {
            for row in rows {
                let target = model.targets.iter().position(|it| it.target == row.target);
                body.within("tr", &[], |tr| {
                    tr.within("th", &[("scope", &"row")], |th| {
                        names.put_letter(th, target.unwrap_or_default());
                        link(th, row.test);
                    });
                    put_row(tr, row);
                });
            }
        });
    });
}

fn put_row(tr: &mut Markup, row: &Row) {
    tr.leaf("td", &[("class", &"main")], units::rate(row.ops_per_s));
    for us in [row.p50_us, row.p95_us, row.p99_us, row.p999_us, row.max_us] {
        tr.leaf("td", &[], units::latency(us));
    }
    tr.leaf("td", &[], units::grouped(row.ops));
    let class = if row.errors > 0 { "bad" } else { "" };
    tr.leaf("td", &[("class", &class)], units::grouped(row.errors));
    tr.leaf("td", &[], units::bytes(row.value_bytes as u64));
    tr.leaf("td", &[], units::duration(row.seconds * 1e6));
}

fn link(cell: &mut Markup, test: &str) {
    cell.leaf("a", &[("href", &format!("#{test}"))], test);
}
