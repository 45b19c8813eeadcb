//! Puts together what whoever asks is told.

use bytes::Bytes;

use crate::base::host::cores;
use crate::base::types::{LogIndex, NodeId};
use crate::proto::v1;
use crate::server::cluster::wire_role;
use crate::server::http::{Live, Standing, checks};
use crate::server::service::{Service, Shard};
use crate::store::{GroupStatus, Leadership, Replicated, Role};

/// The figures of the node, with the samples that have higher numbers than `since`. While
/// it recovers or waits for others, there are checks and nothing else.
pub(in crate::server) fn tell(standing: &Standing, since: u64) -> v1::FiguresReply {
    let checks = checks(standing).into_iter().map(|check| v1::HealthCheck {
        name: check.name,
        failed: check.failed.unwrap_or_default(),
        remark: check.remark,
    });
    let mut reply = v1::FiguresReply {
        checks: checks.collect(),
        connections: standing.connections.open(),
        processors: u32::try_from(cores()).unwrap_or(u32::MAX),
        ..v1::FiguresReply::default()
    };
    if let Some(live) = standing.live.get() {
        tell_live(live, since, &mut reply);
    }
    reply
}

fn tell_live(live: &Live, since: u64, reply: &mut v1::FiguresReply) {
    let describe = &live.describe;
    let service = &describe.service;
    let (locks, locks_incomplete) = live.longest_held.of(service, describe.clock.boot_ms());
    reply.node = Some(describe.now());
    reply.samples = live.samples.since(since);
    reply.shards = service.shards().map(|it| shard(service, it)).collect();
    reply.members = members(service);
    reply.locks = locks;
    reply.locks_incomplete = locks_incomplete;
    reply.sessions = service.meter().sessions().open;
    reply.requests_in_flight = service.meter().in_flight();
    reply.log_bytes = (live.log)().bytes;
}

fn shard(service: &Service, shard: &Shard) -> v1::ShardFigures {
    let status = shard.store.status();
    v1::ShardFigures {
        shard: shard.id.0,
        watches: shard.store.watch_figures().watchers,
        history_bytes: status.history_bytes,
        engine_bytes: status.engine.disk_bytes,
        read_only_because: status.read_only.unwrap_or_default(),
        group: shard.store.replicated().map(group),
        hot_keys: service.hot_keys().hottest(shard.id),
    }
}

fn group(replicated: &Replicated) -> v1::GroupFigures {
    let (status, leadership) = (replicated.group_status(), replicated.leadership());
    let unled_because = match leadership {
        Leadership::Led { .. } => String::new(),
        unled => unled.to_string(),
    };
    v1::GroupFigures {
        role: wire_role(status.role).into(),
        term: status.term,
        leader: status.leader.as_ref().map_or_else(Bytes::new, wire_node),
        unled_because,
        last_index: status.last.0,
        committed_index: status.committed.0,
        lags: lags(&status),
    }
}

/// The leader keeps account of itself, too, which says nothing.
fn lags(status: &GroupStatus) -> Vec<v1::MemberLag> {
    if status.role != Role::Leader {
        return Vec::new();
    }
    let others = status
        .matched
        .iter()
        .filter(|(node, _)| Some(**node) != status.leader);
    others
        .map(|(node, matched)| v1::MemberLag {
            node: wire_node(node),
            entries: lag_of(status.last, *matched),
            answered_ms_ago: status
                .answered
                .get(node)
                .copied()
                .flatten()
                .map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
        })
        .collect()
}

/// A member may have more than the leader's log at the moment it was looked at.
fn lag_of(last: LogIndex, matched: LogIndex) -> u64 {
    last.0.saturating_sub(matched.0)
}

/// All groups of a cluster have the same members.
fn members(service: &Service) -> Vec<v1::ClusterMember> {
    let status = service
        .shards()
        .find_map(|shard| Some(shard.store.replicated()?.group_status()));
    let Some(status) = status else {
        return Vec::new();
    };
    let mut members: Vec<_> = status
        .members
        .iter()
        .map(|(node, member)| v1::ClusterMember {
            node: wire_node(node),
            name: member.name.clone(),
            peer_address: member.peer_address.clone(),
            client_address: member.client_address.clone(),
            voter: status.voters.contains(node),
            wants_vote: member.wants_vote,
            leaving: member.leaving,
        })
        .collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

fn wire_node(node: &NodeId) -> Bytes {
    Bytes::copy_from_slice(&node.0)
}
