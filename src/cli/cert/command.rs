//! The subcommands of `dkv cert`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::cert::{authority, issue, revoke, rotate, show};
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;

/// Make certificates for TLS: an authority, and what it signs
///
/// All files are in one directory, `certs` if none is named, which `dkv serve --certs` and
/// clients' --certs take as it is. `dkv help tls` shows the way from nothing to a cluster.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct CertArgs {
    #[command(subcommand)]
    command: CertCommand,
}

/// Each is described where its arguments are: a description here would hide that one.
#[derive(Debug, Subcommand)]
enum CertCommand {
    Ca(authority::CaArgs),
    Server(issue::ServerArgs),
    Client(issue::ClientArgs),
    Node(issue::NodeArgs),
    Show(show::ShowArgs),
    Rotate(rotate::RotateArgs),
    Revoke(revoke::RevokeArgs),
}

/// Runs one of them.
pub(crate) fn run(args: &CertArgs, printer: &mut Printer) -> Outcome {
    match &args.command {
        CertCommand::Ca(args) => args.run(printer),
        CertCommand::Server(args) => args.run(printer),
        CertCommand::Client(args) => args.run(printer),
        CertCommand::Node(args) => args.run(printer),
        CertCommand::Show(args) => args.run(printer),
        CertCommand::Rotate(args) => args.run(printer),
        CertCommand::Revoke(args) => args.run(printer),
    }
}
