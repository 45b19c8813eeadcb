//! `dkv cluster status` and `dkv cluster members`.

use clap::Args;

use crate::base::types::ShardId;
use crate::cli::cluster::asking::AskArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row};
use crate::client::{ClusterMember, ClusterOverview, ClusterShard, MemberView};

/// Show how every member does, shard by shard
///
/// Each member is asked by itself; one that cannot be asked has reachable=false.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    ask: AskArgs,
}

/// List the members, with their addresses
#[derive(Debug, Args)]
pub(super) struct MembersArgs {
    #[command(flatten)]
    ask: AskArgs,
}

impl StatusArgs {
    /// Prints a row for each member and shard.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let overview = self.ask.cluster().await?.overview().await?;
        let mut list = printer.table_list();
        for shard in shards(&overview) {
            for view in &overview.members {
                let row = status_row(&overview, view, shard);
                let text = row.to_line();
                list.push(row, &text)?;
            }
        }
        list.finish()?;
        for view in &overview.members {
            if let Err(why) = &view.status {
                printer.complaint(&format!("{}: {why}", view.member.name));
            }
        }
        Ok(ExitStatus::Done)
    }
}

impl MembersArgs {
    /// Prints a row for each member.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let overview = self.ask.cluster().await?.overview().await?;
        let mut list = printer.table_list();
        for view in &overview.members {
            let row = member_row(&view.member)
                .for_programs("cluster", overview.cluster.to_string())
                .for_programs("reachable", view.status.is_ok());
            let text = row.to_line();
            list.push(row, &text)?;
        }
        list.finish()?;
        Ok(ExitStatus::Done)
    }
}

/// All shards; `None` stands for them while no member has any.
fn shards(overview: &ClusterOverview) -> Vec<Option<ShardId>> {
    let ids = overview.shard_ids();
    match ids.is_empty() {
        true => vec![None],
        false => ids.into_iter().map(Some).collect(),
    }
}

fn status_row(overview: &ClusterOverview, view: &MemberView, shard: Option<ShardId>) -> Row {
    let known = view.status.as_ref().ok();
    let shown = shard.and_then(|shard| known?.shard(shard));
    let of = |field: fn(&ClusterShard) -> u64| shown.map(field);
    let lag = shown.map(|it| {
        let committed = overview.committed(it.shard);
        committed.0.saturating_sub(it.applied_index.0)
    });
    let leader = shown.and_then(|it| it.leader);
    let hash = shown.map(|it| format!("{:016x}", it.state_hash));
    Row::new()
        .with("name", view.member.name.as_str())
        .with("shard", shard.map(|shard| u64::from(shard.0)))
        .with("role", shown.map(|it| it.role.as_str()))
        .with("term", of(|it| it.term))
        .with("leader", leader.map(|node| overview.name_of(node)))
        .with("applied", of(|it| it.applied_index.0))
        .with("committed", of(|it| it.committed_index.0))
        .with("lag", lag)
        .with("revision", of(|it| it.revision.0))
        .with("hash", hash)
        .with("reachable", known.is_some())
        .for_programs("type", shown.map(|it| it.kind.as_str()))
        .for_programs("node", view.member.node.to_string())
        .for_programs("endpoint", view.member.client_address.as_str())
        .for_programs("last_index", of(|it| it.last_index.0))
        .for_programs("snapshot_index", of(|it| it.snapshot_index.0))
        .for_programs("purged_index", of(|it| it.purged_index.0))
        .for_programs("joint", shown.map(|it| it.joint))
        .for_programs("version", known.map(|status| status.version.as_str()))
        .for_programs("uptime", known.map(|status| status.uptime))
        .for_programs("error", view.status.as_ref().err().map(String::as_str))
        .for_programs("peers", peers(overview, shown))
}

/// How far the others are, which the leader alone knows.
fn peers(overview: &ClusterOverview, shard: Option<&ClusterShard>) -> Field {
    let peers = shard.map_or(&[][..], |shard| &shard.peers);
    if peers.is_empty() {
        return Field::Absent;
    }
    let peers = peers.iter().map(|peer| {
        Row::new()
            .with("name", overview.name_of(peer.node))
            .with("matched", peer.matched_index.0)
            .with("answered_ago", peer.answered_ago)
    });
    Field::Rows(peers.collect())
}

fn member_row(member: &ClusterMember) -> Row {
    let role = match (member.voter, member.wants_vote) {
        _ if member.leaving => "leaving",
        (true, _) => "voter",
        (false, true) => "learner, to be a voter",
        (false, false) => "learner",
    };
    Row::new()
        .with("name", member.name.as_str())
        .with("role", role)
        .with("peer", member.peer_address.as_str())
        .with("client", member.client_address.as_str())
        .with("node", member.node.to_string())
}
