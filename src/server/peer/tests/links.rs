//! Links among friends: order, loss, restarts, moves.

use bytes::Bytes;

use super::world::{CLUSTER, Node, callee, ends, id, until};
use crate::base::limits;
use crate::raft::Lane;
use crate::server::peer::lane::LANES;
use crate::server::peer::{LaneFigures, PeerServer};

#[tokio::test]
async fn frames_of_a_lane_come_once_in_order_and_unchanged() {
    let nodes = [
        Node::start(1).await,
        Node::start(2).await,
        Node::start(3).await,
    ];
    let book = [1, 2, 3].map(|node| (node, nodes[usize::from(node) - 1].address));
    for node in &nodes {
        node.calls(&book);
    }
    for (from, to) in [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] {
        nodes[from - 1].linked(to).await;
    }
    // All of it fits into the smallest queue, whether the network is quick or not.
    let frame = |number: u32| {
        let is_large = number.is_multiple_of(1_000);
        let length = if is_large {
            2 << 20
        } else {
            number as usize % 900
        };
        let mut frame = vec![7; length];
        frame.extend(number.to_le_bytes());
        Bytes::from(frame)
    };
    let heartbeat = |number: u32| Bytes::copy_from_slice(&number.to_le_bytes());
    for number in 1..5_000 {
        nodes[0].send(2, Lane::Data, frame(number));
        nodes[0].send(2, Lane::Snapshot, frame(number));
        nodes[0].send(2, Lane::Heartbeat, heartbeat(number));
        nodes[2].send(2, Lane::Data, frame(number));
    }
    let heard = &nodes[1].heard;
    let expected: Vec<_> = (1..5_000).map(frame).collect();
    let heartbeats: Vec<_> = (1..5_000).map(heartbeat).collect();
    for (from, lane) in LANES
        .map(|lane| (1, lane))
        .into_iter()
        .chain([(3, Lane::Data)])
    {
        let expected = match lane {
            Lane::Heartbeat => &heartbeats,
            _ => &expected,
        };
        until("all frames came", || {
            heard.of(from, lane).len() == expected.len()
        })
        .await;
        assert!(heard.of(from, lane) == *expected, "{from} {lane:?}");
    }
    let figures = nodes[0].links.figures();
    let data: &LaneFigures = &figures[0].lanes[0];
    assert_eq!(
        (figures[0].node, data.lane, data.frames_sent),
        (id(2), "data", 4_999)
    );
    assert_eq!((data.frames_dropped, data.reconnects), (0, 0));
    let sent: usize = expected.iter().map(Bytes::len).sum();
    assert_eq!(data.bytes_sent, sent as u64);
    let theirs = nodes[1].links.figures();
    assert_eq!(theirs[0].lanes[0].frames_received, 4_999);
    assert_eq!(theirs[0].lanes[0].bytes_received, sent as u64);
}

#[tokio::test]
async fn frames_flow_again_when_a_killed_peer_is_back_and_none_was_hoarded() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    let address = bob.address;
    alice.calls(&[(2, address)]);
    alice.linked(2).await;
    alice.send(2, Lane::Data, "before");
    until("a frame came", || bob.heard.count() == 1).await;
    bob.kill().await;
    let lanes_are_down = || {
        let lanes = &alice.links.figures()[0].lanes;
        lanes.iter().all(|lane| !lane.is_connected)
    };
    until("the link is down", lanes_are_down).await;
    for _ in 0..100 {
        alice.send(2, Lane::Data, "while it is down");
        alice.send(2, Lane::Heartbeat, "while it is down");
    }
    let bob = Node::start_at(2, address, Some(CLUSTER)).await;
    alice.linked(2).await;
    alice.send(2, Lane::Data, "after");
    alice.send(2, Lane::Heartbeat, "after");
    until("frames come again", || bob.heard.count() == 2).await;
    assert_eq!(bob.heard.of(1, Lane::Data), ["after"]);
    let data = &alice.links.figures()[0].lanes[0];
    assert_eq!(
        (data.reconnects, data.frames_dropped, data.frames_sent),
        (1, 100, 2)
    );
}

#[tokio::test]
async fn a_caller_that_started_again_need_not_wait_for_its_former_self() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    alice.kill().await;
    let alice = Node::start(1).await;
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    alice.send(2, Lane::Snapshot, "again");
    until("it is heard", || bob.heard.count() == 1).await;
}

#[tokio::test]
async fn another_address_closes_the_old_link_and_opens_a_new_one() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    // The same node on another port, as after a move of its directory.
    let moved = Node::start(2).await;
    alice.calls(&[(2, moved.address)]);
    alice.linked(2).await;
    alice.send(2, Lane::Data, "here");
    until("the new address hears", || moved.heard.count() == 1).await;
    assert_eq!(bob.heard.count(), 0);
    assert_eq!(alice.links.figures()[0].address, moved.address.to_string());
    alice.calls(&[]);
    alice.send(2, Lane::Data, "to nobody");
    assert!(alice.links.figures().is_empty());
    moved.links.close();
    alice.calls(&[(2, moved.address)]);
    alice.linked(2).await;
    alice.send(2, Lane::Data, "nobody listens");
    let sent = || alice.links.figures()[0].lanes[0].frames_sent == 1;
    until("the frame is gone", sent).await;
    assert_eq!(moved.heard.count(), 1);
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_dropped_and_the_link_lives() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    let largest = Bytes::from(vec![1; limits::PEER_FRAME_BYTES_MAX]);
    alice.send(2, Lane::Data, vec![2; limits::PEER_FRAME_BYTES_MAX + 1]);
    alice.send(2, Lane::Data, largest.clone());
    alice.send(
        2,
        Lane::Heartbeat,
        vec![3; limits::PEER_HEARTBEAT_BYTES_MAX],
    );
    alice.send(2, Lane::Heartbeat, "small");
    until("what fits came", || bob.heard.count() == 2).await;
    assert!(bob.heard.of(1, Lane::Data) == [largest]);
    assert_eq!(bob.heard.of(1, Lane::Heartbeat), ["small"]);
    let dropped = alice.links.figures()[0]
        .lanes
        .each_ref()
        .map(|lane| lane.frames_dropped);
    assert_eq!(dropped, [1, 1, 0]);
    assert!(alice.is_linked(2));
}

#[tokio::test]
async fn nobody_is_called_before_there_is_a_cluster() {
    let alice = Node::start_at(1, "127.0.0.1:0".parse().unwrap(), None).await;
    let bob = Node::start(2).await;
    alice.calls(&[(1, alice.address), (2, bob.address)]);
    alice.send(2, Lane::Data, "too early");
    assert!(!alice.is_linked(2));
    assert_eq!(
        alice.links.figures().len(),
        1,
        "a node does not call itself"
    );
    alice.links.myself().enter(CLUSTER);
    alice.linked(2).await;
    assert_eq!(bob.heard.count(), 0);
}

#[tokio::test]
async fn an_address_that_is_none_is_named_and_the_others_are_called() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    let book = [
        (id(2), callee(2, &bob.address.to_string())),
        (id(3), callee(3, "node-3")),
    ];
    let error = alice.links.set_peers(book.into()).unwrap_err();
    assert!(error.message().contains("`node-3`"), "{error}");
    alice.linked(2).await;
}

#[tokio::test]
async fn a_port_ends_with_open_links_and_can_be_bound_again() {
    let (alice, mut bob) = (Node::start(1).await, Node::start(2).await);
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    let taken = PeerServer::bind(bob.address).await.err().unwrap();
    let words = format!("{} is in use by another process", bob.address);
    assert!(taken.message().contains(&words), "{taken}");
    assert!(taken.message().contains("--peer-listen"), "{taken}");
    bob.stop.send_replace(true);
    ends(&mut bob.serving).await.unwrap();
    until("the link is over", || !alice.is_linked(2)).await;
    assert!(PeerServer::bind(bob.address).await.is_ok());
    let elsewhere = PeerServer::bind("192.0.2.1:0".parse().unwrap()).await;
    let elsewhere = elsewhere.err().unwrap();
    assert!(
        elsewhere.message().contains("no address 192.0.2.1"),
        "{elsewhere}"
    );
}
