//! `dkv serve --print-config`: every setting with its value and where that is from.

use crate::base::host::cores;
use crate::base::limits;
use crate::cli::failure::Outcome;
use crate::cli::layered::Effective;
use crate::cli::old_flags;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::server::settings::{EngineKind, ServeConfig, WantedShard};

/// Prints the settings, those included that follow from others.
pub(super) fn print(
    effective: &Effective,
    config: &ServeConfig,
    printer: &mut Printer,
) -> Outcome<()> {
    let command = crate::cli::command();
    let serve = command
        .find_subcommand("serve")
        .expect("this is that subcommand");
    let matches = effective
        .matches
        .subcommand_matches("serve")
        .expect("this subcommand was matched");
    let mut list = printer.list();
    for argument in serve.get_arguments() {
        let id = argument.get_id().as_str();
        let name = argument.get_long().unwrap_or(id);
        let is_known = old_flags::treatment("serve", id).is_none();
        if !is_known || name == "print-config" {
            continue;
        }
        let value: Vec<String> = matches
            .get_raw(id)
            .map(|values| {
                values
                    .map(|value| value.to_string_lossy().into_owned())
                    .collect()
            })
            .unwrap_or_default();
        let value = match value.is_empty() {
            true => derived(name, config),
            false => value.join(","),
        };
        let is_typed = matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
        let source = match effective.sources.get(id) {
            _ if is_typed => "flag".to_owned(),
            Some(source) => source.clone(),
            None => "default".to_owned(),
        };
        let text = format!("{name:<27} {value:<32} {source}");
        let row = Row::new()
            .with("setting", name)
            .with("value", value)
            .with("source", source);
        list.push(row, &text)?;
    }
    Ok(list.finish()?)
}

/// What a setting is that nobody wrote and whose default depends on others.
fn derived(name: &str, config: &ServeConfig) -> String {
    match name {
        "shards" if config.cluster.join.is_none() => {
            let shards: Vec<String> = config.shards.iter().map(shard).collect();
            shards.join(",")
        }
        "engine" => EngineKind::DEFAULT.to_string(),
        "max-connections-per-address" => limits::CONNECTIONS_PER_ADDRESS_MAX.to_string(),
        "workers" => cores().to_string(),
        "peer-listen" => config.cluster.peer_listen.to_string(),
        "peer-advertise" => config.cluster.peer_advertise.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

fn shard(shard: &WantedShard) -> String {
    format!("{}={}", shard.id, shard.kind)
}
