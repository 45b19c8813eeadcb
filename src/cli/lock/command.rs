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

/// Each is described where its arguments are: a description here would hide that one.
#[derive(Debug, Subcommand)]
enum LockCommand {
    Acquire(hold::AcquireArgs),
    Renew(hold::RenewArgs),
    Release(hold::ReleaseArgs),
    Info(inspect::InfoArgs),
    List(inspect::ListArgs),
    Revoke(inspect::RevokeArgs),
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
