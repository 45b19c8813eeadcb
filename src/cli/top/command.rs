//! The words of `dkv top`.

use std::time::Duration;

use clap::Args;

use crate::base::duration;
use crate::cli::client_args::block_on;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::tls_args::TlsArgs;
use crate::cli::top::crowd::Crowd;
use crate::cli::top::{live, once};
use crate::client::ClientOptions;

/// Watch what a node, or a cluster, does right now
///
/// Shows shards, members, operations a second, latency, waits for the disk, hot keys and locks, anew each second. Of a cluster every member is asked. Keys: q quits, p pauses, Tab chooses a shard, Up and Down a member, s sorts the hot keys, ? helps.
///
/// When the output is no terminal, with --once, and in every format but text, it prints one picture as rows and ends.
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Ask these nodes: HOST:PORT, https://HOST:PORT or unix:/path, separated by commas. One of a
    /// cluster is enough
    #[arg(long, alias = "transport-endpoints", value_name = "ADDRESS,...")]
    #[arg(
        default_value = "127.0.0.1:8080",
        value_delimiter = ',',
        help_heading = "Client options"
    )]
    endpoints: Vec<String>,
    /// Wait for the answer of a node this long
    #[arg(long, value_name = "DURATION", default_value = "2s")]
    #[arg(value_parser = duration::parse, help_heading = "Client options")]
    timeout: Duration,
    #[command(flatten)]
    tls: TlsArgs,
    /// Ask this often
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    #[arg(value_parser = interval)]
    interval: Duration,
    /// Print one picture as rows, and end
    #[arg(long)]
    once: bool,
    /// Ask the given nodes alone, and not the other members of their cluster
    #[arg(long)]
    only: bool,
}

impl TopArgs {
    /// How each of the nodes is asked.
    fn options(&self) -> ClientOptions {
        ClientOptions {
            timeout: self.timeout,
            retries: 0,
            tls: self.tls.options(),
            ..ClientOptions::to("")
        }
    }
}

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(60);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text).map_err(|error| error.to_string())?;
    match (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
        true => Ok(interval),
        false => Err("ask between every 100ms and every 60s".to_owned()),
    }
}

/// Shows or prints.
pub(crate) fn run(args: &TopArgs, printer: &mut Printer) -> Outcome {
    let is_live = !args.once && printer.data_is_on_terminal() && printer.format() == Format::Text;
    block_on(async {
        let crowd = Crowd::of(&args.endpoints, args.options(), args.only).await?;
        match is_live {
            true => live::run(crowd, args.interval, &args.endpoints.join(", ")).await,
            false => once::run(crowd, printer).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_all_the_time_or_never() {
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["0s", "99ms", "61s", "soon"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
