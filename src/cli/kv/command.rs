//! The subcommands of `dkv kv`, and which file runs each.

use clap::{Args, Subcommand};

use crate::cli::client_args::ClientArgs;
use crate::cli::failure::Outcome;
use crate::cli::kv::{
    delete, diff, export, history, import, incr, read, scan, set, timers, ttl, txn, watch,
};
use crate::cli::output::Printer;
use crate::cli::perf::{self, PerfArgs};
use crate::cli::session::Session;

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

/// Most are described where their arguments are: a description here would hide that one.
#[derive(Debug, Subcommand)]
enum KvCommand {
    Set(set::SetArgs),
    Get(read::GetArgs),
    Has(read::HasArgs),
    #[command(alias = "del")]
    Delete(delete::DeleteArgs),
    #[command(alias = "expr")]
    Expire(timers::ExpireArgs),
    Touch(timers::TouchArgs),
    Persist(timers::PersistArgs),
    Ttl(ttl::TtlArgs),
    Scan(scan::ScanArgs),
    History(history::HistoryArgs),
    Revert(history::RevertArgs),
    Diff(diff::DiffArgs),
    Incr(incr::IncrArgs),
    Txn(txn::TxnArgs),
    Batch(txn::BatchArgs),
    Watch(Box<watch::WatchArgs>),
    Import(Box<import::ImportArgs>),
    Export(export::ExportArgs),
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

impl KvArgs {
    /// Runs in a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.client.join(session);
    }
}

/// Runs one of them.
pub(crate) fn run(args: KvArgs, printer: &mut Printer) -> Outcome {
    let client = &args.client;
    match args.command {
        KvCommand::Set(args) => client.block_on(args.run(client, printer)),
        KvCommand::Get(args) => client.block_on(args.run(client, printer)),
        KvCommand::Has(args) => client.block_on(args.run(client, printer)),
        KvCommand::Delete(args) => client.block_on(args.run(client, printer)),
        KvCommand::Expire(args) => client.block_on(args.run(client, printer)),
        KvCommand::Touch(args) => client.block_on(args.run(client, printer)),
        KvCommand::Persist(args) => client.block_on(args.run(client, printer)),
        KvCommand::Ttl(args) => client.block_on(args.run(client, printer)),
        KvCommand::Scan(args) => client.block_on(args.run(client, printer)),
        KvCommand::History(args) => client.block_on(args.run(client, printer)),
        KvCommand::Revert(args) => client.block_on(args.run(client, printer)),
        KvCommand::Diff(args) => client.block_on(args.run(client, printer)),
        KvCommand::Incr(args) => client.block_on(args.run(client, printer)),
        KvCommand::Txn(args) => client.block_on(args.run(client, printer)),
        KvCommand::Batch(args) => client.block_on(args.run(client, printer)),
        KvCommand::Watch(args) => client.block_on(args.run(client, printer)),
        KvCommand::Import(args) => args.run(client, printer),
        KvCommand::Export(args) => client.block_on(args.run(client, printer)),
        KvCommand::SetE(args) => client.block_on(args.run(client, false, printer)),
        KvCommand::SetEIfUnset(args) => client.block_on(args.run(client, true, printer)),
        KvCommand::Perf(args) => perf::measure(&args, client, printer),
    }
}
