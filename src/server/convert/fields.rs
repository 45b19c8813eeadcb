//! The fields that many requests share, each with its bounds.

use bytes::Bytes;

use crate::base::time::Timer;
use crate::base::types::{ClientId, FenceToken, OwnerId, RequestId, Revision, ShardId};
use crate::base::{Error, Result, limits};
use crate::kv::{Condition, Set};
use crate::machine::Fence;
use crate::proto::v1;
use crate::server::service::Consistency;

/// The shard of a request that names none.
const DEFAULT_SHARD: u32 = 100;

/// Longer keys and values stay slices of the message they came in; shorter ones are
/// copied out, so that keeping one does not keep the whole message.
const COPY_BYTES_MAX: usize = 64 << 10;

pub(super) fn target(target: Option<v1::Target>) -> Result<(ShardId, String)> {
    let target = target.unwrap_or_default();
    let shard = if target.shard == 0 {
        DEFAULT_SHARD
    } else {
        target.shard
    };
    bucket_name(&target.bucket)?;
    Ok((ShardId(shard), target.bucket))
}

/// Errs unless it is a bucket's name, or empty.
pub(super) fn bucket_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if name.len() > limits::BUCKET_BYTES_MAX || !name.chars().all(legal) {
        return Err(Error::invalid(format!(
            "`{}` is not a bucket name: 1 to {} of letters, digits and `._:-`",
            name.escape_debug(),
            limits::BUCKET_BYTES_MAX
        )));
    }
    Ok(())
}

/// What a set writes.
pub(super) fn set_of(wire: v1::SetOp, value_bytes_max: usize) -> Result<Set> {
    if wire.value.len() > value_bytes_max {
        return Err(Error::limit_exceeded(format!(
            "the value is {} bytes; at most {value_bytes_max} are allowed (--max-value-size)",
            wire.value.len()
        )));
    }
    let expire = timer("expire_in_ms", wire.expire_in_ms)?;
    let delete = timer("delete_in_ms", wire.delete_in_ms)?;
    if wire.keep_timers && (expire, delete) != (Timer::Never, Timer::Never) {
        return Err(Error::invalid(
            "keep_timers keeps the timers the key has: leave expire_in and delete_in away",
        ));
    }
    Ok(Set {
        key: key(&wire.key)?,
        value: own(&wire.value),
        expire,
        delete,
        keep_timers: wire.keep_timers,
        condition: condition(wire.condition)?,
        return_previous: wire.return_previous,
    })
}

fn condition(condition: Option<v1::Condition>) -> Result<Option<Condition>> {
    let Some(kind) = condition.and_then(|condition| condition.kind) else {
        return Ok(None);
    };
    use v1::condition::Kind as Wire;
    match kind {
        Wire::Absent(true) => Ok(Some(Condition::Absent)),
        Wire::Present(true) => Ok(Some(Condition::Present)),
        Wire::Absent(false) | Wire::Present(false) => Err(Error::invalid(
            "a condition `absent` or `present` is true or left away",
        )),
        Wire::Revision(revision) => Ok(Some(Condition::Revision(Revision(revision)))),
        Wire::Value(value) => Ok(Some(Condition::Value(own(&value)))),
    }
}

pub(super) fn key(bytes: &Bytes) -> Result<Bytes> {
    if bytes.is_empty() {
        return Err(Error::invalid(
            "the key is empty: a key has 1 to 4096 bytes",
        ));
    }
    bounded("the key", bytes, limits::KEY_BYTES_MAX)
}

pub(super) fn lock_name(bytes: &Bytes) -> Result<Bytes> {
    if bytes.is_empty() {
        return Err(Error::invalid(
            "the lock's name is empty: a name has 1 to 4096 bytes",
        ));
    }
    bounded("the lock's name", bytes, limits::LOCK_NAME_BYTES_MAX)
}

pub(super) fn bounded(what: &str, bytes: &Bytes, bytes_max: usize) -> Result<Bytes> {
    if bytes.len() > bytes_max {
        let length = bytes.len();
        return Err(Error::invalid(format!(
            "{what} is {length} bytes; at most {bytes_max} fit"
        )));
    }
    Ok(own(bytes))
}

pub(super) fn own(bytes: &Bytes) -> Bytes {
    if bytes.len() <= COPY_BYTES_MAX {
        Bytes::copy_from_slice(bytes)
    } else {
        bytes.clone()
    }
}

pub(super) fn range(range: &v1::KeyRange) -> Result<(Bytes, Option<Bytes>)> {
    // A bound may be the successor of the longest key, one byte more.
    let start = bounded("the range's start", &range.start, limits::KEY_BYTES_MAX + 1)?;
    let end = bounded("the range's end", &range.end, limits::KEY_BYTES_MAX + 1)?;
    if !end.is_empty() && start > end {
        return Err(Error::invalid("the range's start is after its end"));
    }
    Ok((start, (!end.is_empty()).then_some(end)))
}

pub(super) fn duration(what: &str, ms: u64) -> Result<u64> {
    if ms > limits::DURATION_MS_MAX {
        return Err(Error::invalid(format!(
            "{what} is {ms} ms, which is longer than 100 years"
        )));
    }
    Ok(ms)
}

pub(super) fn timer(what: &str, ms: u64) -> Result<Timer> {
    Ok(match duration(what, ms)? {
        0 => Timer::Never,
        ms => Timer::InMs(ms),
    })
}

/// How fresh a read of this target must be.
pub(super) fn consistency(target: Option<&v1::Target>) -> Consistency {
    match target {
        Some(target) if target.stale => Consistency::Stale,
        _ => Consistency::Linearizable,
    }
}

fn id16(what: &str, bytes: &[u8]) -> Result<[u8; 16]> {
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| Error::invalid(format!("{what} has {length} bytes instead of 16")))
}

pub(super) fn owner(bytes: &Bytes) -> Result<OwnerId> {
    id16("the owner id", bytes).map(OwnerId)
}

pub(super) fn request_id(wire: &v1::RequestId) -> Result<RequestId> {
    let client = ClientId(id16("request_id.client", &wire.client)?);
    let (sequence, acked_below, attempt) = (wire.sequence, wire.acked_below, wire.attempt);
    if sequence == 0 || acked_below > sequence {
        return Err(Error::invalid(format!(
            "request_id: sequence {sequence} must be at least 1 and at least acked_below \
             ({acked_below})"
        )));
    }
    Ok(RequestId {
        client,
        sequence,
        acked_below,
        attempt,
    })
}

/// One id for each of `count` operations: they have as many sequences, from the given one
/// on. Without an id none has one.
pub(super) fn request_ids(
    wire: Option<&v1::RequestId>,
    count: usize,
) -> Result<impl Iterator<Item = RequestId>> {
    let first = wire.map(request_id).transpose()?;
    let last = first.is_none_or(|first| first.sequence.checked_add(count as u64).is_some());
    if !last {
        return Err(Error::invalid(
            "request_id: the sequence is too large for so many operations",
        ));
    }
    let ids = (0..count as u64).map(move |at| {
        first.map(|first| RequestId {
            sequence: first.sequence + at,
            ..first
        })
    });
    Ok(ids.flatten())
}

pub(super) fn fence(wire: &v1::Fence) -> Result<Fence> {
    Ok(Fence {
        name: lock_name(&wire.name)?,
        token: FenceToken(wire.token),
    })
}
