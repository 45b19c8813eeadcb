//! The figures as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::types::NodeId;
use crate::proto::v1;

/// What a node does right now, and did in the last two minutes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct NodeStatus {
    /// Everything holds that must: what `/readyz` says.
    pub(in crate::server) ready: bool,
    /// What must hold, as `/readyz?verbose` tells it.
    pub(in crate::server) checks: Vec<Check>,
    /// Who the node is; absent while it recovers or waits for its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) node: Option<Node>,
    /// Its shards, by id.
    shards: Vec<Shard>,
    /// The members of its cluster, by name; none if it is in no cluster.
    members: Vec<Member>,
    /// The locks that are held longest, the longest first: at most 20.
    locks: Vec<HeldLock>,
    /// There are so many locks that not all were looked at.
    locks_incomplete: bool,
    /// Client connections that are open.
    connections: u64,
    /// Session streams that are open.
    sessions: u64,
    /// Requests that were taken and are not answered yet.
    requests_in_flight: u64,
    /// What the segments of the node's log take on disk.
    log_bytes: u64,
    /// How many processors the node may use at once.
    processors: u32,
    /// One for each second of the last two minutes, newest last.
    pub(in crate::server) samples: Vec<Sample>,
}

/// Something that must hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthCheck)]
pub(in crate::server) struct Check {
    name: String,
    ok: bool,
    /// Why it does not hold, or what there is to know beside that it does.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    remark: String,
}

/// Who answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeDescription)]
pub(in crate::server) struct Node {
    /// Its UUID.
    id: String,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    name: String,
    /// Its version of dkv.
    version: String,
    uptime_ms: u64,
    /// Where clients reach it.
    addresses: Vec<String>,
    /// Why it refuses writes right now, if it does.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    read_only_because: String,
}

/// How a shard is doing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShardStatus)]
pub(in crate::server) struct Shard {
    id: u32,
    /// `lstore`, `dstore`, `lockmgr(lstore)` or `lockmgr(dstore)`.
    #[serde(rename = "type")]
    kind: String,
    /// `memory` or `redb`.
    engine: String,
    /// `fsync`, `interval:50ms`, `none` or `quorum`.
    durability: String,
    /// Its revision.
    revision: u64,
    /// The last log entry in its state.
    applied_index: u64,
    /// Keys, softly expired ones included.
    keys: u64,
    /// Locks that are held.
    locks: u64,
    /// Watches that are open.
    watches: u64,
    /// What the history of changes takes in memory, about.
    history_bytes: u64,
    /// The files of an engine on disk.
    engine_bytes: u64,
    /// Why it refuses writes right now, if it does.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    read_only_because: String,
    /// Of a replicated shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Group>,
    /// What is asked for most, from a sample of the requests; the most first.
    hot_keys: Vec<HotKey>,
}

/// A replicated shard as this node has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupStatus)]
pub(in crate::server) struct Group {
    /// `leader`, `follower`, `candidate` or `learner`.
    role: &'static str,
    term: u64,
    /// The leader's UUID, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// What is wrong with the leadership, if anything is.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    unled_because: String,
    /// The last entry of this node's log.
    last_index: u64,
    /// The last entry that cannot be lost any more.
    committed_index: u64,
    /// How far the others are, which the leader alone knows.
    lags: Vec<Lag>,
}

/// How far another member is behind the leader.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberLag)]
pub(in crate::server) struct Lag {
    /// Its UUID.
    node: String,
    /// Entries of the leader's log that are not known to be on its disk.
    entries: u64,
    /// How long ago it answered; absent: it never has.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_ms_ago: Option<u64>,
}

/// A member of the node's cluster.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberDescription)]
pub(in crate::server) struct Member {
    /// Its UUID.
    id: String,
    name: String,
    /// Where clients ask it.
    client_address: String,
    /// It votes; else it is a learner.
    voter: bool,
    /// It is being taken out.
    leaving: bool,
}

/// A lock that somebody holds.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct HeldLock {
    shard: u32,
    /// Its name, if that is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its name as base64, if it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_b64: Option<String>,
    /// Since the grant.
    age_ms: u64,
    /// What is left of the lease; absent: until released.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    /// How many wait for it.
    waiters: u64,
}

/// A key, or a lock, that is asked for often.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct HotKey {
    /// Its first 128 bytes, if they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Its first 128 bytes as base64, if they are not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    /// How many bytes the whole of it has.
    key_bytes: u32,
    /// Empty: the default bucket.
    bucket: String,
    /// It is the name of a lock.
    lock: bool,
    /// About how often it is asked for, over the last 10 to 20 seconds.
    per_s: f64,
    /// How much of that may be other keys.
    per_s_error: f64,
    /// Which part of it reads, from 0 to 1.
    reads: f64,
}

/// What happened in about a second.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Sample {
    /// Counts seconds; a number that is missing is one in which the node did not run.
    pub(in crate::server) number: u64,
    /// How long it really was.
    ms: u32,
    /// Reads of keys, buckets and history that were answered.
    reads: ClassSample,
    /// Changes of keys and buckets.
    writes: ClassSample,
    /// Whatever was about locks, with the time that was waited for them.
    locks: ClassSample,
    /// How many of all of these were refused or failed.
    errors: u64,
    /// How often the log waited for the disk.
    fsyncs: u64,
    /// How long, 99 times of 100; 0 if it did not.
    fsync_p99_us: u64,
    /// Bytes written to the log.
    log_bytes: u64,
    /// Processor time that the node took.
    cpu_us: u64,
    /// Memory that the node really used; 0 if the system does not tell.
    resident_bytes: u64,
    /// Events that were told to watches.
    watch_events: u64,
}

/// Requests of one class in a second.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct ClassSample {
    count: u64,
    /// How long half of them took at most, about; 0 if there was none.
    p50_us: u64,
    /// How long 99 of 100 took at most, about.
    p99_us: u64,
}

/// The figures, in the form of JSON.
pub(in crate::server) fn status(reply: v1::FiguresReply) -> NodeStatus {
    let checks: Vec<Check> = reply.checks.into_iter().map(check).collect();
    let description = reply.node.as_ref();
    let described = description.map_or(&[][..], |node| &node.shards);
    let shards = described.iter().zip(reply.shards);
    NodeStatus {
        ready: checks.iter().all(|check| check.ok),
        checks,
        shards: shards.map(|(said, figures)| shard(said, figures)).collect(),
        members: reply.members.into_iter().map(member).collect(),
        locks: reply.locks.iter().map(held_lock).collect(),
        locks_incomplete: reply.locks_incomplete,
        connections: reply.connections,
        sessions: reply.sessions,
        requests_in_flight: reply.requests_in_flight,
        log_bytes: reply.log_bytes,
        processors: reply.processors,
        samples: reply.samples.into_iter().map(sample).collect(),
        node: reply.node.map(node),
    }
}

fn check(check: v1::HealthCheck) -> Check {
    let ok = check.failed.is_empty();
    Check {
        name: check.name,
        ok,
        remark: if ok { check.remark } else { check.failed },
    }
}

fn node(node: v1::DescribeReply) -> Node {
    Node {
        id: id(&node.node),
        name: node.name,
        version: node.version,
        uptime_ms: node.uptime_ms,
        addresses: node.addresses,
        read_only_because: node.read_only_because,
    }
}

fn shard(said: &v1::ShardDescription, figures: v1::ShardFigures) -> Shard {
    Shard {
        id: said.id,
        kind: said.r#type.clone(),
        engine: said.engine.clone(),
        durability: said.durability.clone(),
        revision: said.revision,
        applied_index: said.applied_index,
        keys: said.keys,
        locks: said.locks,
        watches: figures.watches,
        history_bytes: figures.history_bytes,
        engine_bytes: figures.engine_bytes,
        read_only_because: figures.read_only_because,
        group: figures.group.map(group),
        hot_keys: figures.hot_keys.into_iter().map(hot_key).collect(),
    }
}

fn group(group: v1::GroupFigures) -> Group {
    Group {
        role: match group.role() {
            v1::Role::Leader => "leader",
            v1::Role::Candidate => "candidate",
            v1::Role::Learner => "learner",
            v1::Role::Follower | v1::Role::Unspecified => "follower",
        },
        term: group.term,
        leader: (!group.leader.is_empty()).then(|| id(&group.leader)),
        unled_because: group.unled_because,
        last_index: group.last_index,
        committed_index: group.committed_index,
        lags: group.lags.iter().map(lag).collect(),
    }
}

fn lag(lag: &v1::MemberLag) -> Lag {
    Lag {
        node: id(&lag.node),
        entries: lag.entries,
        answered_ms_ago: lag.answered_ms_ago,
    }
}

fn member(member: v1::ClusterMember) -> Member {
    Member {
        id: id(&member.node),
        name: member.name,
        client_address: member.client_address,
        voter: member.voter,
        leaving: member.leaving,
    }
}

fn held_lock(lock: &v1::HeldLock) -> HeldLock {
    let (name, name_b64) = text_or_base64(&lock.name);
    HeldLock {
        shard: lock.shard,
        name,
        name_b64,
        age_ms: lock.age_ms,
        remaining_ms: lock.remaining_ms,
        waiters: lock.waiters,
    }
}

fn hot_key(hot: v1::HotKey) -> HotKey {
    let (key, key_b64) = text_or_base64(whole_characters(&hot));
    HotKey {
        key,
        key_b64,
        key_bytes: hot.key_bytes,
        bucket: hot.bucket,
        lock: hot.lock,
        per_s: hot.per_s,
        per_s_error: hot.per_s_error,
        reads: hot.reads,
    }
}

fn sample(sample: v1::Sample) -> Sample {
    Sample {
        number: sample.number,
        ms: sample.ms,
        reads: class_sample(sample.reads),
        writes: class_sample(sample.writes),
        locks: class_sample(sample.locks),
        errors: sample.errors,
        fsyncs: sample.fsyncs,
        fsync_p99_us: sample.fsync_p99_us,
        log_bytes: sample.log_bytes,
        cpu_us: sample.cpu_us,
        resident_bytes: sample.resident_bytes,
        watch_events: sample.watch_events,
    }
}

fn class_sample(sample: Option<v1::ClassSample>) -> ClassSample {
    let sample = sample.unwrap_or_default();
    ClassSample {
        count: sample.count,
        p50_us: sample.p50_us,
        p99_us: sample.p99_us,
    }
}

/// A key that is cut may be cut within a character: text stays text.
fn whole_characters(hot: &v1::HotKey) -> &[u8] {
    let is_cut = hot.key.len() < usize::try_from(hot.key_bytes).unwrap_or(usize::MAX);
    match std::str::from_utf8(&hot.key) {
        Err(at) if is_cut && at.error_len().is_none() => &hot.key[..at.valid_up_to()],
        _ => &hot.key,
    }
}

fn text_or_base64(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

fn id(bytes: &Bytes) -> String {
    let bytes: Result<[u8; 16], _> = bytes[..].try_into();
    bytes.map_or_else(|_| String::new(), |id| NodeId(id).to_string())
}
