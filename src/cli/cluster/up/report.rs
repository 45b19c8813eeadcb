//! What is said once the cluster is up.

use super::crew::Crew;
use super::place::Place;
use super::process::Process;
use super::watch::Sight;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::{Field, Row};

/// Prints the nodes, and for people how to reach them and what to try.
pub(super) fn print(
    crew: &Crew,
    sight: &Sight,
    place: &Place,
    has_terminal: bool,
    printer: &mut Printer,
) -> Outcome<()> {
    let nodes = crew.nodes.iter().enumerate();
    let rows: Vec<Row> = nodes
        .map(|(place, node)| node_row(node, sight.role(place)))
        .collect();
    let endpoints = crew.endpoints().join(",");
    if matches!(printer.format(), Format::Json | Format::Jsonl) {
        let row = Row::new()
            .with("endpoints", endpoints)
            .with("dir", place.dir.display().to_string())
            .with(
                "certs",
                crew.certs.as_ref().map(|dir| dir.display().to_string()),
            )
            .with("temporary", place.is_temporary)
            .with("nodes", Field::Rows(rows));
        return Ok(printer.row(&row)?);
    }
    let mut list = printer.table_list();
    for row in rows {
        let text = row.to_line();
        list.push(row, &text)?;
    }
    list.finish()?;
    for line in advice(crew, sight, place, &endpoints, has_terminal) {
        printer.note(&line);
    }
    Ok(())
}

fn node_row(node: &Process, role: String) -> Row {
    Row::new()
        .with("name", node.plan.name.as_str())
        .with("endpoint", node.plan.endpoint.as_str())
        .with("peer", node.plan.peer.as_str())
        .with("pid", node.pid().map(u64::from))
        .with("role", role)
        .for_programs("log", node.plan.log.display().to_string())
}

fn advice(
    crew: &Crew,
    sight: &Sight,
    place: &Place,
    endpoints: &str,
    has_terminal: bool,
) -> Vec<String> {
    let first = sight.shards().first().copied();
    let leader = first.and_then(|shard| sight.leader(shard)).unwrap_or(0);
    let leader = &crew.nodes[leader];
    let fate = match place.is_temporary {
        true => "deleted when it stops",
        false => "kept",
    };
    let mut lines = vec![
        format!(
            "\nData and logs are in {}, and {fate}. In another shell:\n",
            place.dir.display()
        ),
        format!("    export DKV_ENDPOINTS={endpoints}"),
    ];
    if let Some(certs) = &crew.certs {
        lines.push(format!("    export DKV_CERTS={}", certs.display()));
    }
    lines.push("    dkv kv set greeting hello".to_owned());
    lines.push("    dkv cluster status".to_owned());
    if let (Some(pid), 3..) = (leader.pid(), crew.nodes.len()) {
        lines.push(format!("    kill -9 {pid}; dkv kv get greeting"));
    }
    lines.push(match has_terminal {
        true => {
            "\nCtrl-C stops it. Here, f and Enter kills the leader, r and Enter restarts nodes \
                 that have ended, q and Enter stops."
                .to_owned()
        }
        false => "\nCtrl-C or SIGTERM stops it.".to_owned(),
    });
    lines
}
