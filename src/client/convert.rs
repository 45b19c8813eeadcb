//! Between the wire and the caller's types. What a server sends is checked: a
//! length that cannot be is its defect, never a panic here.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;

use super::call::ms;
use super::error::broken_contract;
use super::types::{Condition, Description, Fence, KeyRange, LockInfo, Record, ShardDescription};
use crate::base::types::{FenceToken, NodeId, OwnerId, Revision, ShardId};
use crate::base::{Error, Result, limits};
use crate::proto::v1;

/// A duration on the wire, where 0 means none. `what` is for the error.
pub(super) fn wire_ms(duration: Option<Duration>, what: &str) -> Result<u64> {
    let Some(duration) = duration else {
        return Ok(0);
    };
    if duration.is_zero() {
        return Err(Error::invalid(format!(
            "{what} is zero: give at least 1ms, or leave it out for none"
        )));
    }
    let ms = ms(duration);
    if ms > limits::DURATION_MS_MAX {
        return Err(Error::invalid(format!(
            "{what} is {duration:?}: 100 years are the most"
        )));
    }
    Ok(ms)
}

pub(super) fn wire_fence(fence: &Fence) -> v1::Fence {
    v1::Fence {
        name: fence.name.clone(),
        token: fence.token.0,
    }
}

pub(super) fn wire_range(range: &KeyRange) -> v1::KeyRange {
    v1::KeyRange {
        start: range.start.clone(),
        end: range.end.clone(),
    }
}

pub(super) fn wire_condition(condition: &Condition) -> v1::Condition {
    use v1::condition::Kind;
    v1::Condition {
        kind: Some(match condition {
            Condition::Absent => Kind::Absent(true),
            Condition::Present => Kind::Present(true),
            Condition::Revision(revision) => Kind::Revision(revision.0),
            Condition::Value(value) => Kind::Value(value.clone()),
        }),
    }
}

pub(super) fn record(record: v1::Record) -> Record {
    Record {
        key: record.key,
        value: record.value,
        expired: record.expired,
        revision: Revision(record.revision),
        create_revision: Revision(record.create_revision),
        version: record.version,
        expire_in: record.expire_in_ms.map(Duration::from_millis),
        delete_in: record.delete_in_ms.map(Duration::from_millis),
    }
}

/// The fence of a granted lock.
pub(super) fn fence(granted: bool, fence: u64, from: &impl Display) -> Result<Option<FenceToken>> {
    match (granted, fence) {
        (false, _) => Ok(None),
        (true, 0) => Err(broken_contract(from, "with a lock granted without a fence")),
        (true, fence) => Ok(Some(FenceToken(fence))),
    }
}

pub(super) fn lock_info(info: v1::LockInfo, from: &impl Display) -> Result<LockInfo> {
    Ok(LockInfo {
        name: info.name,
        owner: OwnerId(identity(&info.owner, "an owner id", from)?),
        fence: FenceToken(info.fence),
        age: Duration::from_millis(info.age_ms),
        remaining: info.remaining_ms.map(Duration::from_millis),
        waiters: info.waiters,
    })
}

pub(super) fn description(
    reply: v1::DescribeReply,
    from: &(impl Display + ?Sized),
) -> Result<Description> {
    let from = from.to_string();
    let shards = reply.shards.into_iter().map(|shard| {
        Ok(ShardDescription {
            id: ShardId(shard.id),
            kind: shard.r#type,
            engine: shard.engine,
            durability: shard.durability,
            identity: NodeId(identity(&shard.identity, "a shard identity", &from)?),
            revision: Revision(shard.revision),
            applied_index: shard.applied_index,
            state_hash: shard.state_hash,
            keys: shard.keys,
            locks: shard.locks,
            sessions: shard.sessions,
            history_floor: Revision(shard.history_floor),
        })
    });
    let shards = shards.collect::<Result<_>>()?;
    let read_only = !reply.read_only_because.is_empty();
    Ok(Description {
        node: NodeId(identity(&reply.node, "a node id", &from)?),
        endpoint: from,
        name: reply.name,
        version: reply.version,
        uptime: Duration::from_millis(reply.uptime_ms),
        addresses: reply.addresses,
        shards,
        read_only_because: read_only.then_some(reply.read_only_because),
    })
}

/// 16 bytes that name something.
pub(super) fn identity(bytes: &Bytes, what: &str, from: &impl Display) -> Result<[u8; 16]> {
    bytes.as_ref().try_into().map_err(|_| {
        let bytes = bytes.len();
        broken_contract(from, &format!("with {what} of {bytes} bytes instead of 16"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;

    #[test]
    fn a_time_is_never_shortened_and_zero_is_refused() {
        let ms = |duration| wire_ms(Some(duration), "delete_in");
        assert_eq!(wire_ms(None, "delete_in").unwrap(), 0);
        assert_eq!(ms(Duration::from_nanos(1)).unwrap(), 1);
        assert_eq!(ms(Duration::from_micros(1_001)).unwrap(), 2);
        assert_eq!(ms(Duration::from_secs(30)).unwrap(), 30_000);
        for bad in [Duration::ZERO, Duration::MAX] {
            assert_eq!(ms(bad).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn wrong_lengths_are_defects_of_the_server() {
        let info = v1::LockInfo {
            owner: Bytes::from_static(b"short"),
            ..v1::LockInfo::default()
        };
        let error = lock_info(info, &"db:1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().starts_with("the server at db:1 answered"));
        assert!(fence(true, 0, &"db:1").is_err());
        let reply = v1::DescribeReply::default();
        assert!(description(reply, "db:1").is_err());
    }
}
