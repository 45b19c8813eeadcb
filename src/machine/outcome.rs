//! What applying a command gives: an outcome, events, grants.

use bytes::Bytes;

use crate::base::time::MachineTime;
use crate::base::types::{FenceToken, OwnerId, Revision};
use crate::kv::Record;

/// What became of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What is remembered for repetitions of the request.
    pub outcome: Outcome,
    /// The record a set replaced, if that was asked for.
    pub previous: Option<Record>,
    /// What became of the operations of a transaction's branch.
    pub results: Vec<OpResult>,
    /// The request had been applied before; nothing was done this time.
    pub repeated: bool,
}

/// What became of one operation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpResult {
    /// What happened; `Found` for a read.
    pub kind: OutcomeKind,
    /// Keys deleted; the number after an addition, as bits.
    pub count: u64,
    /// What was read, or the record a set replaced if that was asked for.
    pub record: Option<Record>,
}

/// The part of a reply that is remembered: never values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What happened.
    pub kind: OutcomeKind,
    /// The shard's revision after it.
    pub revision: Revision,
    /// The version of the key that was set; keys deleted or things swept; the fence of a lock outcome; the number after an
    /// addition, as bits; how many keys a transaction changed, or the place of the operation
    /// it was refused for.
    pub count: u64,
}

/// What happened. The numbers are stored: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OutcomeKind {
    /// A set took place.
    Written = 1,
    /// A set's condition did not hold.
    ConditionFailed = 2,
    /// `count` keys were removed, and no more were there.
    Deleted = 3,
    /// `count` keys were removed, and more are there.
    DeletedMore = 4,
    /// The value was dropped.
    Expired = 5,
    /// The timers were replaced.
    Touched = 6,
    /// The timers were cleared.
    Persisted = 7,
    /// There was nothing to do.
    Unchanged = 8,
    /// A number was added to; `count` is the number now, as bits.
    Added = 9,
    /// Read in a transaction.
    Found = 10,
    /// The lock is held by the caller; `count` is the fence.
    Granted = 20,
    /// The caller waits in the queue.
    Queued = 21,
    /// Another holds the lock, and the caller does not wait.
    Held = 22,
    /// The lease was extended; `count` is the fence.
    Renewed = 23,
    /// The caller does not hold the lock; nothing changed.
    NotHolder = 24,
    /// The lock is not held by the caller any more.
    Released = 25,
    /// The lock was taken from its holder.
    Revoked = 26,
    /// The wait was given up.
    Cancelled = 27,
    /// `count` due things were expired, and no more are due.
    Swept = 30,
    /// `count` due things were expired, and more are due.
    SweptMore = 31,
    /// Refused: the fence is not the current holder's.
    FenceStale = 40,
    /// Refused: the lock's queue is full.
    QueueFull = 41,
    /// Refused: there is no such bucket.
    NoSuchBucket = 42,
    /// Refused: whether the request was applied is not known any more.
    OutcomeUnknown = 43,
    /// Refused: the shard remembers as many clients as it can, and needs them all.
    SessionsFull = 44,
    /// Refused: the value is not a 64-bit integer in decimal text.
    NotInteger = 45,
    /// Refused: the sum would not be a 64-bit integer.
    Overflow = 46,
    /// Refused: the bucket would grow beyond its quota; `count` is the bytes it has.
    QuotaExceeded = 47,
    /// Refused: a transaction's ranges have more keys than one command may touch.
    TooManyKeys = 48,
    /// Refused: what a transaction reads, or removes, is more than fits in a reply.
    TooManyBytes = 49,
    /// The compares of a transaction held, and its branch `then` was applied.
    Succeeded = 50,
    /// They did not, and the branch `otherwise` was applied.
    Otherwise = 51,
    /// The bucket was made.
    BucketCreated = 60,
    /// The bucket's settings were replaced.
    BucketUpdated = 61,
    /// Refused: the bucket is there with other settings.
    BucketDiffers = 62,
    /// The bucket is gone with the last `count` of its keys.
    BucketDropped = 63,
    /// `count` keys of the bucket are gone, and more are there.
    BucketDroppedMore = 64,
    /// Refused: the shard has as many buckets as it may.
    BucketsFull = 65,
    /// Refused: the bucket is being dropped.
    BucketDropping = 66,
    /// Refused: this request id was another request's; nothing was done.
    OtherRequest = 67,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 40] = [
        Self::Written,
        Self::ConditionFailed,
        Self::Deleted,
        Self::DeletedMore,
        Self::Expired,
        Self::Touched,
        Self::Persisted,
        Self::Unchanged,
        Self::Added,
        Self::Found,
        Self::Granted,
        Self::Queued,
        Self::Held,
        Self::Renewed,
        Self::NotHolder,
        Self::Released,
        Self::Revoked,
        Self::Cancelled,
        Self::Swept,
        Self::SweptMore,
        Self::FenceStale,
        Self::QueueFull,
        Self::NoSuchBucket,
        Self::OutcomeUnknown,
        Self::SessionsFull,
        Self::NotInteger,
        Self::Overflow,
        Self::QuotaExceeded,
        Self::TooManyKeys,
        Self::TooManyBytes,
        Self::Succeeded,
        Self::Otherwise,
        Self::BucketCreated,
        Self::BucketUpdated,
        Self::BucketDiffers,
        Self::BucketDropped,
        Self::BucketDroppedMore,
        Self::BucketsFull,
        Self::BucketDropping,
        Self::OtherRequest,
    ];

    /// The kind with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| u32::from(*kind as u8) == number)
    }
}

/// A visible change to a key. Events are ordered by (revision, sub).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The revision of the change.
    pub revision: Revision,
    /// Its place among the changes of that revision, from 0.
    pub sub: u32,
    /// When it happened.
    pub now: MachineTime,
    /// What happened.
    pub kind: EventKind,
    /// The bucket of the key.
    pub bucket: String,
    /// The key.
    pub key: Bytes,
    /// The record after it; `None`: deleted.
    pub record: Option<Record>,
    /// The record before it; `None`: created.
    pub previous: Option<Record>,
}

/// What kind of change it was. The numbers are stored: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// A value was written.
    Set = 1,
    /// The key was removed.
    Delete = 2,
    /// The value was dropped, the key remains.
    Expire = 3,
    /// Only timers changed.
    Touch = 4,
}

/// A bucket has come near its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearQuota {
    /// The bucket.
    pub bucket: String,
    /// What it holds, and what it may hold.
    pub usage: Usage,
    /// See `usage`.
    pub quota: Usage,
}

/// How much is in a bucket, or may be; a quota of 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Softly expired keys included.
    pub keys: u64,
    /// Of keys and values.
    pub bytes: u64,
}

/// A lock passed to a waiter, who must claim it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The lock.
    pub name: Bytes,
    /// Who holds it now.
    pub owner: OwnerId,
    /// The token of this grant.
    pub fence: FenceToken,
}
