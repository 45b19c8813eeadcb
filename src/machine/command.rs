//! What a log entry says.

use bytes::Bytes;

use crate::base::time::{BootStamp, MachineTime};
use crate::base::types::{FenceToken, RequestId};
use crate::kv::KvCommand;
use crate::lock::LockCommand;
use crate::machine::bucket::BucketCommand;
use crate::machine::transaction::Transaction;

/// Commands applied together, in one engine batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The machine time of all of them.
    pub now: MachineTime,
    /// Where that was on the stamping node's boot clock.
    pub boot: BootStamp,
    /// In order. At most `ENTRY_COMMANDS_MAX`.
    pub commands: Vec<Command>,
}

/// One change, with what guards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Makes repeating it safe.
    pub request: Option<RequestId>,
    /// Must be the token of the lock's current holder.
    pub fence: Option<Fence>,
    /// What to do.
    pub op: Op,
}

/// A lock and the token its holder was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The lock's name, in the same shard.
    pub name: Bytes,
    /// The token of its grant.
    pub token: FenceToken,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Something to keys of a bucket.
    Kv {
        /// The bucket's name; empty is the default bucket.
        bucket: String,
        /// What.
        command: KvCommand,
    },
    /// Several things to keys of a bucket, or nothing.
    Transaction {
        /// The bucket's name; empty is the default bucket.
        bucket: String,
        /// What.
        transaction: Transaction,
    },
    /// Something to a bucket itself.
    Bucket {
        /// The bucket's name, not empty.
        name: String,
        /// What.
        command: BucketCommand,
    },
    /// Something to a lock.
    Lock {
        /// The lock's name.
        name: Bytes,
        /// What.
        command: LockCommand,
    },
    /// Expires what is due: keys, locks, waiters, idle clients; at most
    /// `COMMAND_KEYS_MAX` of them.
    Sweep,
}

impl Command {
    /// Makes relative durations longer by what a clock of whole milliseconds cuts off:
    /// for sequencers, before they stamp.
    pub fn lengthen(&mut self) {
        match &mut self.op {
            Op::Kv { command, .. } => command.lengthen(),
            Op::Transaction { transaction, .. } => transaction.writes_mut(|it| it.lengthen()),
            Op::Lock { command, .. } => command.lengthen(),
            Op::Bucket { .. } | Op::Sweep => {}
        }
    }

    /// Makes relative timers absolute.
    pub fn stamp(&mut self, now: MachineTime) {
        match &mut self.op {
            Op::Kv { command, .. } => command.stamp(now),
            Op::Transaction { transaction, .. } => transaction.writes_mut(|it| it.stamp(now)),
            Op::Lock { command, .. } => command.stamp(now),
            Op::Bucket { .. } | Op::Sweep => {}
        }
    }

    /// Makes timers that were stamped at time zero relative again.
    pub(super) fn unstamp(&mut self) {
        match &mut self.op {
            Op::Kv { command, .. } => command.unstamp(),
            Op::Transaction { transaction, .. } => transaction.writes_mut(|it| it.unstamp()),
            Op::Lock { command, .. } => command.unstamp(),
            Op::Bucket { .. } | Op::Sweep => {}
        }
    }

    /// Bytes it takes in a log entry, at most.
    pub fn weight(&self) -> usize {
        let fence = self.fence.as_ref().map_or(0, |fence| fence.name.len());
        96 + fence
            + match &self.op {
                Op::Kv { bucket, command } => bucket.len() + command.weight(),
                Op::Transaction {
                    bucket,
                    transaction,
                } => bucket.len() + transaction.weight(),
                Op::Bucket { name, .. } => name.len() + 64,
                Op::Lock { name, .. } => name.len() + 64,
                Op::Sweep => 0,
            }
    }

    /// True for commands that wait for the disk in every durability mode, so that
    /// fences never repeat.
    ///
    /// A sweep, a fenced write and a compare may find a lease over and pass the lock on.
    pub fn must_sync(&self) -> bool {
        let looks_at_locks = match &self.op {
            Op::Lock { .. } | Op::Sweep => true,
            Op::Transaction { transaction, .. } => transaction.looks_at_locks(),
            Op::Kv { .. } | Op::Bucket { .. } => false,
        };
        looks_at_locks || self.fence.is_some()
    }
}
