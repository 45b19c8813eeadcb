//! The subcommands of `dkv cluster`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::client_args::block_on_in;
use crate::cli::cluster::{change, health, status, token, up, verify};
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::session::Session;

/// See and change the members of a cluster, or start one here
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
    /// The shell that this was typed in, if it was.
    #[arg(skip)]
    session: Option<Session>,
}

impl ClusterArgs {
    /// Runs in a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.session = Some(session.clone());
    }
}

/// Each is described where its arguments are: a description here would hide that one.
#[derive(Debug, Subcommand)]
enum ClusterCommand {
    Up(up::UpArgs),
    Status(status::StatusArgs),
    Members(status::MembersArgs),
    Health(health::HealthArgs),
    Verify(Box<verify::VerifyArgs>),
    AddLearner(change::AddLearnerArgs),
    Promote(change::PromoteArgs),
    Remove(change::RemoveArgs),
    Leave(change::LeaveArgs),
    TransferLeader(change::TransferLeaderArgs),
    Snapshot(change::SnapshotArgs),
    Token(token::TokenArgs),
}

/// Runs one of them.
pub(crate) fn run(args: ClusterArgs, printer: &mut Printer) -> Outcome {
    let session = args.session.as_ref();
    match args.command {
        ClusterCommand::Up(args) => up::run(&args, printer),
        ClusterCommand::Status(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Members(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Health(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Verify(args) => verify::run(&args, session, printer),
        ClusterCommand::AddLearner(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Promote(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Remove(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Leave(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::TransferLeader(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Snapshot(args) => block_on_in(session, args.run(printer)),
        ClusterCommand::Token(args) => block_on_in(session, args.run(printer)),
    }
}
