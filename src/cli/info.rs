//! `dkv info`: what a node says of itself.

use clap::Args;

use crate::cli::client_args::ClientArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::{Field, Row};
use crate::cli::session::Session;
use crate::client::{Description, ShardDescription};

/// Describe a node and its shards
///
/// Prints the type, engine, durability, revision and counts of each shard.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    client: ClientArgs,
}

impl InfoArgs {
    /// Runs in a shell.
    pub(crate) fn join(&mut self, session: &Session) {
        self.client.join(session);
    }
}

/// Prints the description: a node, then its shards. A table shows the shards alone.
pub(crate) fn run(args: &InfoArgs, printer: &mut Printer) -> Outcome {
    let description = args.client.block_on(async {
        let client = args.client.connect(1).await?;
        Ok(client.describe().await?)
    })?;
    let status = if description.read_only_because.is_some() {
        ExitStatus::Unhealthy
    } else {
        ExitStatus::Done
    };
    match printer.format() {
        Format::Json | Format::Jsonl => {
            let shards = description.shards.iter().map(shard_row).collect();
            printer.row(&node_row(&description).with("shards", Field::Rows(shards)))?;
        }
        Format::Text | Format::Table | Format::Raw => {
            if printer.format() == Format::Text {
                printer.row(&node_row(&description))?;
            }
            let mut list = printer.list();
            for shard in &description.shards {
                let row = shard_row(shard);
                let text = row.to_line();
                list.push(row, &text)?;
            }
            list.finish()?;
        }
    }
    Ok(status)
}

fn node_row(description: &Description) -> Row {
    let name = Some(description.name.as_str()).filter(|name| !name.is_empty());
    Row::new()
        .with("node", description.node.to_string())
        .with("name", name)
        .with("version", description.version.as_str())
        .with("uptime", description.uptime)
        .with("addresses", description.addresses.join(" "))
        .with(
            "read_only_because",
            description.read_only_because.as_deref(),
        )
}

fn shard_row(shard: &ShardDescription) -> Row {
    Row::new()
        .with("shard", u64::from(shard.id.0))
        .with("type", shard.kind.as_str())
        .with("engine", shard.engine.as_str())
        .with("durability", shard.durability.as_str())
        .with("revision", shard.revision.0)
        .with("keys", shard.keys)
        .with("locks", shard.locks)
        .with("history_floor", shard.history_floor.0)
        .for_programs("sessions", shard.sessions)
        .for_programs("applied_index", shard.applied_index)
        .for_programs("state_hash", format!("{:016x}", shard.state_hash))
        .for_programs("identity", shard.identity.to_string())
}
