//! The subcommands of `dkv cluster`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::client_args::block_on;
use crate::cli::cluster::{change, health, status, up};
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;

/// See and change the members of a cluster, or start one here
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

/// Each is described where its arguments are: a description here would hide that one.
#[derive(Debug, Subcommand)]
enum ClusterCommand {
    Up(up::UpArgs),
    Status(status::StatusArgs),
    Members(status::MembersArgs),
    Health(health::HealthArgs),
    AddLearner(change::AddLearnerArgs),
    Promote(change::PromoteArgs),
    Remove(change::RemoveArgs),
    Leave(change::LeaveArgs),
    TransferLeader(change::TransferLeaderArgs),
    Snapshot(change::SnapshotArgs),
}

/// Runs one of them.
pub(crate) fn run(args: ClusterArgs, printer: &mut Printer) -> Outcome {
    match args.command {
        ClusterCommand::Up(args) => up::run(&args, printer),
        ClusterCommand::Status(args) => block_on(args.run(printer)),
        ClusterCommand::Members(args) => block_on(args.run(printer)),
        ClusterCommand::Health(args) => block_on(args.run(printer)),
        ClusterCommand::AddLearner(args) => block_on(args.run(printer)),
        ClusterCommand::Promote(args) => block_on(args.run(printer)),
        ClusterCommand::Remove(args) => block_on(args.run(printer)),
        ClusterCommand::Leave(args) => block_on(args.run(printer)),
        ClusterCommand::TransferLeader(args) => block_on(args.run(printer)),
        ClusterCommand::Snapshot(args) => block_on(args.run(printer)),
    }
}
