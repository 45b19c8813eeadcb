//! What a run of `dkv perf` tells at its end.

use super::documents::Documents;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::perf::{self, Measured};

/// What to say if nobody waited for the keys to be removed.
pub(super) fn given_up(printer: &mut Printer) -> ExitStatus {
    printer.note(
        "interrupted twice: keys may be left, which begin with dkv-perf: as those of all runs; \
         `dkv kv delete --prefix dkv-perf: --yes` removes them from a dkv",
    );
    ExitStatus::Interrupted
}

/// What was measured comes first, whatever else went wrong.
pub(super) fn report(measured: Measured, documents: Documents, printer: &mut Printer) -> Outcome {
    let mut list = printer.table_list();
    for row in &measured.rows {
        let row = shown(row);
        let text = row.to_line();
        list.push(row, &text)?;
    }
    list.finish()?;
    for row in &measured.rows {
        remark(row, printer);
    }
    finish(measured, documents, printer)
}

/// How it ended, behind the figures.
pub(super) fn finish(measured: Measured, documents: Documents, printer: &mut Printer) -> Outcome {
    if measured.interrupted {
        printer.note(if measured.rows.is_empty() {
            "interrupted: nothing was measured yet"
        } else {
            "interrupted: these are the figures until then"
        });
    }
    if let Some(left) = &measured.left {
        printer.complaint(&format!(
            "the keys of this run could not be removed: {}; {} removes them",
            left.error.message(),
            left.removed_by
        ));
    }
    documents.write(&measured)?;
    let rows = measured.rows;
    if let Some(stopped) = measured.stopped {
        return Err(stopped.into());
    }
    Ok(match measured.left {
        _ if measured.interrupted => ExitStatus::Interrupted,
        _ if rows.iter().any(|row| row.errors > 0) => ExitStatus::Error,
        Some(left) => left.error.kind().into(),
        None => ExitStatus::Done,
    })
}

/// What the figures of a row do not say.
fn remark(row: &perf::Row, printer: &mut Printer) {
    if let Some(error) = &row.first_error {
        printer.note(&format!(
            "{}: {} errors, the first: {error}",
            row.test, row.errors
        ));
    }
    if row.not_started > 0 {
        printer.note(&format!(
            "{}: {} operations of --rate could not begin before the end, as all threads waited \
             for answers",
            row.test, row.not_started
        ));
    }
}

/// People know where and how they measure; programs get every column.
fn shown(row: &perf::Row) -> Row {
    Row::new()
        .with("test", row.test)
        .with("ops", row.ops)
        .with("errors", row.errors)
        .with("seconds", row.seconds)
        .with("ops_per_s", row.ops_per_s)
        .with("p50_us", row.p50_us)
        .with("p95_us", row.p95_us)
        .with("p99_us", row.p99_us)
        .with("p999_us", row.p999_us)
        .with("max_us", row.max_us)
        .for_programs("target", row.target.as_str())
        .for_programs("threads", row.threads as u64)
        .for_programs("connections", row.connections as u64)
        .for_programs("keys", row.keys)
        .for_programs("value_bytes", row.value_bytes as u64)
        .for_programs("intended_per_s", row.intended_per_s)
        .for_programs("not_started", row.not_started)
        .for_programs("acknowledged_when", row.promise.acknowledged_when.as_str())
        .for_programs("reads", row.promise.reads.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::{Error, ErrorKind};
    use crate::cli::output::tests::Sink;
    use crate::cli::output::{Format, Stream};
    use crate::perf::Left;

    fn get() -> perf::Row {
        perf::Row {
            test: "get",
            target: "127.0.0.1:8080".to_owned(),
            threads: 1,
            connections: 1,
            keys: 10,
            value_bytes: 128,
            ops: 4_711,
            seconds: 1.0,
            ops_per_s: 4_711.0,
            p50_us: 1,
            p95_us: 2,
            p99_us: 3,
            p999_us: 4,
            max_us: 5,
            ..perf::Row::default()
        }
    }

    fn reserved(csv: &Path) -> Documents {
        let none: [&Path; 0] = [];
        Documents::reserve(Some(csv), &none).unwrap()
    }

    fn told(measured: Measured, documents: Documents) -> (Outcome, String, String) {
        let (out, remarks) = (Sink::default(), Sink::default());
        let stream = |sink: &Sink| Stream::new(Box::new(sink.clone()), false);
        let mut printer = Printer::new(Format::Text, false, stream(&out), stream(&remarks));
        let outcome = report(measured, documents, &mut printer);
        (outcome, out.text(), remarks.text())
    }

    /// When the keys could not be removed, or the CSV file not be written, that was all
    /// that was told of minutes of measuring.
    #[test]
    fn results_are_told_whatever_fails_afterwards() {
        let error = || Error::new(ErrorKind::Timeout, "no outcome within 10 s");
        let left = || Measured {
            rows: vec![get()],
            stopped: None,
            interrupted: false,
            left: Some(Left {
                prefix: "dkv-perf:07:".to_owned(),
                error: error(),
                removed_by: "`dkv kv delete --prefix dkv-perf:07: --yes`".to_owned(),
            }),
        };
        let (outcome, out, remarks) = told(left(), Documents::default());
        assert_eq!(outcome.unwrap(), ExitStatus::OutcomeUnknown);
        assert!(out.contains("4711"), "{out}");
        assert!(
            remarks.contains("could not be removed: no outcome within 10 s")
                && remarks.contains("`dkv kv delete --prefix dkv-perf:07: --yes` removes them"),
            "{remarks}"
        );

        let nowhere = tempfile::tempdir().unwrap();
        let dir = nowhere.path().join("gone");
        std::fs::create_dir(&dir).unwrap();
        let csv = reserved(&dir.join("rows.csv"));
        std::fs::remove_dir_all(&dir).unwrap();
        let (outcome, out, remarks) = told(left(), csv);
        assert!(outcome.is_err() && out.contains("4711"), "{out}");
        assert!(remarks.contains("--prefix dkv-perf:07:"), "{remarks}");

        let stopped = Measured {
            stopped: Some(error()),
            left: None,
            ..left()
        };
        let (outcome, out, _) = told(stopped, Documents::default());
        assert_eq!(outcome.unwrap_err().status(), ExitStatus::OutcomeUnknown);
        assert!(out.contains("4711"), "{out}");
    }

    #[test]
    fn an_interrupted_run_tells_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        let measured = |rows: Vec<perf::Row>| Measured {
            rows,
            interrupted: true,
            ..Measured::default()
        };
        let csv = reserved(&path);
        let (outcome, out, remarks) = told(measured(vec![get()]), csv);
        assert_eq!(outcome.unwrap(), ExitStatus::Interrupted);
        assert!(out.contains("4711"), "{out}");
        assert!(remarks.contains("figures until then"), "{remarks}");
        assert!(std::fs::read_to_string(&path).unwrap().contains("4711"));

        let (outcome, out, remarks) = told(measured(Vec::new()), Documents::default());
        assert_eq!(outcome.unwrap(), ExitStatus::Interrupted);
        assert!(
            out.is_empty() && remarks.contains("nothing was measured"),
            "{remarks}"
        );
    }

    #[test]
    fn operations_that_could_not_begin_are_told() {
        let row = perf::Row {
            intended_per_s: Some(1e6),
            not_started: 17,
            ..get()
        };
        let rows = vec![row];
        let (outcome, _, remarks) = told(
            Measured {
                rows,
                ..Measured::default()
            },
            Documents::default(),
        );
        assert_eq!(outcome.unwrap(), ExitStatus::Done);
        assert!(
            remarks.contains("get: 17 operations of --rate"),
            "{remarks}"
        );
    }
}
