//! Scenes and pictures, without a node and without a terminal.

mod picture;
mod scene;

use std::time::Duration;

use bytes::Bytes;

use crate::base::types::{LogIndex, NodeId, Revision, ShardId};
use crate::cli::top::crowd::Heard;
use crate::client::{
    ClassSample, ClusterMember, Description, Figures, HealthCheck, HeldLock, HotKey, MemberLag,
    Role, Sample, ShardDescription, ShardFigures, ShardGroup,
};

fn node(number: u8) -> NodeId {
    NodeId([number; 16])
}

/// A second with so many reads, and half as many writes.
pub(super) fn sample(number: u64, reads: u64) -> Sample {
    let class = |count: u64, us: u64| ClassSample {
        count,
        p50: (count > 0).then(|| Duration::from_micros(us / 2)),
        p99: (count > 0).then(|| Duration::from_micros(us)),
    };
    Sample {
        number,
        lasted: Duration::from_secs(1),
        reads: class(reads, 250),
        writes: class(reads / 2, 4_000),
        locks: class(0, 0),
        errors: 0,
        fsyncs: 40,
        fsync_p99: Some(Duration::from_millis(3)),
        log_bytes: 10_000,
        cpu: Duration::from_millis(420),
        resident_bytes: Some(150 << 20),
        watch_events: 0,
    }
}

/// One of three members; the first leads. All have the shard 100 of one cluster.
pub(super) fn member(number: u8) -> Figures {
    let name = |number: u8| format!("node-{number}");
    let group = ShardGroup {
        role: if number == 1 {
            Role::Leader
        } else {
            Role::Follower
        },
        term: 7,
        leader: Some(node(1)),
        unled_because: None,
        last_index: LogIndex(120),
        committed_index: LogIndex(118),
        lags: match number {
            1 => vec![lag(2, 0, Some(30)), lag(3, 1_234, Some(9_000))],
            _ => Vec::new(),
        },
    };
    Figures {
        node: Description {
            endpoint: format!("127.0.0.1:808{number}"),
            node: node(number),
            name: name(number),
            version: "0.1.0".to_owned(),
            uptime: Duration::from_secs(90),
            addresses: vec![format!("127.0.0.1:808{number}")],
            shards: Vec::new(),
            read_only_because: None,
        },
        checks: vec![HealthCheck {
            name: "log".to_owned(),
            failed: None,
            remark: String::new(),
        }],
        samples: (1..=60).map(|second| sample(second, second * 10)).collect(),
        shards: vec![shard(group, u64::from(4 - number))],
        members: (1..=3)
            .map(|number| ClusterMember {
                node: node(number),
                name: name(number),
                peer_address: String::new(),
                client_address: format!("127.0.0.1:808{number}"),
                voter: true,
                wants_vote: false,
                leaving: false,
            })
            .collect(),
        locks: vec![held("job:1", 61_000)],
        locks_incomplete: false,
        connections: 5,
        sessions: 4,
        requests_in_flight: 1,
        log_bytes: 64 << 20,
        processors: 2,
    }
}

fn lag(number: u8, entries: u64, ms: Option<u64>) -> MemberLag {
    MemberLag {
        node: node(number),
        entries,
        answered_ago: ms.map(Duration::from_millis),
    }
}

fn held(name: &str, age_ms: u64) -> HeldLock {
    HeldLock {
        shard: ShardId(100),
        name: Bytes::copy_from_slice(name.as_bytes()),
        age: Duration::from_millis(age_ms),
        remaining: Some(Duration::from_secs(25)),
        waiters: 2,
    }
}

fn hot(key: &[u8], per_s: f64, reads: f64) -> HotKey {
    HotKey {
        key: Bytes::copy_from_slice(key),
        key_bytes: u32::try_from(key.len()).unwrap(),
        bucket: String::new(),
        is_lock: false,
        per_s,
        per_s_error: 0.0,
        reads,
    }
}

fn shard(group: ShardGroup, applied_index: u64) -> ShardFigures {
    ShardFigures {
        shard: ShardDescription {
            id: ShardId(100),
            kind: "dstore".to_owned(),
            engine: "redb".to_owned(),
            durability: "quorum".to_owned(),
            identity: node(9),
            revision: Revision(118_000),
            applied_index,
            state_hash: 0,
            keys: 1_234_567,
            locks: 1,
            sessions: 3,
            history_floor: Revision(1),
        },
        watches: 2,
        history_bytes: 0,
        engine_bytes: 0,
        read_only_because: None,
        group: Some(group),
        hot_keys: vec![hot(b"user:1", 90.0, 1.0), hot(b"user:2", 50.0, 0.0)],
    }
}

pub(super) fn heard(figures: Figures) -> Heard {
    Heard {
        address: figures.node.endpoint.clone(),
        name: Some(figures.node.name.clone()),
        answer: Ok(figures),
    }
}

fn silent(address: &str, why: &str) -> Heard {
    Heard {
        address: address.to_owned(),
        name: None,
        answer: Err(why.to_owned()),
    }
}

fn cluster() -> Vec<Heard> {
    (1..=3).map(|number| heard(member(number))).collect()
}
