//! `dkv lock`: take, hold and inspect locks. One file per family of subcommands.
//!
//! Invariant: whoever is told `acquired=true` is told the fence too; only the store can
//! refuse a writer that lost its lock.

mod hold;
mod inspect;
mod run;

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::base::{Result, duration};
use crate::cli::client_args::{ClientArgs, block_on};
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;

/// Take, hold and inspect locks
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct LockArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    command: LockCommand,
}

#[derive(Debug, Subcommand)]
enum LockCommand {
    /// Take a lock, or wait for it
    Acquire(hold::AcquireArgs),
    /// Extend the lease of a lock
    Renew(hold::RenewArgs),
    /// Give a lock up
    Release(hold::ReleaseArgs),
    /// Tell who holds a lock
    Info(inspect::InfoArgs),
    /// List the locks that are held
    List(inspect::ListArgs),
    /// Take a lock away from whoever holds it
    Revoke(inspect::RevokeArgs),
    /// Hold a lock while a command runs
    Run(run::RunArgs),
}

/// Runs one of them.
pub(crate) fn run(args: LockArgs, printer: &mut Printer) -> Outcome {
    let client = &args.client;
    match args.command {
        LockCommand::Acquire(args) => block_on(args.run(client, printer)),
        LockCommand::Renew(args) => block_on(args.run(client, printer)),
        LockCommand::Release(args) => block_on(args.run(client, printer)),
        LockCommand::Info(args) => block_on(args.run(client, printer)),
        LockCommand::List(args) => block_on(args.run(client, printer)),
        LockCommand::Revoke(args) => block_on(args.run(client, printer)),
        LockCommand::Run(args) => block_on(args.run(client, printer)),
    }
}

/// The lease of a lock.
#[derive(Debug, Args)]
struct LeaseArgs {
    /// Hold the lock for this long, unless renewed; 0 is until released
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    ttl: Duration,
}

impl LeaseArgs {
    /// `None`: until released.
    fn ttl(&self) -> Option<Duration> {
        Some(self.ttl).filter(|ttl| !ttl.is_zero())
    }
}

/// How long to queue for a lock.
#[derive(Debug, Args)]
struct WaitArgs {
    /// Wait this long for the lock, first come, first served
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = wait)]
    #[arg(hide_default_value = true)]
    wait: Duration,
}

fn wait(text: &str) -> Result<Duration> {
    duration::parse(text)
}
