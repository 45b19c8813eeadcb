//! What can be asked of a shard, and what it answers, whatever wire it goes over.

use std::time::Duration;

use bytes::Bytes;

use crate::base::Result;
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::kv::Record;
use crate::lock::Lock;
use crate::machine::{Applied, Bucket, Changes, Command, Op, ScanPage, ScanQuery};

/// What a request asks of a shard, whatever wire it came over.
pub enum Operation {
    /// One command, one outcome.
    Write(Command),
    /// A command that removes a range or a bucket, repeated piece by piece until nothing
    /// is left.
    WriteInPieces(Command),
    /// Commands that go into one entry of the log, each with an outcome of its own.
    Batch(Vec<Command>),
    /// An acquire that may wait this long for its turn.
    AcquireWaiting(Command, Duration),
    /// A look at the applied state.
    Read(Query, Consistency),
}

/// How fresh an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It reflects everything that was acknowledged before it was asked for.
    Linearizable,
    /// It reflects what this node has applied, which may be behind.
    Stale,
}

/// What can be read.
pub enum Query {
    /// A key's record.
    Get {
        /// The bucket.
        bucket: String,
        /// The key.
        key: Bytes,
        /// `None`: now.
        at: Option<At>,
    },
    /// Many keys, all of one revision.
    GetMany {
        /// The bucket.
        bucket: String,
        /// The keys.
        keys: Vec<Bytes>,
        /// `None`: now.
        at: Option<At>,
    },
    /// A page of a range; `at` says which revision, not the query.
    Scan {
        /// The page. Boxed: it is much larger than what else waits.
        query: Box<ScanQuery>,
        /// `None`: now.
        at: Option<At>,
    },
    /// What a key went through.
    History {
        /// The bucket.
        bucket: String,
        /// The key.
        key: Bytes,
        /// Only changes of earlier revisions.
        before: Option<Revision>,
        /// At most so many.
        limit: usize,
    },
    /// A page of buckets.
    Buckets {
        /// Names that start so, ...
        prefix: String,
        /// ... and come after this one, ...
        after: String,
        /// ... at most so many.
        limit: usize,
    },
    /// A lock.
    Lock {
        /// Its name.
        name: Bytes,
    },
    /// A page of locks.
    Locks {
        /// Names that start so, ...
        prefix: Bytes,
        /// ... and come after this one, ...
        after: Bytes,
        /// ... at most so many.
        limit: usize,
    },
}

/// A moment of a shard's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A revision.
    Revision(Revision),
    /// So many milliseconds ago, by the shard's clock.
    AgoMs(u64),
}

/// What a request is answered with.
pub enum Answer {
    /// A write was applied.
    Applied(Applied),
    /// What became of each command of a batch; the revision after all of them.
    Batch(Vec<Result<Applied>>, Revision),
    /// A record, softly expired ones included.
    Record(Option<Record>, MachineTime, Revision),
    /// Records in the order of their keys in the request, softly expired ones included.
    Records(Vec<Option<Record>>, MachineTime, Revision),
    /// Changes of a key, and the shard's revision.
    Changes(Changes, MachineTime, Revision),
    /// A page of records.
    Page(ScanPage, MachineTime),
    /// Buckets, and whether there are more.
    Buckets(Vec<(String, Bucket)>, bool, Revision),
    /// A lock, if it is held.
    Lock(Option<Lock>, MachineTime, Revision),
    /// Held locks, and whether there are more.
    Locks(Vec<(Bytes, Lock)>, bool, MachineTime, Revision),
}

impl Operation {
    /// How fresh its answer must be; a write is always ordered.
    pub fn consistency(&self) -> Consistency {
        match self {
            Self::Read(_, consistency) => *consistency,
            Self::Write(_) | Self::WriteInPieces(_) | Self::Batch(_) | Self::AcquireWaiting(..) => {
                Consistency::Linearizable
            }
        }
    }

    pub(super) fn is_about_keys(&self) -> bool {
        match self {
            Self::Write(command) => !matches!(command.op, Op::Lock { .. } | Op::Sweep),
            Self::WriteInPieces(_) | Self::Batch(_) => true,
            Self::AcquireWaiting(..) => false,
            Self::Read(query, _) => !matches!(query, Query::Lock { .. } | Query::Locks { .. }),
        }
    }
}
