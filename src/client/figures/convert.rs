//! From the wire. An answer that cannot be is the server's defect, never a panic here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::types::{
    ClassSample, Figures, HealthCheck, HeldLock, HotKey, MemberLag, Sample, ShardFigures,
    ShardGroup,
};
use crate::base::Result;
use crate::base::types::{LogIndex, NodeId, ShardId};
use crate::client::cluster::{wire_member, wire_role};
use crate::client::convert::{description, identity};
use crate::client::endpoint::Endpoint;
use crate::client::error::broken_contract;
use crate::client::types::ShardDescription;
use crate::proto::v1;

/// What the node at `from` says.
pub(super) fn figures(reply: v1::FiguresReply, from: &Endpoint) -> Result<Figures> {
    let node = reply
        .node
        .ok_or_else(|| broken_contract(from, "with figures of no node"))?;
    let node = description(node, from)?;
    let mut said: BTreeMap<u32, v1::ShardFigures> =
        reply.shards.into_iter().map(|it| (it.shard, it)).collect();
    let shards = node
        .shards
        .iter()
        .map(|it| shard(it, said.remove(&it.id.0).unwrap_or_default(), from));
    let members = reply.members.into_iter().map(|it| wire_member(it, from));
    Ok(Figures {
        shards: shards.collect::<Result<_>>()?,
        checks: reply.checks.into_iter().map(check).collect(),
        samples: reply.samples.into_iter().map(sample).collect(),
        members: members.collect::<Result<_>>()?,
        locks: reply.locks.into_iter().map(held_lock).collect(),
        locks_incomplete: reply.locks_incomplete,
        connections: reply.connections,
        sessions: reply.sessions,
        requests_in_flight: reply.requests_in_flight,
        log_bytes: reply.log_bytes,
        processors: reply.processors,
        node,
    })
}

fn check(check: v1::HealthCheck) -> HealthCheck {
    HealthCheck {
        name: check.name,
        failed: said(check.failed),
        remark: check.remark,
    }
}

fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn sample(sample: v1::Sample) -> Sample {
    Sample {
        number: sample.number,
        lasted: Duration::from_millis(sample.ms.into()),
        reads: class(sample.reads),
        writes: class(sample.writes),
        locks: class(sample.locks),
        errors: sample.errors,
        fsyncs: sample.fsyncs,
        fsync_p99: (sample.fsyncs > 0).then(|| Duration::from_micros(sample.fsync_p99_us)),
        log_bytes: sample.log_bytes,
        cpu: Duration::from_micros(sample.cpu_us),
        resident_bytes: (sample.resident_bytes > 0).then_some(sample.resident_bytes),
        watch_events: sample.watch_events,
    }
}

fn class(class: Option<v1::ClassSample>) -> ClassSample {
    let class = class.unwrap_or_default();
    let took = |us| (class.count > 0).then(|| Duration::from_micros(us));
    ClassSample {
        count: class.count,
        p50: took(class.p50_us),
        p99: took(class.p99_us),
    }
}

fn shard(
    shard: &ShardDescription,
    figures: v1::ShardFigures,
    from: &Endpoint,
) -> Result<ShardFigures> {
    let group = figures.group.map(|it| group(it, from));
    let hot_keys = figures.hot_keys.into_iter().map(|hot| HotKey {
        key: hot.key,
        key_bytes: hot.key_bytes,
        bucket: hot.bucket,
        is_lock: hot.lock,
        per_s: hot.per_s,
        per_s_error: hot.per_s_error,
        reads: hot.reads,
    });
    Ok(ShardFigures {
        shard: shard.clone(),
        watches: figures.watches,
        history_bytes: figures.history_bytes,
        engine_bytes: figures.engine_bytes,
        read_only_because: said(figures.read_only_because),
        group: group.transpose()?,
        hot_keys: hot_keys.collect(),
    })
}

fn group(group: v1::GroupFigures, from: &Endpoint) -> Result<ShardGroup> {
    let node = |bytes| identity(bytes, "a node id", from).map(NodeId);
    let leader = match group.leader.is_empty() {
        true => None,
        false => Some(node(&group.leader)?),
    };
    let lags = group.lags.iter().map(|lag| {
        Ok(MemberLag {
            node: node(&lag.node)?,
            entries: lag.entries,
            answered_ago: lag.answered_ms_ago.map(Duration::from_millis),
        })
    });
    Ok(ShardGroup {
        role: wire_role(group.role(), from)?,
        term: group.term,
        leader,
        lags: lags.collect::<Result<_>>()?,
        unled_because: said(group.unled_because),
        last_index: LogIndex(group.last_index),
        committed_index: LogIndex(group.committed_index),
    })
}

fn held_lock(lock: v1::HeldLock) -> HeldLock {
    HeldLock {
        shard: ShardId(lock.shard),
        name: lock.name,
        age: Duration::from_millis(lock.age_ms),
        remaining: lock.remaining_ms.map(Duration::from_millis),
        waiters: lock.waiters,
    }
}
