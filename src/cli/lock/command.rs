//! The subcommands of `dkv lock`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::client_args::{ClientArgs, block_on};
use crate::cli::failure::Outcome;
use crate::cli::lock::run as running;
use crate::cli::lock::{hold, inspect};
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
    Run(running::RunArgs),
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
