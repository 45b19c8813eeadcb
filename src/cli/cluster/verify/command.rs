//! The words of `dkv cluster verify`, and its life from first to last.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::kept::{self, Kept};
use super::run::{self, Plan, Progress};
use super::told::{self, Told};
use crate::base::host::Host;
use crate::base::types::ShardId;
use crate::base::{Result, duration};
use crate::check;
use crate::cli::cluster::asking::AskArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::session::Session;
use crate::cli::signals::interruptible;
use crate::client::ClientOptions;
use crate::config::text;

/// Seeds that are drawn have few digits, so that people can write them.
const SEEDS: u64 = 1_000_000;

/// Judge whether what clients see of a live server or cluster is linearizable
///
/// Clients ask for a while, in a bucket of their own that is dropped at the end: they read, set,
/// set if a key is unchanged or absent, delete, and write under the fences of locks. Every other
/// one asks one member alone, the rest go where they like. Every answer is recorded, and two
/// checkers judge all of them: one replays the revisions, the other looks, key by key, for any
/// order that explains what was answered. Others may use the server meanwhile.
///
/// Exits with 0 if everything fits one order, with 1 if it does not, or if nothing succeeded;
/// then it says which few operations contradict each other, and keeps the history in the current
/// directory. Ctrl-C ends it early, and what there is is judged. See docs/verify.md.
#[derive(Debug, Args)]
pub(in crate::cli::cluster) struct VerifyArgs {
    /// Ask for this long
    ///
    /// At most a million operations are recorded: over a time in which there would be more,
    /// clients pause between them.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    duration: Duration,
    /// Clients that ask at once, 1 to 64
    #[arg(long, value_name = "N", default_value = "8")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    clients: u32,
    /// Keys in use at once, each for some 200 operations; as many as clients, if it is not said
    ///
    /// The fewer there are the more clients get into each other's way, and the longer it takes to
    /// judge what they saw.
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000))]
    keys: Option<u64>,
    /// Draw what is asked for from this seed, not from any
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Make this bucket for it, not one with a random name
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Verify this shard
    #[arg(long, value_name = "ID", default_value = "100", value_parser = text::shard_id)]
    shard: ShardId,
    /// Keep the history in this file, a line of JSON for each operation
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Judge a history that was kept, and ask no server
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Asks, judges and tells.
pub(in crate::cli::cluster) fn run(
    args: &VerifyArgs,
    session: Option<&Session>,
    printer: &mut Printer,
) -> Outcome {
    if let Some(path) = &args.check {
        let history = kept::load(path)?;
        let judged = check::judge(&history);
        return told::tell(&Told::of_kept(&history, &judged, path), printer);
    }
    let plan = args.plan()?;
    // Before the time that it takes, not after.
    let kept = Kept::reserve(args.history.as_deref())?;
    let bar = progress_bar(printer.shows_progress());
    let ran = interruptible(session, async |interrupt| {
        run::run(&plan, interrupt, |progress| show(&bar, progress)).await
    });
    bar.finish_and_clear();
    let Some(ran) = ran? else {
        printer.note(&format!(
            "interrupted twice: the bucket {0} may be left; `dkv bucket drop {0} --yes` drops it",
            plan.bucket
        ));
        return Ok(ExitStatus::Interrupted);
    };
    let ran = ran?;
    ran.remarks.iter().for_each(|remark| printer.note(remark));
    let judged = check::judge(&ran.history);
    let kept = kept.keep(&ran.history, judged.violations.is_empty(), &plan.bucket);
    let mut told = Told::of_run(&plan, &ran, &judged);
    match kept {
        Ok(path) => told.kept = path,
        Err(error) => printer.complaint(error.message()),
    }
    told::tell(&told, printer)
}

impl VerifyArgs {
    fn plan(&self) -> Result<Plan> {
        let rng = Host::system().rng;
        let fresh = || format!("verify-{:08x}", rng.below(1 << 32));
        Ok(Plan {
            client: ClientOptions {
                shard: self.shard,
                ..self.ask.options()?
            },
            is_fresh: self.bucket.is_none(),
            bucket: self.bucket.clone().unwrap_or_else(fresh),
            clients: self.clients,
            keys: self.keys.unwrap_or(u64::from(self.clients)),
            duration: self.duration,
            seed: self.seed.unwrap_or_else(|| rng.below(SEEDS)),
        })
    }
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
        Progress::Asking { done, operations } => {
            bar.set_prefix("asking");
            bar.set_position((done.clamp(0.0, 1.0) * 1_000.0) as u64);
            bar.set_message(format!("{operations} operations"));
        }
        Progress::CleaningUp => {
            bar.set_prefix("removing");
            bar.set_message("");
        }
    }
}
