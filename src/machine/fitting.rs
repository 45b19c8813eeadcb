//! Which outcomes a command can have, and so whether a remembered one can be its own.
//!
//! Of a request its outcome alone is remembered, and not what it asked for. An outcome that
//! the command asked now can never have shows that its request id was another request's.

use crate::kv::{KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::bucket::BucketCommand;
use crate::machine::command::{Command, Op};
use crate::machine::outcome::OutcomeKind as Kind;

impl Command {
    /// True if this can be what became of it.
    ///
    /// IMPORTANT: what can, and is missing here, would have honest repetitions refused.
    pub(super) fn can_give(&self, kind: Kind) -> bool {
        match kind {
            Kind::FenceStale => self.fence.is_some(),
            kind => outcomes(&self.op).contains(&kind),
        }
    }
}

/// Everything that can become of an operation whose fence holds.
fn outcomes(op: &Op) -> &'static [Kind] {
    match op {
        Op::Kv { command, .. } => of_keys(command),
        Op::Transaction { .. } => &[
            Kind::Succeeded,
            Kind::Otherwise,
            Kind::NoSuchBucket,
            Kind::NotInteger,
            Kind::Overflow,
            Kind::QuotaExceeded,
            Kind::TooManyKeys,
            Kind::TooManyBytes,
        ],
        Op::Bucket { command, .. } => of_buckets(command),
        Op::Lock { command, .. } => of_locks(command),
        Op::Sweep => &[Kind::Swept, Kind::SweptMore],
    }
}

fn of_keys(command: &KvCommand) -> &'static [Kind] {
    match command {
        KvCommand::Set(Set {
            condition: None, ..
        }) => &[Kind::Written, Kind::NoSuchBucket, Kind::QuotaExceeded],
        KvCommand::Set(Set {
            condition: Some(_), ..
        }) => &[
            Kind::Written,
            Kind::ConditionFailed,
            Kind::NoSuchBucket,
            Kind::QuotaExceeded,
        ],
        KvCommand::Delete { .. } => &[Kind::Deleted, Kind::NoSuchBucket],
        KvCommand::DeleteRange { .. } => &[Kind::Deleted, Kind::DeletedMore, Kind::NoSuchBucket],
        KvCommand::Expire { .. } => &[Kind::Expired, Kind::Unchanged, Kind::NoSuchBucket],
        KvCommand::Touch { .. } => &[Kind::Touched, Kind::Unchanged, Kind::NoSuchBucket],
        KvCommand::Persist { .. } => &[Kind::Persisted, Kind::Unchanged, Kind::NoSuchBucket],
        KvCommand::Incr(_) => &[
            Kind::Added,
            Kind::NotInteger,
            Kind::Overflow,
            Kind::NoSuchBucket,
            Kind::QuotaExceeded,
        ],
    }
}

fn of_buckets(command: &BucketCommand) -> &'static [Kind] {
    match command {
        BucketCommand::Create(_) => &[
            Kind::BucketCreated,
            Kind::Unchanged,
            Kind::BucketDiffers,
            Kind::BucketDropping,
            Kind::BucketsFull,
        ],
        BucketCommand::Update(_) => &[
            Kind::BucketUpdated,
            Kind::Unchanged,
            Kind::BucketDiffers,
            Kind::NoSuchBucket,
        ],
        BucketCommand::Drop => &[
            Kind::BucketDropped,
            Kind::BucketDroppedMore,
            Kind::Unchanged,
        ],
    }
}

fn of_locks(command: &LockCommand) -> &'static [Kind] {
    match command {
        LockCommand::Acquire { .. } => &[Kind::Granted, Kind::Queued, Kind::Held, Kind::QueueFull],
        LockCommand::Renew { .. } => &[Kind::Renewed, Kind::NotHolder],
        LockCommand::Release { .. } => &[Kind::Released, Kind::NotHolder],
        LockCommand::Revoke => &[Kind::Revoked, Kind::Unchanged],
        LockCommand::CancelWait { .. } => &[Kind::Cancelled],
    }
}
