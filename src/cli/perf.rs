//! `dkv perf`: how fast a server answers.

mod about;
mod compare;
mod documents;
mod told;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::documents::Documents;
use crate::base::{Error, Result, duration};
use crate::cli::client_args::ClientArgs;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::session::Session;
use crate::cli::signals::interruptible;
use crate::config::text;
use crate::perf::{
    self, PerfOptions, Progress, Sizes, Spread, Stop, TargetAddress, Test, TestGroup,
};
use compare::CompareArgs;

/// Measure how fast a server answers
///
/// Prints operations a second and latencies, test by test. Every thread is one client that
/// asks, waits for the answer, and asks again; with --rate, operations begin by the clock
/// instead. Keys have a prefix of their own and are removed afterwards, also after Ctrl-C,
/// which prints what was measured until then.
///
/// The tests are set, set-large, get, has, has-not, scan, batch, txn, lock, watch, mixed and
/// delete. An operation of scan is one key, and its latencies are those of reading all keys; one
/// of batch is one of the 10 keys that a request sets; one of txn sets 5 keys, all or nothing, if
/// the first is there; one of lock acquires a lock that nobody holds and releases it; one of
/// watch sets a key and waits until a watch has told it (on dkv:// alone); mixed is half get, a
/// quarter set, an eighth each of has and delete. If they are asked for there are, too, the workloads of YCSB, ycsb-a to
/// ycsb-f, or ycsb for all of them.
#[derive(Debug, Args)]
pub(crate) struct PerfCommand {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    perf: PerfArgs,
}

impl PerfCommand {
    /// Runs in a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.client.join(session);
    }
}

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct PerfArgs {
    /// Measure this server instead of --endpoints
    ///
    /// dkv://HOST:PORT,... or etcd://HOST:PORT,... with several nodes separated by commas, or
    /// redis://HOST:PORT. A dkv is asked by sessions, as --endpoints are; with
    /// http://HOST:PORT,... over REST, each client on a connection of its own, and with
    /// grpc://HOST:PORT,... by unary calls of gRPC. dkvs://, https:// and grpcs:// are the same by
    /// TLS, with the files that --certs, --ca, --cert and --key name. Neither of the two has the test watch, nor repeats what
    /// fails. Clients take turns over the nodes of an etcd, and over those that are asked over
    /// REST or by unary calls; name only the leader to send all of them there. A Redis keeps no
    /// order: it cannot run ycsb-e, and its scan has keys as they come.
    #[arg(long, value_name = "URL")]
    target: Option<TargetAddress>,
    #[command(flatten)]
    compare: CompareArgs,
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
    /// Let the clients of a Redis share --connections connections
    ///
    /// Many commands are then under way on each at once, as is always so with other servers.
    /// Without this every client has a connection of its own, with one command under way.
    #[arg(long)]
    pipeline: bool,
    /// The length of a value, like 128 or 4K, or like 100-4K for each between them
    #[arg(long, value_name = "SIZE", default_value = "128", value_parser = sizes)]
    value_size: Sizes,
    /// The length of a value of the test set-large
    #[arg(long, value_name = "SIZE", default_value = "512K", value_parser = text::size)]
    large_value_size: u64,
    /// How many keys are used
    #[arg(long, value_name = "N", default_value = "10000")]
    keys: u64,
    /// How keys are drawn: uniform, zipfian or zipfian:THETA
    ///
    /// With zipfian some keys are drawn much more often than others, the more so the closer
    /// THETA is to 1; alone it is zipfian:0.99. Without this the tests of YCSB draw with
    /// zipfian, the others with uniform.
    #[arg(long, value_name = "HOW")]
    dist: Option<Spread>,
    /// Run each test for this long
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    duration: Duration,
    /// Run each test for this many operations instead
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    ops: Option<u64>,
    /// Run each test but delete for this long before, and do not count it
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration::parse)]
    warm_up: Duration,
    /// Begin this many operations a second, answered or not
    ///
    /// Latencies then count from the moment at which an operation was to begin, so that a
    /// server that stalls cannot hide it. At most --threads operations are under way at once;
    /// what could not begin before the end is told.
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// Run only these tests, separated by commas
    #[arg(long, value_name = "TEST,...", value_delimiter = ',')]
    only: Vec<TestGroup>,
    /// Leave these tests out, separated by commas
    #[arg(long, value_name = "TEST,...", value_delimiter = ',')]
    skip: Vec<TestGroup>,
    /// Write the rows to this file, too
    ///
    /// A line of names, then a line for each test. The columns: test; target, the address;
    /// threads; connections, to each node; keys, the number of different ones; value_bytes, the
    /// length of a value or the mean of them; ops, operations that succeeded; errors, those
    /// that failed; seconds, how long it took; ops_per_s, operations that succeeded in a
    /// second; p50_us, p95_us, p99_us and p999_us, the latencies that 50, 95, 99 and 99.9 % of
    /// them did not exceed; max_us, the longest. Latencies are in microseconds, and of
    /// operations that succeeded.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write a report with charts to this file, too
    ///
    /// A file that ends in .html is a page for people. It needs no other file and fetches
    /// nothing. One that ends in .json has the same for programs: an object whose rows have the
    /// columns of --csv and more, each with its timeline (ops, errors, p50_us and p99_us from
    /// each second on) and its percentiles (quantile and us). May be given several times.
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
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
    // Before minutes of measuring, not after.
    let documents = Documents::reserve(args.csv.as_deref(), &args.report)?;
    if let Some(targets) = args.compare.targets() {
        return compare::measure(&args.compare, targets, &options, client, documents, printer);
    }
    let bar = progress_bar(printer.shows_progress());
    let measured = interruptible(client.session(), async |interrupt| {
        perf::run(&options, interrupt, |progress| show(&bar, progress)).await
    })?;
    bar.finish_and_clear();
    match measured {
        Some(measured) => told::report(measured?, documents, printer),
        None => Ok(told::given_up(printer)),
    }
}

impl PerfArgs {
    fn options(&self, client: &ClientArgs) -> Result<PerfOptions> {
        let is_named = |groups: &[TestGroup], test| groups.iter().any(|it| it.contains(test));
        let tests: Vec<Test> = Test::ALL
            .into_iter()
            .filter(|test| match self.only.is_empty() {
                true => test.is_default(),
                false => is_named(&self.only, *test),
            })
            .filter(|test| !is_named(&self.skip, *test))
            .collect();
        if tests.is_empty() {
            return Err(Error::invalid(
                "--only and --skip leave no test to run: name fewer in --skip",
            ));
        }
        Ok(PerfOptions {
            target: self.target.clone(),
            pipeline: self.pipeline,
            client: client.options(self.connections),
            tests,
            threads: self.threads,
            keys: self.keys,
            value_bytes: self.value_size,
            large_value_bytes: bytes(self.large_value_size),
            stop: self.ops.map_or(Stop::After(self.duration), Stop::Ops),
            warm_up: self.warm_up,
            rate_per_s: self.rate,
            spread: self.dist,
            seed: self.seed,
        })
    }
}

/// Reads `SIZE` or `SIZE-SIZE`.
fn sizes(text: &str) -> Result<Sizes> {
    let Some((least, most)) = text.split_once('-') else {
        return Ok(Sizes::fixed(bytes(text::size(text)?)));
    };
    Sizes::between(bytes(text::size(least)?), bytes(text::size(most)?))
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
    let at = |done: f64| bar.set_position((done.clamp(0.0, 1.0) * 1_000.0) as u64);
    match progress {
        Progress::Preparing { done } => {
            bar.set_prefix("preparing");
            bar.set_message("");
            at(done);
        }
        Progress::Running { test, done, ops } => {
            bar.set_prefix(test.name());
            bar.set_message(format!("{ops} operations"));
            at(done);
        }
        Progress::CleaningUp => {
            bar.set_prefix("removing");
            bar.set_message("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_length_or_any_between_two() {
        assert_eq!(sizes("4K").unwrap(), Sizes::fixed(4_096));
        assert_eq!(sizes("0-1K").unwrap(), Sizes::between(0, 1_024).unwrap());
        for text in ["", "-", "1-", "-1", "2-1", "1-2-3", "1..2"] {
            assert!(sizes(text).is_err(), "{text}");
        }
    }
}
