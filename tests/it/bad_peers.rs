//! Clients that do not play by the rules: garbage on the port, connections that say nothing,
//! a reader that never reads. The server stays up, answers others, and stays small.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use dkv::{Client, ClientOptions};

use crate::harness::Node;

/// The first bytes of an HTTP/2 connection.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[test]
fn garbage_on_the_port_harms_nobody() {
    let mut node = Node::start();
    let mut noise: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise.to_le_bytes()
    };
    for round in 0..40 {
        let mut stream = TcpStream::connect(node.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let bytes: Vec<u8> = (0..512).flat_map(|_| random()).collect();
        let garbage = match round % 4 {
            0 => bytes,
            1 => [PREFACE, &bytes].concat(),
            2 => b"GET / HTTP/1.1\r\nHost: dkv\r\n\r\n".to_vec(),
            // A frame that claims to be as long as a frame can be, and never comes.
            _ => [PREFACE, &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat(),
        };
        // The server may hang up at any point of it.
        let _ = stream.write_all(&garbage);
        let _ = stream.read(&mut [0; 64]);
    }
    node.assert_healthy();
}

#[test]
fn connections_that_say_nothing_keep_nobody_out() {
    let mut node = Node::start();
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(node.address()).unwrap())
        .collect();
    node.assert_healthy();
    drop(silent);
    node.assert_healthy();
}

/// Asks for the same large values again and again and reads no answer.
#[test]
fn a_client_that_never_reads_costs_bounded_memory() {
    let mut node = Node::start();
    let value = vec![b'v'; 1 << 20];
    for i in 0..4 {
        node.dkv_with_input(&["kv", "set", &format!("large:{i}"), "-"], &value)
            .exits(0);
    }
    let before = node.resident_bytes();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let address = node.address().to_owned();
    let stuck = runtime.block_on(never_read(&address));
    // It is full once nothing more is taken: other clients are served all the while.
    for _ in 0..10 {
        node.assert_healthy();
    }
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(
        grown < 256 << 20,
        "{} MiB for one client that never reads",
        grown >> 20
    );
    drop(stuck);
    runtime.shutdown_background();
    node.assert_healthy();
}

/// Opens a session, sends 4,000 reads of a MiB each, and holds the stream without reading it.
async fn never_read(address: &str) -> Box<dyn std::any::Any> {
    use dkv::proto::v1::session_client::SessionClient;
    use dkv::proto::v1::{GetRequest, RequestFrame, Requests, request_frame::Request};

    let mut client = SessionClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let replies = client.open(stream).await.unwrap();
    for id in 1..=4_000_u64 {
        let get = GetRequest {
            key: format!("large:{}", id % 4).into(),
            ..GetRequest::default()
        };
        let frame = RequestFrame {
            id,
            request: Some(Request::Get(get)),
            ..RequestFrame::default()
        };
        let requests = Requests {
            frames: vec![frame],
        };
        // Once the server stops reading, sending stops: that is the point.
        let sent = tokio::time::timeout(Duration::from_secs(2), sender.send(requests)).await;
        if sent.is_err() {
            break;
        }
    }
    Box::new((replies, sender))
}

/// Idle connections took every file descriptor: the node span on a core, and stopped at its
/// next checkpoint with "Too many open files".
#[tokio::test]
async fn connections_leave_a_node_the_files_that_it_needs() {
    let arguments = ["--snapshot-entries", "10"];
    let mut node = Node::start_with_open_files(64, &arguments);
    let client = Client::connect(ClientOptions::to(node.address())).await;
    let client = client.unwrap();
    client.set("before", "value").await.unwrap();
    let idle: Vec<_> = (0..80)
        .map(|_| TcpStream::connect(node.address()).unwrap())
        .collect();
    for i in 0..300 {
        client.set(format!("key:{i}"), "value").await.unwrap();
    }
    drop(idle);
    node.assert_healthy();
    assert!(
        node.said().contains("no more connections can be open"),
        "{}",
        node.said()
    );
}
