//! Other members' answers about their states, and their questions.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

use super::*;
use crate::base::host::{Spawn, ThreadSpawn};
use crate::base::types::ShardId;
use crate::base::{Error, ErrorKind};
use crate::raft::calls::failure;
use crate::raft::log::tests::{TestReplica, running_log};
use crate::raft::{GroupOptions, Hub, Member, Peer, PeerTransport, Replica};

const ALICE: NodeId = NodeId([1; 16]);
const BOB: NodeId = NodeId([2; 16]);
const SHARD: ShardId = ShardId(7);
const LIMIT: Duration = Duration::from_millis(100);

/// Answers every request with the same, or not at all, and keeps what it was sent.
#[derive(Default)]
struct Scripted {
    peer: Mutex<Option<Arc<dyn Peer>>>,
    answer: Mutex<Option<Body>>,
    sent: Mutex<Vec<peer::Frame>>,
}

impl PeerTransport for Scripted {
    fn send(&self, to: NodeId, lane: Lane, frame: Bytes) {
        let frame = peer::Frame::decode(frame).unwrap();
        self.sent.lock().push(frame.clone());
        let (peer, answer) = (self.peer.lock().clone(), self.answer.lock().clone());
        if let (Some(peer), Some(body)) = (peer, answer) {
            let body = Some(body);
            let answer = peer::Frame { body, ..frame };
            tokio::spawn(async move { peer.receive(to, lane, answer.encode_to_vec().into()) });
        }
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        *self.peer.lock() = Some(peer);
    }
}

impl Scripted {
    /// What this node answers to a request of that member.
    fn answer_to(&self, from: NodeId, body: Body) -> Body {
        self.sent.lock().clear();
        let frame = peer::Frame {
            group: SHARD.0,
            id: 5,
            body: Some(body),
        };
        let peer = self.peer.lock().clone().unwrap();
        peer.receive(from, Lane::Heartbeat, frame.encode_to_vec().into());
        let sent = std::mem::take(&mut *self.sent.lock());
        let answer = sent.into_iter().find(|frame| frame.id == 5);
        answer.expect("it answers at once").body.unwrap()
    }
}

/// A group of one, which leads.
async fn leader() -> (Arc<Scripted>, Arc<TestReplica>, Group) {
    let transport = Arc::new(Scripted::default());
    let threads: Arc<dyn Spawn> = Arc::new(ThreadSpawn);
    let hub = Hub::new(&(transport.clone() as Arc<dyn PeerTransport>), &threads);
    let replica = TestReplica::in_memory();
    let options = GroupOptions {
        seed: 1,
        shard: SHARD,
        node: ALICE,
        heartbeat: Duration::from_millis(50),
        election_timeout: Duration::from_millis(200),
    };
    let log = running_log(1 << 20);
    let group = Group::start(options, log, replica.clone(), &hub)
        .await
        .unwrap();
    let founders = [(ALICE, Member::default())].into();
    group.found(founders).await.unwrap();
    while group.leads().is_none() {
        group.changes().next().await;
    }
    (transport, replica, group)
}

fn hash_reply(index: u64, hash: Option<u64>) -> Body {
    Body::StateHashReply(peer::StateHashReply { index, hash })
}

fn kind_of(answer: &Body) -> Option<ErrorKind> {
    let Body::Failure(failure) = answer else {
        return None;
    };
    let number = usize::try_from(failure.kind).unwrap();
    Some(ErrorKind::ALL[number - 1])
}

#[tokio::test]
async fn only_an_answer_to_the_question_counts() {
    let (transport, _replica, group) = leader().await;
    let other_version = Error::invalid("this node does not know such a request: upgrade it");
    let starting = Error::unavailable("shard 7 does not run here (yet)");
    let diverged_reply = || Body::DivergedReply(peer::DivergedReply { stops: true });
    let table = [
        (Some(hash_reply(9, Some(77))), Some(77), false),
        (Some(hash_reply(9, None)), None, false),
        (Some(hash_reply(8, Some(77))), None, false),
        (Some(failure(&other_version)), None, false),
        (Some(failure(&starting)), None, false),
        (Some(diverged_reply()), None, true),
        (None, None, false),
    ];
    for (answer, hash, stops) in table {
        *transport.answer.lock() = answer.clone();
        let told = group.state_hash_of(BOB, LogIndex(9), LIMIT).await;
        assert_eq!(told, hash, "{answer:?}");
        let told = group.tell_diverged(BOB, LogIndex(9), 1, LIMIT).await;
        assert_eq!(told, stops, "{answer:?}");
    }
    group.stop().await;
}

#[tokio::test]
async fn a_member_tells_what_it_knows_and_refuses_what_cannot_be() {
    let (transport, replica, group) = leader().await;
    let applied = replica.applied().0;
    let ask = |index| {
        let body = Body::StateHash(peer::StateHash { index });
        transport.answer_to(BOB, body)
    };
    let hash = replica.state_hash_at(LogIndex(applied));
    assert!(hash.is_some());
    assert_eq!(ask(applied), hash_reply(applied, hash));
    assert_eq!(ask(applied + 1), hash_reply(applied + 1, None));
    for index in [0, (1 << 62) + 1, u64::MAX] {
        assert_eq!(kind_of(&ask(index)), Some(ErrorKind::Invalid), "{index}");
    }
    group.stop().await;
}

#[tokio::test]
async fn only_the_leaders_word_stops_a_member_and_only_if_it_is_true() {
    let (transport, replica, group) = leader().await;
    let applied = replica.applied().0;
    let hash = replica.state_hash_at(LogIndex(applied)).unwrap();
    let tell = |from, index, hash| {
        let body = Body::Diverged(peer::Diverged { index, hash });
        transport.answer_to(from, body)
    };
    let stops = |stops| Body::DivergedReply(peer::DivergedReply { stops });
    let refused = tell(BOB, applied, hash + 1);
    assert_eq!(kind_of(&refused), Some(ErrorKind::NotLeader));
    let refused = tell(ALICE, 0, hash + 1);
    assert_eq!(kind_of(&refused), Some(ErrorKind::Invalid));
    assert_eq!(tell(ALICE, applied, hash), stops(false));
    assert_eq!(tell(ALICE, applied + 9, hash + 1), stops(false));
    assert!(!replica.has_diverged(), "it was told nothing true so far");
    assert_eq!(tell(ALICE, applied, hash + 1), stops(true));
    assert!(replica.has_diverged());
    group.stop().await;
}
