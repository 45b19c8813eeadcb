//! Frames that nobody would send.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Rng, SeededRng, ThreadSpawn};
use crate::base::types::{LogIndex, ShardId};
use crate::proto::storage;
use crate::raft::log::tests::{TestReplica, running_log, running_log_on};
use crate::raft::{Change, Group, GroupOptions, Member, Role};

const ALICE: NodeId = NodeId([1; 16]);
const MALLORY: NodeId = NodeId([9; 16]);

/// Hears its own name only.
#[derive(Default)]
struct Deaf {
    peer: parking_lot::Mutex<Option<Arc<dyn Peer>>>,
    sent: parking_lot::Mutex<Vec<Bytes>>,
}

impl PeerTransport for Deaf {
    fn send(&self, _to: NodeId, _lane: Lane, frame: Bytes) {
        self.sent.lock().push(frame);
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        *self.peer.lock() = Some(peer);
    }
}

/// Numbers at which something may overflow.
fn number(rng: &SeededRng) -> u64 {
    let numbers = [0, 1, 2, 3, 1 << 40, 1 << 62, u64::MAX - 1, u64::MAX];
    numbers[rng.below(numbers.len() as u64) as usize]
}

fn id(rng: &SeededRng) -> Option<storage::LogId> {
    (rng.below(4) > 0).then(|| storage::LogId {
        term: number(rng),
        index: number(rng),
    })
}

fn vote(rng: &SeededRng) -> Option<storage::Vote> {
    (rng.below(8) > 0).then(|| storage::Vote {
        // No higher than the group's own: it must go on after all this.
        term: 0,
        node: vec![9; if rng.below(8) > 0 { 16 } else { 5 }].into(),
        committed: rng.below(2) == 0,
    })
}

fn body(rng: &SeededRng) -> Body {
    match rng.below(12) {
        0..=2 => Body::Append(peer::Append {
            session: number(rng),
            vote: vote(rng),
            prev: id(rng),
            entries: vec![Bytes::from_static(&[0x08, 0x00, 0x10, 0x01]); rng.below(3) as usize],
            committed: id(rng),
        }),
        3 => Body::Vote(peer::Vote {
            vote: vote(rng),
            last: id(rng),
            pre: rng.below(2) == 0,
            transfer: false,
        }),
        4 => Body::Transfer(peer::TransferLeader {
            from: vote(rng),
            to: vec![1; rng.below(20) as usize].into(),
            last: id(rng),
        }),
        5 => Body::ReadIndex(peer::ReadIndex {}),
        6 => Body::Forward(peer::Forward {
            commands: vec![storage::Command::default(); rng.below(3) as usize],
            budget_ms: number(rng),
        }),
        7 => Body::SnapshotChunk(peer::SnapshotChunk {
            last: id(rng),
            number: number(rng),
            vote: vote(rng),
            ..peer::SnapshotChunk::default()
        }),
        8 => Body::StateHash(peer::StateHash { index: number(rng) }),
        9 => Body::StateHashReply(peer::StateHashReply {
            index: number(rng),
            hash: Some(number(rng)),
        }),
        10 => Body::Diverged(peer::Diverged {
            index: number(rng),
            hash: number(rng),
        }),
        _ => Body::Failure(peer::Failure {
            kind: number(rng) as u32,
            message: String::new(),
        }),
    }
}

fn threads() -> Arc<dyn Spawn> {
    Arc::new(ThreadSpawn)
}

/// Random bytes, frames that are damaged, and frames that say what cannot be. None of it
/// panics, and the group goes on.
#[tokio::test]
async fn no_frame_stops_a_node() {
    let transport = Arc::new(Deaf::default());
    let hub = Hub::new(&(transport.clone() as Arc<dyn PeerTransport>), &threads());
    let replica = TestReplica::in_memory();
    let options = GroupOptions {
        seed: 1,
        shard: ShardId(7),
        node: ALICE,
        heartbeat: Duration::from_millis(50),
        election_timeout: Duration::from_millis(200),
    };
    let log = running_log(1 << 20);
    let group = Group::start(options, log, replica.clone(), &hub)
        .await
        .unwrap();
    group
        .found([(ALICE, Member::default())].into())
        .await
        .unwrap();
    while group.leads().is_none() {
        group.changes().next().await;
    }
    let receiver = transport.peer.lock().clone().unwrap();
    let rng = SeededRng::new(3);
    for round in 0..6_000 {
        let frame = peer::Frame {
            group: if rng.below(8) > 0 { 7 } else { 8 },
            id: number(&rng),
            body: Some(body(&rng)),
        };
        let mut bytes = frame.encode_to_vec();
        match rng.below(4) {
            0 => {
                bytes = vec![0; rng.below(64) as usize];
                rng.fill(&mut bytes);
            }
            1 => {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes.truncate(at);
            }
            _ => {}
        }
        let lane = [Lane::Data, Lane::Heartbeat, Lane::Snapshot][round % 3];
        receiver.receive(MALLORY, lane, bytes.into());
        if round % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let answers = transport.sent.lock().len();
    assert!(answers > 1_000, "the test must bite: {answers}");
    let index = tokio::time::timeout(Duration::from_secs(20), group.read_index()).await;
    assert!(index.unwrap().unwrap() <= replica.applied());
    assert!(!replica.has_diverged(), "a stranger's word was believed");
    group.stop().await;
}

/// Answers whatever it is asked with what nobody would say.
struct Liar {
    rng: SeededRng,
    peer: parking_lot::Mutex<Option<Arc<dyn Peer>>>,
    told: std::sync::atomic::AtomicU64,
}

impl Liar {
    fn answer(&self, to: Body) -> Option<Body> {
        use peer::append_reply::Result as Appended;
        let rng = &self.rng;
        // Sometimes of the other kind, too.
        match (to, rng.below(10)) {
            (Body::Append(_), 1..) => {
                let result = match rng.below(3) {
                    0 => Some(Appended::Matched(id(rng).unwrap_or_default())),
                    1 => Some(Appended::Conflict(id(rng).unwrap_or_default())),
                    _ => vote(rng).map(Appended::HigherVote),
                };
                Some(Body::AppendReply(peer::AppendReply { result }))
            }
            (Body::Vote(_), _) | (Body::Append(_), 0) => Some(Body::VoteReply(peer::VoteReply {
                vote: vote(rng),
                granted: rng.below(2) == 0,
                last: id(rng),
            })),
            (Body::SnapshotOpen(_) | Body::SnapshotChunk(_), _) => {
                Some(Body::SnapshotReply(peer::SnapshotReply {
                    chunks: number(rng),
                    vote: vote(rng),
                }))
            }
            _ => None,
        }
    }
}

impl PeerTransport for Liar {
    fn send(&self, to: NodeId, lane: Lane, frame: Bytes) {
        let peer::Frame { group, id, body } = peer::Frame::decode(frame).unwrap();
        let Some(body) = body.and_then(|body| self.answer(body)) else {
            return;
        };
        self.told.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let body = Some(body);
        let bytes = peer::Frame { group, id, body }.encode_to_vec().into();
        let peer = self.peer.lock().clone().unwrap();
        tokio::spawn(async move { peer.receive(to, lane, bytes) });
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        *self.peer.lock() = Some(peer);
    }
}

/// A member that answers with positions that cannot be, or that it was never sent, is as
/// one that does not answer: the group goes on without it, and believes nothing of it.
#[tokio::test]
async fn no_answer_stops_a_leader() {
    for seed in 0..4 {
        let transport = Arc::new(Liar {
            rng: SeededRng::new(seed),
            peer: parking_lot::Mutex::default(),
            told: std::sync::atomic::AtomicU64::new(0),
        });
        let hub = Hub::new(&(transport.clone() as Arc<dyn PeerTransport>), &threads());
        let options = GroupOptions {
            seed,
            shard: ShardId(7),
            node: ALICE,
            heartbeat: Duration::from_millis(5),
            election_timeout: Duration::from_millis(50),
        };
        let replica = TestReplica::in_memory();
        let group = Group::start(options, running_log(1 << 20), replica, &hub)
            .await
            .unwrap();
        group
            .found([(ALICE, Member::default())].into())
            .await
            .unwrap();
        while group.leads().is_none() {
            group.changes().next().await;
        }
        let add = Change::Add(MALLORY, Member::default());
        group.change(add).await.unwrap();
        let told = || transport.told.load(std::sync::atomic::Ordering::SeqCst);
        while told() < 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(group.failure().map(|it| it.to_string()), None);
        let status = group.status();
        let index = group.read_index().await.unwrap();
        assert!(index >= LogIndex(2), "the membership is an entry: {index}");
        assert!(
            status
                .matched
                .get(&MALLORY)
                .is_none_or(|it| *it <= status.last),
            "{status:?}"
        );
        group.stop().await;
    }
}

/// It showed itself as the leader, without a majority and beside the real one, until
/// somebody was elected.
#[tokio::test]
async fn a_restarted_leader_does_not_lead_before_it_is_elected_again() {
    let disk = SimDisk::new(Arc::new(SeededRng::new(1)));
    let options = |election_timeout| GroupOptions {
        seed: 1,
        shard: ShardId(7),
        node: ALICE,
        heartbeat: Duration::from_millis(10),
        election_timeout,
    };
    let log = || running_log_on(&disk, &Arc::default(), 1 << 20);
    let hub = Hub::new(
        &(Arc::new(Deaf::default()) as Arc<dyn PeerTransport>),
        &threads(),
    );
    let replica = TestReplica::in_memory();
    let soon = options(Duration::from_millis(50));
    let group = Group::start(soon, log(), replica.clone(), &hub)
        .await
        .unwrap();
    group
        .found([(ALICE, Member::default())].into())
        .await
        .unwrap();
    while group.leads().is_none() {
        group.changes().next().await;
    }
    assert_eq!(group.status().leader, Some(ALICE));
    let term = group.term();
    group.stop().await;
    drop(group);
    let late = options(Duration::from_secs(60));
    let group = Group::start(late, log(), replica, &hub).await.unwrap();
    // What it remembers of its vote is shown a moment later.
    let mut status = group.status();
    while status.term < term {
        tokio::time::sleep(Duration::from_millis(1)).await;
        status = group.status();
    }
    assert_eq!((status.term, status.leader), (term, None), "{status:?}");
    assert_ne!(status.role, Role::Leader);
    group.stop().await;
}
