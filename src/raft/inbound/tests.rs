//! A follower that cannot take what it is sent.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use super::*;
use crate::base::ErrorKind;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{ManualClock, SeededRng, Spawn, ThreadSpawn};
use crate::base::types::ShardId;
use crate::proto::storage;
use crate::raft::log::tests::{TestReplica, running_log_on};
use crate::raft::{Group, GroupOptions, Hub, Peer, PeerTransport};

const ALICE: NodeId = NodeId([1; 16]);
const BOB: NodeId = NodeId([2; 16]);
const CAROL: NodeId = NodeId([3; 16]);

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Keeps what alice answers.
#[derive(Default)]
struct Ear {
    peer: Mutex<Option<Arc<dyn Peer>>>,
    answers: Mutex<HashMap<u64, Body>>,
}

impl PeerTransport for Ear {
    fn send(&self, _to: NodeId, _lane: Lane, frame: Bytes) {
        let frame = peer::Frame::decode(frame).unwrap();
        self.answers.lock().insert(frame.id, frame.body.unwrap());
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        *self.peer.lock() = Some(peer);
    }
}

impl Ear {
    async fn ask(&self, from: NodeId, lane: Lane, id: u64, body: Body) -> Body {
        let frame = peer::Frame {
            group: 7,
            id,
            body: Some(body),
        };
        let peer = self.peer.lock().clone().unwrap();
        peer.receive(from, lane, frame.encode_to_vec().into());
        let answered = async {
            loop {
                if let Some(body) = self.answers.lock().remove(&id) {
                    return body;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, answered).await;
        answer.unwrap_or_else(|_| panic!("request {id} got no answer"))
    }
}

fn vote(node: NodeId, term: u64, committed: bool) -> Option<storage::Vote> {
    Some(storage::Vote {
        term,
        node: Bytes::copy_from_slice(&node.0),
        committed,
    })
}

/// Bob's entry with this index, or none: a sign of life.
fn append(index: u64, entry: Option<usize>) -> Body {
    let entry = entry.map(|bytes| storage::RaftEntry {
        term: 1,
        payload: Some(storage::raft_entry::Payload::Entry(vec![1; bytes].into())),
    });
    Body::Append(peer::Append {
        session: 1,
        vote: vote(BOB, 1, true),
        prev: Some(storage::LogId {
            term: u64::from(index > 1),
            index: index - 1,
        }),
        entries: entry.iter().map(|it| it.encode_to_vec().into()).collect(),
        committed: None,
    })
}

fn candidacy(term: u64) -> Body {
    Body::Vote(peer::Vote {
        vote: vote(CAROL, term, false),
        last: Some(storage::LogId {
            term: 1,
            index: 1 << 40,
        }),
        pre: false,
        transfer: true,
    })
}

/// It once held its whole group up, until there was room: it neither voted nor heard that
/// its leader lived.
#[tokio::test]
async fn a_full_disk_refuses_entries_and_neither_votes_nor_signs_of_life() {
    let disk = SimDisk::new(Arc::new(SeededRng::new(1)));
    disk.set_capacity_bytes(Some(6 * (16 << 10)));
    let clock = Arc::new(ManualClock::default());
    let log = running_log_on(&disk, &clock, 1 << 20);
    let ear = Arc::new(Ear::default());
    let threads: Arc<dyn Spawn> = Arc::new(ThreadSpawn);
    let hub = Hub::new(&(ear.clone() as Arc<dyn PeerTransport>), &threads);
    let options = GroupOptions {
        seed: 1,
        shard: ShardId(7),
        node: ALICE,
        heartbeat: Duration::from_millis(50),
        election_timeout: Duration::from_secs(1),
    };
    let group = Group::start(options, log, TestReplica::in_memory(), &hub)
        .await
        .unwrap();
    let mut index = 0;
    let refused = loop {
        // Several are on their way when the disk is found to be full.
        let some = (0..4).map(|_| {
            index += 1;
            ear.ask(BOB, Lane::Data, index, append(index, Some(1_000)))
        });
        let answers = futures_util::future::join_all(some).await;
        match answers.into_iter().next() {
            Some(Body::AppendReply(_)) => assert!(index < 1_000, "the disk never fills up"),
            Some(Body::Failure(refused)) => break refused,
            other => panic!("{other:?}"),
        }
    };
    let kind = ErrorKind::ALL[refused.kind as usize - 1];
    assert_eq!(kind, ErrorKind::LimitExceeded, "{}", refused.message);
    assert!(
        refused.message.contains("free 16384 bytes"),
        "{}",
        refused.message
    );
    for round in 0..3 {
        let life = ear.ask(BOB, Lane::Heartbeat, 2_000 + round, append(index, None));
        assert!(matches!(life.await, Body::AppendReply(_)));
    }
    let voted = ear.ask(CAROL, Lane::Heartbeat, 3_000, candidacy(5)).await;
    let Body::VoteReply(voted) = voted else {
        panic!("{voted:?}");
    };
    assert!(voted.granted, "{voted:?}");
    group.stop().await;
}
