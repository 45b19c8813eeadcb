//! Tokens with which new nodes get their certificates.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::base::duration;
use crate::cli::cluster::asking::AskArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::files;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::config::cluster;

/// Make tokens with which new nodes get their certificates
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Create(CreateArgs),
}

/// Make a token with which one new node gets its certificate from this cluster
///
/// The node at --endpoints keeps the token in memory and signs for it, so it needs the
/// authority's key (ca.key beside ca.crt). A token is good once, for its time, and at this
/// member alone. Whoever has it can become a member: carry it like a password.
///
///   dkv cluster token create --ttl 10m --out token
///   dkv serve --node-id node-4 --join HOST:63001 --join-token-file token --certs certs
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct CreateArgs {
    /// How long it is good: 1s to 24h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    ttl: Duration,
    /// Only the node of this name may use it
    #[arg(long, value_name = "NAME", value_parser = node_name)]
    name: Option<String>,
    /// Write it to this file, which nobody else can read, instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    ask: AskArgs,
}

impl TokenArgs {
    /// Runs one of them.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let TokenCommand::Create(args) = self.command;
        args.run(printer).await
    }
}

impl CreateArgs {
    async fn run(self, printer: &mut Printer) -> Outcome {
        let cluster = self.ask.cluster().await?;
        let made = cluster
            .create_token(self.ttl, self.name.as_deref())
            .await
            .map_err(Failure::Change)?;
        let row = match &self.out {
            Some(path) => {
                files::write_secret(path, format!("{}\n", made.token).as_bytes())?;
                Row::new().with("file", path.display().to_string())
            }
            None => Row::new().with("token", made.token),
        };
        printer.confirm(&row.with("join", made.join))?;
        Ok(ExitStatus::Done)
    }
}

fn node_name(text: &str) -> crate::base::Result<String> {
    cluster::member_name("the name of a node", text)?;
    Ok(text.to_owned())
}
