//! `dkv perf`: how fast a server answers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::base::{Error, Result, duration};
use crate::cli::client_args::ClientArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::files;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::config::text;
use crate::perf::{self, Measured, PerfOptions, Progress, Stop, Test};

/// Measure how fast a server answers
///
/// Prints operations a second and latencies, test by test. Every thread is one client that
/// asks, waits for the answer, and asks again. Keys have a prefix of their own and are removed
/// afterwards. The tests are set, set-large, get, has, has-not, mixed and delete.
#[derive(Debug, Args)]
pub(crate) struct PerfCommand {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    perf: PerfArgs,
}

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct PerfArgs {
    /// Clients that ask at once
    #[arg(long, value_name = "N", default_value = "50")]
    threads: usize,
    /// Connections to each node
    #[arg(
        long,
        alias = "transport-conn-per-endpoint",
        value_name = "N",
        default_value = "4"
    )]
    connections: usize,
    /// The length of a value, like 128 or 4K
    #[arg(long, value_name = "SIZE", default_value = "128", value_parser = text::size)]
    value_size: u64,
    /// The length of a value of the test set-large
    #[arg(long, value_name = "SIZE", default_value = "512K", value_parser = text::size)]
    large_value_size: u64,
    /// How many keys are used
    #[arg(long, value_name = "N", default_value = "10000")]
    keys: u64,
    /// Run each test for this long
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    duration: Duration,
    /// Run each test for this many operations instead
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    ops: Option<u64>,
    /// Run only these tests, separated by commas
    #[arg(long, value_name = "TEST,...", value_delimiter = ',')]
    #[arg(value_parser = str::parse::<Test>)]
    only: Vec<Test>,
    /// Leave these tests out, separated by commas
    #[arg(long, value_name = "TEST,...", value_delimiter = ',')]
    #[arg(value_parser = str::parse::<Test>)]
    skip: Vec<Test>,
    /// Write the rows to this file, too
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw keys from this seed, to repeat a run
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

/// Measures what the words say.
pub(crate) fn run(args: &PerfCommand, printer: &mut Printer) -> Outcome {
    measure(&args.perf, &args.client, printer)
}

/// The same, for `dkv kv perf`, where the client's words are those of `kv`.
pub(crate) fn measure(args: &PerfArgs, client: &ClientArgs, printer: &mut Printer) -> Outcome {
    let options = args.options(client)?;
    let bar = progress_bar(printer.shows_progress());
    let measured = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("cannot start the event loop: {error}")))?
        .block_on(async {
            tokio::select! {
                measured = perf::run(&options, |progress| show(&bar, progress)) => Some(measured),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
    bar.finish_and_clear();
    let Some(measured) = measured else {
        printer.note(
            "interrupted: keys may be left; `dkv kv delete --prefix dkv-perf: --yes` removes them",
        );
        return Ok(ExitStatus::Interrupted);
    };
    report(measured?, args.csv.as_deref(), printer)
}

impl PerfArgs {
    fn options(&self, client: &ClientArgs) -> Result<PerfOptions> {
        let tests: Vec<Test> = Test::ALL
            .into_iter()
            .filter(|test| self.only.is_empty() || self.only.contains(test))
            .filter(|test| !self.skip.contains(test))
            .collect();
        if tests.is_empty() {
            return Err(Error::invalid(
                "--only and --skip leave no test to run: name fewer in --skip",
            ));
        }
        Ok(PerfOptions {
            client: client.options(self.connections),
            tests,
            threads: self.threads,
            keys: self.keys,
            value_bytes: bytes(self.value_size),
            large_value_bytes: bytes(self.large_value_size),
            stop: self.ops.map_or(Stop::After(self.duration), Stop::Ops),
            seed: self.seed,
            ..PerfOptions::default()
        })
    }
}

/// A size that does not fit is refused as too large further on.
fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn progress_bar(is_shown: bool) -> ProgressBar {
    if !is_shown {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:10} {bar:40} {percent:>3}% {msg}")
        .expect("the template is a constant that indicatif takes");
    ProgressBar::new(1_000).with_style(style)
}

fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Preparing => bar.set_prefix("preparing"),
        Progress::Running { test, done, ops } => {
            bar.set_prefix(test.name());
            bar.set_position((done.clamp(0.0, 1.0) * 1_000.0) as u64);
            bar.set_message(format!("{ops} operations"));
        }
        Progress::CleaningUp => bar.set_prefix("removing"),
    }
}

/// What was measured comes first, whatever else went wrong.
fn report(measured: Measured, csv: Option<&Path>, printer: &mut Printer) -> Outcome {
    let rows = measured.rows;
    let mut list = printer.table_list();
    for row in &rows {
        let row = shown(row);
        let text = row.to_line();
        list.push(row, &text)?;
    }
    list.finish()?;
    for row in &rows {
        if let Some(error) = &row.first_error {
            printer.note(&format!(
                "{}: {} errors, the first: {error}",
                row.test, row.errors
            ));
        }
    }
    if let Some(left) = &measured.left {
        printer.complaint(&format!(
            "the keys of this run could not be removed: {}; with the same options for the \
             server, `dkv kv delete --prefix {} --yes` removes them",
            left.error.message(),
            left.prefix
        ));
    }
    if let Some(path) = csv {
        let mut text = Vec::new();
        perf::write_csv(&rows, &mut text)?;
        files::write(path, &text)?;
    }
    if let Some(stopped) = measured.stopped {
        return Err(stopped.into());
    }
    Ok(match measured.left {
        _ if rows.iter().any(|row| row.errors > 0) => ExitStatus::Error,
        Some(left) => left.error.kind().into(),
        None => ExitStatus::Done,
    })
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;
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

    fn told(measured: Measured, csv: Option<&Path>) -> (Outcome, String, String) {
        let (out, remarks) = (Sink::default(), Sink::default());
        let stream = |sink: &Sink| Stream::new(Box::new(sink.clone()), false);
        let mut printer = Printer::new(Format::Text, true, stream(&out), stream(&remarks));
        let outcome = report(measured, csv, &mut printer);
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
            left: Some(Left {
                prefix: "dkv-perf:07:".to_owned(),
                error: error(),
            }),
        };
        let (outcome, out, remarks) = told(left(), None);
        assert_eq!(outcome.unwrap(), ExitStatus::OutcomeUnknown);
        assert!(out.contains("4711"), "{out}");
        assert!(
            remarks.contains("could not be removed: no outcome within 10 s")
                && remarks.contains("`dkv kv delete --prefix dkv-perf:07: --yes` removes them"),
            "{remarks}"
        );

        let nowhere = tempfile::tempdir().unwrap();
        let (outcome, out, remarks) = told(left(), Some(&nowhere.path().join("no/rows.csv")));
        assert!(outcome.is_err() && out.contains("4711"), "{out}");
        assert!(remarks.contains("--prefix dkv-perf:07:"), "{remarks}");

        let stopped = Measured {
            stopped: Some(error()),
            left: None,
            ..left()
        };
        let (outcome, out, _) = told(stopped, None);
        assert_eq!(outcome.unwrap_err().status(), ExitStatus::OutcomeUnknown);
        assert!(out.contains("4711"), "{out}");
    }
}
