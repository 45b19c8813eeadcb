//! The subcommands of `dkv lock`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::client_args::ClientArgs;
use crate::cli::failure::Outcome;
use crate::cli::lock::run as running;
use crate::cli::lock::{hold, inspect};
use crate::cli::output::Printer;
use crate::cli::session::Session;

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

impl LockArgs {
    /// Runs in a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.client.join(session);
    }
}

/// Runs one of them.
pub(crate) fn run(args: LockArgs, printer: &mut Printer) -> Outcome {
    let client = &args.client;
    match args.command {
        LockCommand::Acquire(args) => client.block_on(args.run(client, printer)),
        LockCommand::Renew(args) => client.block_on(args.run(client, printer)),
        LockCommand::Release(args) => client.block_on(args.run(client, printer)),
        LockCommand::Info(args) => client.block_on(args.run(client, printer)),
        LockCommand::List(args) => client.block_on(args.run(client, printer)),
        LockCommand::Revoke(args) => client.block_on(args.run(client, printer)),
        LockCommand::Run(args) => client.block_on(args.run(client, printer)),
    }
}
