//! `dkv perf`: how fast a server answers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::base::{Error, duration};
use crate::cli::client_args::ClientArgs;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::config::text;

/// Measure how fast a server answers: operations a second and latencies, test by test.
///
/// Every thread is one client that asks, waits for the answer, and asks again. Keys have a
/// prefix of their own and are removed afterwards.
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
    only: Vec<String>,
    /// Leave these tests out, separated by commas
    #[arg(long, value_name = "TEST,...", value_delimiter = ',')]
    skip: Vec<String>,
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
pub(crate) fn measure(_args: &PerfArgs, _client: &ClientArgs, _printer: &mut Printer) -> Outcome {
    Err(Error::internal("not yet").into())
}
