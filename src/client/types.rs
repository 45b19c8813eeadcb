//! What a caller gives and gets.

use std::time::Duration;

use bytes::Bytes;

use crate::base::types::{FenceToken, NodeId, OwnerId, Revision, ShardId, prefix_end};

/// A key with its value and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key.
    pub key: Bytes,
    /// The value; empty if expired, or if only keys were asked for.
    pub value: Bytes,
    /// The value is gone, the key remains.
    pub expired: bool,
    /// The revision of the last change.
    pub revision: Revision,
    /// The revision that created the key.
    pub create_revision: Revision,
    /// 1 when created, one more with each set.
    pub version: u64,
    /// When the value goes, from the moment of the answer; `None`: never.
    pub expire_in: Option<Duration>,
    /// When the key goes, from the moment of the answer; `None`: never.
    pub delete_in: Option<Duration>,
}

/// Keys from `start` to before `end`, in byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// Inclusive; empty: from the first key.
    pub start: Bytes,
    /// Exclusive; empty: to the last key.
    pub end: Bytes,
}

impl KeyRange {
    /// Every key of the bucket.
    pub fn all() -> Self {
        Self::default()
    }

    /// The keys that begin with `prefix`; an empty prefix is all keys.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        prefix_range(prefix)
    }
}

/// The range of the keys that begin with `prefix`.
///
/// ```
/// use dkv::client::prefix_range;
///
/// let range = prefix_range("user:");
/// assert_eq!(range.start, "user:");
/// assert_eq!(range.end, "user;");
/// // Nothing sorts after a prefix of 0xff bytes but the keys that begin with it.
/// assert!(prefix_range(vec![0xff, 0xff]).end.is_empty());
/// ```
pub fn prefix_range(prefix: impl Into<Bytes>) -> KeyRange {
    let start = prefix.into();
    let end = prefix_end(&start).unwrap_or_default();
    KeyRange { start, end }
}

/// Whether a set may take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The key is not there; a softly expired key is there.
    Absent,
    /// The key is there.
    Present,
    /// The key was last changed at this revision.
    Revision(Revision),
    /// The key has this value.
    Value(Bytes),
}

/// A write with a fence is refused (`FenceStale`) unless the token is that of the
/// current holder of the lock, in the same shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The lock.
    pub name: Bytes,
    /// The token of the grant.
    pub token: FenceToken,
}

impl Fence {
    /// A fence by the lock `name`, granted with `token`.
    pub fn new(name: impl Into<Bytes>, token: FenceToken) -> Self {
        Self {
            name: name.into(),
            token,
        }
    }
}

/// How to set a key. Both timers are replaced, by none if none is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetOptions {
    /// After this the value is gone and the key remains. At least 1 ms.
    pub expire_in: Option<Duration>,
    /// After this the key is gone. At least 1 ms.
    pub delete_in: Option<Duration>,
    /// Keep the timers the key has; excludes the two above.
    pub keep_timers: bool,
    /// Must hold, or nothing changes.
    pub condition: Option<Condition>,
    /// Return the record that was replaced.
    pub return_previous: bool,
    /// The lock that must still be held.
    pub fence: Option<Fence>,
}

/// What a set did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOutcome {
    /// False if the condition did not hold; nothing changed then.
    pub written: bool,
    /// The revision of the write; if not written, the shard's.
    pub revision: Revision,
    /// The record before it, if that was asked for and there was one.
    pub previous: Option<Record>,
    /// The write had to be repeated, and the record before it is not kept.
    pub previous_unavailable: bool,
}

/// What a delete did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// How many keys it removed.
    pub deleted: u64,
    /// The shard's revision after it.
    pub revision: Revision,
}

/// What `expire`, `touch` or `persist` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// False if there was no live key.
    pub changed: bool,
    /// The shard's revision after it.
    pub revision: Revision,
}

/// How to add to a number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncrOptions {
    /// When the value goes, of a key that begins here. At least 1 ms.
    pub expire_in: Option<Duration>,
    /// When the key goes, of a key that begins here. At least 1 ms.
    pub delete_in: Option<Duration>,
    /// The lock that must still be held.
    pub fence: Option<Fence>,
}

/// What an addition gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The number after it.
    pub value: i64,
    /// The revision of the write.
    pub revision: Revision,
}

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockInfo {
    /// The lock.
    pub name: Bytes,
    /// Who holds it.
    pub owner: OwnerId,
    /// The token of the grant.
    pub fence: FenceToken,
    /// Since the grant.
    pub age: Duration,
    /// What is left of the lease; `None`: until released.
    pub remaining: Option<Duration>,
    /// How many wait for it.
    pub waiters: u64,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The endpoint that answered.
    pub endpoint: String,
    /// The node.
    pub node: NodeId,
    /// Its name; empty if it has none.
    pub name: String,
    /// The version of dkv it runs.
    pub version: String,
    /// Since its start.
    pub uptime: Duration,
    /// Where clients reach it.
    pub addresses: Vec<String>,
    /// What it serves.
    pub shards: Vec<ShardDescription>,
    /// Why writes are refused right now; `None`: they are not.
    pub read_only_because: Option<String>,
}

/// What a node says of one of its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardDescription {
    /// The shard.
    pub id: ShardId,
    /// `lstore`, `dstore`, `lockmgr(lstore)` or `lockmgr(dstore)`.
    pub kind: String,
    /// `memory` or `redb`.
    pub engine: String,
    /// `fsync`, `interval:50ms` or `none`.
    pub durability: String,
    /// The node of a local shard, the cluster of a replicated one.
    pub identity: NodeId,
    /// Its revision.
    pub revision: Revision,
    /// The log index of the last applied entry.
    pub applied_index: u64,
    /// The state hash at that index.
    pub state_hash: u64,
    /// How many keys it has.
    pub keys: u64,
    /// How many locks are held.
    pub locks: u64,
    /// How many clients it remembers.
    pub sessions: u64,
    /// The first revision that history still holds.
    pub history_floor: Revision,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_holds_exactly_the_keys_with_the_prefix() {
        let keys: Vec<Vec<u8>> = (0..=u8::MAX)
            .flat_map(|a| [0, 1, 0x7f, 0xfe, 0xff].map(|b| vec![a, b]))
            .chain((0..=u8::MAX).map(|a| vec![a]))
            .collect();
        for prefix in [&[][..], &[0], &[7], &[7, 0xff], &[0xff], &[0xff, 0xff]] {
            let range = prefix_range(prefix.to_vec());
            for key in &keys {
                let inside = key.as_slice() >= range.start.as_ref()
                    && (range.end.is_empty() || key.as_slice() < range.end.as_ref());
                assert_eq!(inside, key.starts_with(prefix), "{prefix:?} {key:?}");
            }
        }
    }
}
