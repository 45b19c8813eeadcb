//! The subcommands of `dkv kv`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::client_args::{ClientArgs, block_on};
use crate::cli::failure::Outcome;
use crate::cli::kv::{delete, read, scan, set, timers};
use crate::cli::output::Printer;
use crate::cli::perf::{self, PerfArgs};

/// Read and write keys
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct KvArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    command: KvCommand,
}

#[derive(Debug, Subcommand)]
enum KvCommand {
    /// Set a key, with timers and conditions if asked for
    Set(set::SetArgs),
    /// Print the value of a key
    Get(read::GetArgs),
    /// Tell whether a key is there
    Has(read::HasArgs),
    /// Remove a key, or every key of a prefix or range
    #[command(alias = "del")]
    Delete(delete::DeleteArgs),
    /// Expire a key now: its value is gone, the key remains
    #[command(alias = "expr")]
    Expire(timers::ExpireArgs),
    /// Change the timers of a key
    Touch(timers::TouchArgs),
    /// Clear the timers of a key
    Persist(timers::PersistArgs),
    /// List keys and values in key order
    Scan(scan::ScanArgs),
    /// Set a key with both timers
    #[command(name = "setE", alias = "sete", hide = true)]
    SetE(set::SetEArgs),
    /// Set a key with both timers if it is not there
    #[command(name = "setEIfUnset", alias = "seteifunset", hide = true)]
    SetEIfUnset(set::SetEArgs),
    /// Measure how fast a server answers
    #[command(hide = true)]
    Perf(Box<PerfArgs>),
}

/// Runs one of them.
pub(crate) fn run(args: KvArgs, printer: &mut Printer) -> Outcome {
    let client = &args.client;
    match args.command {
        KvCommand::Set(args) => block_on(args.run(client, printer)),
        KvCommand::Get(args) => block_on(args.run(client, printer)),
        KvCommand::Has(args) => block_on(args.run(client, printer)),
        KvCommand::Delete(args) => block_on(args.run(client, printer)),
        KvCommand::Expire(args) => block_on(args.run(client, printer)),
        KvCommand::Touch(args) => block_on(args.run(client, printer)),
        KvCommand::Persist(args) => block_on(args.run(client, printer)),
        KvCommand::Scan(args) => block_on(args.run(client, printer)),
        KvCommand::SetE(args) => block_on(args.run(client, false, printer)),
        KvCommand::SetEIfUnset(args) => block_on(args.run(client, true, printer)),
        KvCommand::Perf(args) => perf::measure(&args, client, printer),
    }
}
