//! Questions to addresses: who is there, and what is told when it is the wrong thing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::Server;

use super::world::{CLUSTER, Node, caller, id};
use crate::base::types::{ClusterId, NodeId};
use crate::base::{Error, ErrorKind, Result};
use crate::proto::peer::{HelloReply, JoinReply, JoinRequest};
use crate::raft::Member;
use crate::server::peer::{hello, join};

const PATIENCE: Duration = Duration::from_secs(30);

async fn ask(address: SocketAddr, to: Option<NodeId>) -> Result<HelloReply> {
    hello(&caller(1, None), &address.to_string(), to, PATIENCE).await
}

async fn ask_for_a_place(address: SocketAddr, caller_is: u8, member: u8) -> Result<JoinReply> {
    let from = caller(caller_is, None).identity();
    let wanted = Member {
        name: from.name.clone(),
        ..Member::default()
    };
    let request = JoinRequest {
        from: Some(from),
        member: Some(wanted.store(id(member))),
    };
    join(
        &caller(caller_is, None),
        &address.to_string(),
        request,
        PATIENCE,
    )
    .await
}

fn assert_says(error: &Error, kind: ErrorKind, words: &str) {
    assert!(
        error.kind() == kind && error.message().contains(words),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_node_says_who_it_is() {
    let bob = Node::start(2).await;
    for to in [None, Some(id(2))] {
        let reply = ask(bob.address, to).await.unwrap();
        let from = reply.from.unwrap();
        assert_eq!((&from.node[..], &from.name[..]), (&[2; 16][..], "node-2"));
        assert_eq!(from.cluster[..], CLUSTER.0);
        assert_eq!(reply.version, "1.2.3");
    }
    let other = ask(bob.address, Some(id(3))).await.unwrap_err();
    assert_says(&other, ErrorKind::Invalid, "not node 03030303-");
    let of_another = caller(1, Some(ClusterId([8; 16])));
    let other = hello(&of_another, &bob.address.to_string(), None, PATIENCE).await;
    assert_says(&other.unwrap_err(), ErrorKind::Invalid, "another cluster");
}

#[tokio::test]
async fn a_place_is_asked_for() {
    let bob = Node::start(2).await;
    assert!(ask_for_a_place(bob.address, 1, 1).await.unwrap().joined);
    let refused = ask_for_a_place(bob.address, 13, 13).await.unwrap_err();
    assert_says(&refused, ErrorKind::Unavailable, "no place for node-13");
    let for_another = ask_for_a_place(bob.address, 1, 5).await.unwrap_err();
    assert_says(&for_another, ErrorKind::Invalid, "a place of its own");
}

#[tokio::test]
async fn whatever_else_is_there_is_named() {
    let malformed = hello(&caller(1, None), "node-1", None, PATIENCE).await;
    assert_says(&malformed.unwrap_err(), ErrorKind::Invalid, "HOST:PORT");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let nobody = ask(address, None).await.unwrap_err();
    assert_says(&nobody, ErrorKind::Unavailable, "nobody listens at");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_routes(Routes::default());
    let serving = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let for_clients = ask(address, None).await.unwrap_err();
    assert_says(&for_clients, ErrorKind::Invalid, "is not a peer port");
    serving.abort();
}

#[tokio::test]
async fn a_server_of_another_protocol_and_a_silent_one_are_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 64];
        let _ = stream.read(&mut bytes).await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    });
    let other = ask(address, None).await.unwrap_err();
    assert_says(
        &other,
        ErrorKind::Timeout,
        "is that the --peer-listen of a node, and do both speak TLS",
    );
    serving.await.unwrap();

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let within = Duration::from_millis(50);
    let asked = hello(&caller(1, None), &address, None, within).await;
    assert_says(&asked.unwrap_err(), ErrorKind::Timeout, "within 50 ms");
}
