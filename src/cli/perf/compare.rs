//! `dkv perf --compare`: two servers side by side.

use clap::Args;

use super::documents::Documents;
use super::told::{finish, given_up};
use super::{progress_bar, show};
use crate::cli::client_args::ClientArgs;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::{Field, Row};
use crate::cli::signals::interruptible;
use crate::perf::{self, Compared, Comparison, Figure, PerfOptions, Side, TargetAddress};

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Measure two servers in turns, and show what A is to B
    ///
    /// Both are named as for --target. Of each test both have their turn, --rounds times; who is
    /// first changes. Shown are the medians of all rounds, the least and the most operations a
    /// second, and A divided by B: of operations a second more is better, of latencies less.
    /// Before them stands when each of the two confirms a write, since figures of servers that
    /// promise different things are not alike. --csv has the rows of all rounds.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "target")]
    compare: Option<Vec<TargetAddress>>,
    /// Rounds of --compare
    #[arg(long, value_name = "N", default_value = "5", requires = "compare")]
    rounds: usize,
}

impl CompareArgs {
    /// The two targets, if there are any.
    pub(super) fn targets(&self) -> Option<[TargetAddress; 2]> {
        let targets = self.compare.clone()?;
        Some(targets.try_into().expect("the words take two targets"))
    }
}

/// Measures both.
pub(super) fn measure(
    args: &CompareArgs,
    targets: [TargetAddress; 2],
    options: &PerfOptions,
    client: &ClientArgs,
    documents: Documents,
    printer: &mut Printer,
) -> Outcome {
    let bar = progress_bar(printer.shows_progress());
    let compared = interruptible(client.session(), async |interrupt| {
        perf::compare(
            options,
            targets,
            args.rounds,
            interrupt,
            |turn, progress| {
                show(&bar, progress);
                let side = ["A", "B"][turn.side];
                bar.set_prefix(format!(
                    "{}/{} {side} {}",
                    turn.round,
                    args.rounds,
                    bar.prefix()
                ));
            },
        )
        .await
    })?;
    bar.finish_and_clear();
    match compared {
        Some(compared) => report(compared?, documents, printer),
        None => Ok(given_up(printer)),
    }
}

/// What was compared comes first, whatever else went wrong.
fn report(comparison: Comparison, documents: Documents, printer: &mut Printer) -> Outcome {
    let tests = comparison.tests();
    if matches!(printer.format(), Format::Text | Format::Table) {
        rows(printer, [0, 1].map(|side| promised(&comparison, side)))?;
    }
    rows(printer, tests.iter().map(|test| shown(test, &comparison)))?;
    for test in &tests {
        for (side, target) in test.sides.iter().zip(&comparison.targets) {
            if let Some(error) = &side.first_error {
                printer.note(&format!(
                    "{} at {target}: {} errors, the first: {error}",
                    test.test, side.errors
                ));
            }
        }
    }
    finish(comparison.measured, documents, printer)
}

fn rows(printer: &mut Printer, rows: impl IntoIterator<Item = Row>) -> Outcome<()> {
    let mut list = printer.table_list();
    for row in rows {
        let text = row.to_line();
        list.push(row, &text)?;
    }
    list.finish()?;
    Ok(())
}

/// Which is A and which is B, and what they promise.
fn promised(comparison: &Comparison, side: usize) -> Row {
    let promise = &comparison.promises[side];
    Row::new()
        .with("side", ["A", "B"][side])
        .with("target", comparison.targets[side].as_str())
        .with("confirms_writes_when", promise.acknowledged_when.as_str())
        .with("reads", promise.reads.as_str())
}

/// Programs get the range as numbers, and the promises with every test.
fn shown(test: &Compared, comparison: &Comparison) -> Row {
    let [a, b] = &test.sides;
    let [a_promise, b_promise] = &comparison.promises;
    let ratio = |of: fn(&Side) -> &Figure| of(a).ratio(of(b)).map(Field::Ratio);
    Row::new()
        .with("test", test.test)
        .with("a_ops_per_s", whole(a.ops_per_s.median))
        .with("a_range", range(&a.ops_per_s))
        .with("b_ops_per_s", whole(b.ops_per_s.median))
        .with("b_range", range(&b.ops_per_s))
        .with("ops_ratio", ratio(|side| &side.ops_per_s))
        .with("a_p50_us", whole(a.p50_us.median))
        .with("b_p50_us", whole(b.p50_us.median))
        .with("p50_ratio", ratio(|side| &side.p50_us))
        .with("a_p99_us", whole(a.p99_us.median))
        .with("b_p99_us", whole(b.p99_us.median))
        .with("p99_ratio", ratio(|side| &side.p99_us))
        .with("errors", a.errors + b.errors)
        .for_programs("a_ops_per_s_least", a.ops_per_s.least)
        .for_programs("a_ops_per_s_most", a.ops_per_s.most)
        .for_programs("b_ops_per_s_least", b.ops_per_s.least)
        .for_programs("b_ops_per_s_most", b.ops_per_s.most)
        .for_programs("a_target", comparison.targets[0].as_str())
        .for_programs("a_acknowledged_when", a_promise.acknowledged_when.as_str())
        .for_programs("a_reads", a_promise.reads.as_str())
        .for_programs("a_errors", a.errors)
        .for_programs("b_target", comparison.targets[1].as_str())
        .for_programs("b_acknowledged_when", b_promise.acknowledged_when.as_str())
        .for_programs("b_reads", b_promise.reads.as_str())
        .for_programs("b_errors", b.errors)
}

fn range(figure: &Figure) -> String {
    format!("{}-{}", whole(figure.least), whole(figure.most))
}

fn whole(figure: f64) -> u64 {
    figure.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Error;
    use crate::cli::exit::ExitStatus;
    use crate::cli::output::Stream;
    use crate::cli::output::tests::Sink;
    use crate::perf::{Measured, Promise};

    fn row(target: &str, ops_per_s: f64, p50_us: u64) -> perf::Row {
        perf::Row {
            test: "set",
            target: target.to_owned(),
            ops_per_s,
            p50_us,
            p99_us: 100,
            ..perf::Row::default()
        }
    }

    fn compared() -> Comparison {
        let promise = |acknowledged_when: &str| Promise {
            acknowledged_when: acknowledged_when.to_owned(),
            reads: "linearizable".to_owned(),
        };
        Comparison {
            targets: ["dkv://a:1".to_owned(), "redis://b:2".to_owned()],
            promises: [promise("on disk (fdatasync)"), promise("in memory only")],
            measured: Measured {
                rows: vec![
                    row("dkv://a:1", 100.0, 50),
                    row("redis://b:2", 400.0, 0),
                    row("redis://b:2", 400.4, 0),
                    row("dkv://a:1", 300.0, 70),
                ],
                ..Measured::default()
            },
        }
    }

    fn told(comparison: Comparison, format: Format) -> (Outcome, String, String) {
        let (out, remarks) = (Sink::default(), Sink::default());
        let stream = |sink: &Sink| Stream::new(Box::new(sink.clone()), false);
        let mut printer = Printer::new(format, false, stream(&out), stream(&remarks));
        let outcome = report(comparison, Documents::default(), &mut printer);
        (outcome, out.text(), remarks.text())
    }

    #[test]
    fn people_read_who_is_who_and_then_the_ratios() {
        let (outcome, out, remarks) = told(compared(), Format::Text);
        assert_eq!(outcome.unwrap(), ExitStatus::Done);
        let line = |words: &str| {
            let line = out.lines().find(|line| line.contains(words));
            line.unwrap_or_else(|| panic!("{words}: {out}")).to_owned()
        };
        assert!(line("redis://b:2").contains("in memory only"), "{out}");
        assert!(line("dkv://a:1").contains("on disk (fdatasync)"), "{out}");
        let set = line("set");
        for figure in ["200", "100-300", "400", "0.50", "60"] {
            assert!(set.contains(figure), "{figure}: {set}");
        }
        assert!(remarks.is_empty(), "{remarks}");
    }

    #[test]
    fn programs_read_one_document_with_all_of_it() {
        let (_, out, _) = told(compared(), Format::Json);
        let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
        let row = &rows[0];
        assert_eq!(row["a_ops_per_s"], 200);
        assert_eq!(row["b_ops_per_s_most"], 400.4);
        assert_eq!(row["b_acknowledged_when"], "in memory only");
        assert!((row["ops_ratio"].as_f64().unwrap() - 200.0 / 400.2).abs() < 1e-9);
        assert!(
            row.get("p50_ratio").is_none(),
            "nothing divides by 0: {row}"
        );
    }

    #[test]
    fn what_was_compared_is_told_though_it_ended_early() {
        let mut comparison = compared();
        comparison.measured.rows[1].errors = 3;
        comparison.measured.rows[1].first_error = Some("OOM".to_owned());
        comparison.measured.stopped = Some(Error::unavailable("gone"));
        let (outcome, out, remarks) = told(comparison, Format::Jsonl);
        assert!(outcome.is_err() && out.contains("\"b_errors\":3"), "{out}");
        assert!(
            remarks.contains("set at redis://b:2: 3 errors, the first: OOM"),
            "{remarks}"
        );
        let mut interrupted = compared();
        interrupted.measured.interrupted = true;
        let (outcome, ..) = told(interrupted, Format::Text);
        assert_eq!(outcome.unwrap(), ExitStatus::Interrupted);
    }
}
