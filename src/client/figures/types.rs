//! What a caller is told of a node's figures.

use std::time::Duration;

use bytes::Bytes;

use crate::base::types::{LogIndex, NodeId, ShardId};
use crate::client::cluster::{ClusterMember, Role};
use crate::client::types::{Description, ShardDescription};

/// What a node does right now, and did in the last two minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Who answered.
    pub node: Description,
    /// What must hold for the node to be ready.
    pub checks: Vec<HealthCheck>,
    /// A second each, newest last; at most the last 120.
    pub samples: Vec<Sample>,
    /// Its shards, by ascending id.
    pub shards: Vec<ShardFigures>,
    /// The members of its cluster, by name; none if it is in no cluster.
    pub members: Vec<ClusterMember>,
    /// The locks that are held longest, the longest first; at most 20.
    pub locks: Vec<HeldLock>,
    /// There are so many locks that not all were looked at.
    pub locks_incomplete: bool,
    /// Client connections that are open.
    pub connections: u64,
    /// Session streams that are open.
    pub sessions: u64,
    /// Requests that were taken and are not answered yet.
    pub requests_in_flight: u64,
    /// What the segments of its log take on disk, bytes.
    pub log_bytes: u64,
    /// How many processors it may use at once.
    pub processors: u32,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What.
    pub name: String,
    /// Why it does not hold; `None`: it does.
    pub failed: Option<String>,
    /// What there is to know beside that it holds; may be empty.
    pub remark: String,
}

/// What happened in about a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Counts the seconds since the node began to sample. A number that is missing is a
    /// second in which the node did not run.
    pub number: u64,
    /// How long it really was.
    pub lasted: Duration,
    /// Reads of keys, buckets and history.
    pub reads: ClassSample,
    /// Changes of keys and buckets.
    pub writes: ClassSample,
    /// Whatever was about locks, with the time that was waited for them.
    pub locks: ClassSample,
    /// How many of all of these were refused or failed.
    pub errors: u64,
    /// How often the log waited for the disk.
    pub fsyncs: u64,
    /// How long, 99 times of 100; `None`: it did not.
    pub fsync_p99: Option<Duration>,
    /// Bytes written to the log.
    pub log_bytes: u64,
    /// Processor time that the node took.
    pub cpu: Duration,
    /// Memory that the node really used, bytes; `None`: its system does not tell.
    pub resident_bytes: Option<u64>,
    /// Events that were told to watches.
    pub watch_events: u64,
}

/// The requests of a class that were answered in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassSample {
    /// How many.
    pub count: u64,
    /// How long half of them took at most, about; `None`: there was none.
    pub p50: Option<Duration>,
    /// How long 99 of 100 took at most, about; `None`: there was none.
    pub p99: Option<Duration>,
}

/// How a shard is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardFigures {
    /// What it is.
    pub shard: ShardDescription,
    /// Watches that are open.
    pub watches: u64,
    /// What the history of changes takes in memory, bytes, about.
    pub history_bytes: u64,
    /// The files of an engine on disk, bytes.
    pub engine_bytes: u64,
    /// Why it refuses writes right now; `None`: it does not.
    pub read_only_because: Option<String>,
    /// Of a replicated shard.
    pub group: Option<ShardGroup>,
    /// What is asked for most, the most first. From a sample of what the node was asked.
    pub hot_keys: Vec<HotKey>,
}

/// A replicated shard as one member has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardGroup {
    /// What the member is in it.
    pub role: Role,
    /// Counts elections.
    pub term: u64,
    /// Who leads, as far as the member knows.
    pub leader: Option<NodeId>,
    /// What is wrong with the leadership; `None`: nothing.
    pub unled_because: Option<String>,
    /// The last entry of the member's log.
    pub last_index: LogIndex,
    /// The last entry that cannot be lost any more, as far as the member knows.
    pub committed_index: LogIndex,
    /// How far the others are; the leader alone knows.
    pub lags: Vec<MemberLag>,
}

/// How far another member is behind the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberLag {
    /// Which member.
    pub node: NodeId,
    /// Entries of the leader's log that are not known to be on its disk.
    pub entries: u64,
    /// How long it has been silent; `None`: it has not answered yet.
    pub answered_ago: Option<Duration>,
}

/// A key, or a lock, that is asked for often.
#[derive(Debug, Clone, PartialEq)]
pub struct HotKey {
    /// Its first 128 bytes.
    pub key: Bytes,
    /// How many bytes the whole of it has.
    pub key_bytes: u32,
    /// Empty: the default bucket.
    pub bucket: String,
    /// It is the name of a lock.
    pub is_lock: bool,
    /// About how often it is asked for, a second, over the last 10 to 20 seconds.
    pub per_s: f64,
    /// How much of that may be other keys.
    pub per_s_error: f64,
    /// Which part of it reads, from 0 to 1.
    pub reads: f64,
}

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLock {
    /// The shard it is in.
    pub shard: ShardId,
    /// Its name.
    pub name: Bytes,
    /// Since the grant.
    pub age: Duration,
    /// What is left of the lease; `None`: until released.
    pub remaining: Option<Duration>,
    /// How many wait for it.
    pub waiters: u64,
}

impl Figures {
    /// Everything holds that must.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.failed.is_none())
    }

    /// What a node is called here: its name, or its id if that is not known.
    pub fn name_of(&self, node: NodeId) -> String {
        let member = self.members.iter().find(|member| member.node == node);
        match member.filter(|member| !member.name.is_empty()) {
            Some(member) => member.name.clone(),
            None => node.to_string(),
        }
    }
}

impl Sample {
    /// A count of this sample as a rate, a second.
    pub fn per_s(&self, count: u64) -> f64 {
        count as f64 / self.lasted.as_secs_f64().max(0.001)
    }

    /// Requests of all classes.
    pub fn operations(&self) -> u64 {
        self.reads.count + self.writes.count + self.locks.count
    }
}
