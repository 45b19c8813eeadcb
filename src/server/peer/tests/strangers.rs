//! Callers that are refused: the wrong ones, the removed ones, copies, and garbage.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::world::{CLUSTER, Node, caller, ends, id, until};
use crate::base::limits;
use crate::base::types::{ClusterId, NodeId};
use crate::proto::peer::peer_client::PeerClient;
use crate::proto::peer::{LinkHello, LinkMessage, LinkReply};
use crate::raft::Lane;

fn greeting(from: u8, cluster: u8, to: NodeId, incarnation: u64) -> LinkMessage {
    LinkMessage {
        hello: Some(LinkHello {
            from: Some(caller(from, Some(ClusterId([cluster; 16]))).identity()),
            to: Bytes::copy_from_slice(&to.0),
            lane: 0,
            incarnation,
        }),
        frames: vec![Bytes::from_static(b"first")],
    }
}

async fn client(address: SocketAddr) -> PeerClient<Channel> {
    let client = PeerClient::connect(format!("http://{address}")).await;
    client.unwrap()
}

/// Opens a link with these messages, and leaves it open.
async fn link(
    address: SocketAddr,
    messages: Vec<LinkMessage>,
) -> Result<Streaming<LinkReply>, Status> {
    let messages = stream::iter(messages).chain(stream::pending());
    let accepted = client(address).await.link(messages).await?;
    Ok(accepted.into_inner())
}

async fn refusal(address: SocketAddr, messages: Vec<LinkMessage>) -> (Code, String) {
    let status = match ends(link(address, messages)).await {
        Err(status) => status,
        Ok(mut replies) => ends(replies.message()).await.unwrap_err(),
    };
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn who_calls_the_wrong_node_is_told_who_is_there() {
    let bob = Node::start(2).await;
    let (code, message) = refusal(bob.address, vec![greeting(1, 9, id(3), 1)]).await;
    assert_eq!(code, Code::FailedPrecondition);
    let here = format!("the address {} belongs to another node now", bob.address);
    let words = [
        "this is node-2 (02020202-",
        "not node 03030303-",
        here.as_str(),
    ];
    assert!(words.iter().all(|word| message.contains(word)), "{message}");

    let (code, message) = refusal(bob.address, vec![greeting(1, 8, id(2), 1)]).await;
    assert_eq!(code, Code::FailedPrecondition);
    assert!(message.contains("belongs to another cluster"), "{message}");
    assert_eq!(bob.heard.count(), 0);
}

#[tokio::test]
async fn who_is_removed_is_not_heard_any_more() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    bob.removed.lock().push(id(1));
    alice.send(2, Lane::Data, "no member says this");
    until("the link is over", || !alice.is_linked(2)).await;
    let (code, message) = refusal(bob.address, vec![greeting(1, 9, id(2), 1)]).await;
    assert_eq!(code, Code::FailedPrecondition);
    assert!(message.contains("node-1 (01010101-"), "{message}");
    assert!(
        message.contains("not a member of this cluster (any more)"),
        "{message}"
    );
    assert_eq!(bob.heard.count(), 0);
}

#[tokio::test]
async fn a_copy_of_a_node_that_lives_is_refused() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    let (code, message) = refusal(bob.address, vec![greeting(1, 9, id(2), 77)]).await;
    assert_eq!(code, Code::FailedPrecondition, "{message}");
    assert!(
        message.contains("was the data directory copied?"),
        "{message}"
    );
    alice.send(2, Lane::Data, "the first one stays");
    until("it is heard", || bob.heard.count() == 1).await;
}

#[tokio::test]
async fn a_newer_link_of_the_same_process_replaces_the_older() {
    let bob = Node::start(2).await;
    let mut older = link(bob.address, vec![greeting(1, 9, id(2), 5)])
        .await
        .unwrap();
    let _newer = link(bob.address, vec![greeting(1, 9, id(2), 5)])
        .await
        .unwrap();
    let ended = ends(older.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Aborted, "{ended}");
    assert_eq!(bob.heard.of(1, Lane::Data), ["first", "first"]);
}

#[tokio::test]
async fn a_link_without_a_greeting_is_refused() {
    let bob = Node::start(2).await;
    let frames = LinkMessage {
        hello: None,
        frames: vec![Bytes::from_static(b"frame")],
    };
    let (code, message) = refusal(bob.address, vec![frames]).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    let (code, message) = refusal(bob.address, vec![]).await;
    assert_eq!(code, Code::DeadlineExceeded, "{message}");
    let nothing = client(bob.address).await.link(stream::empty()).await;
    assert_eq!(nothing.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(bob.heard.count(), 0);
}

#[tokio::test]
async fn a_huge_message_and_too_many_frames_end_the_link() {
    let bob = Node::start(2).await;
    let huge = LinkMessage {
        hello: None,
        frames: vec![Bytes::from(vec![0; limits::PEER_MESSAGE_BYTES_MAX])],
    };
    let many = LinkMessage {
        hello: None,
        frames: vec![Bytes::new(); 100_000],
    };
    for (bad, code) in [(huge, Code::OutOfRange), (many, Code::ResourceExhausted)] {
        let messages = vec![greeting(1, 9, id(2), 1), bad];
        let (ended, message) = refusal(bob.address, messages).await;
        assert_eq!(ended, code, "{message}");
    }
    until("the greetings are heard", || bob.heard.count() == 2).await;
}

#[tokio::test]
async fn garbage_harms_nobody() {
    let (alice, bob) = (Node::start(1).await, Node::start(2).await);
    let garbage: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        &[0xff; 4_096],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand then nonsense, nonsense, nonsense",
        b"",
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(bob.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        // It may answer what it likes, but it ends.
        let _ = ends(stream.read_to_end(&mut Vec::new())).await;
    }
    alice.calls(&[(2, bob.address)]);
    alice.linked(2).await;
    alice.send(2, Lane::Data, "sense");
    until("sense is heard", || bob.heard.count() == 1).await;
    assert_eq!(alice.links.myself().cluster(), Some(CLUSTER));
}
