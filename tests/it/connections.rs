//! How many connections clients may have, and how fast each may ask.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dkv::proto::v1;
use dkv::{Client, ClientOptions};
use prost::Message;
use tonic::Code;

use crate::harness::cluster::until;
use crate::harness::{Node, PATIENCE, http, serve_fails};

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(node.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// True if a request is answered; false if the node hung up.
fn is_served(stream: &mut TcpStream) -> bool {
    // It may have hung up already.
    let _hung_up = stream.write_all(LIVEZ);
    let mut buffer = [0; 4096];
    stream.read(&mut buffer).is_ok_and(|read| read > 0)
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let node = Node::start_with(&["--max-connections-per-address", "2"]);
    until("there is room again", || {
        let (mut first, mut second) = (connect(&node), connect(&node));
        is_served(&mut first) && is_served(&mut second) && {
            assert!(!is_served(&mut connect(&node)), "a third one");
            assert!(!is_served(&mut connect(&node)), "a third one");
            assert!(is_served(&mut first) && is_served(&mut second));
            true
        }
    });
    until("the refusals are counted", || {
        let page = http(node.address(), "GET", "/metrics").body;
        let name = "dkv_connections_refused_total{reason=\"address\"} ";
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.is_some_and(|count| count.parse::<u64>().unwrap() >= 2)
    });
    let said = node.said();
    let told = said.matches("too many connections from one address");
    assert!(told.count() >= 1, "{said}");
    assert!(said.contains("--max-connections-per-address"), "{said}");
}

#[test]
fn beyond_all_connections_callers_wait() {
    let node = Node::start_with(&["--max-connections", "1"]);
    let mut first = connect(&node);
    until("there is room", || {
        let served = is_served(&mut first);
        if !served {
            first = connect(&node);
        }
        served
    });
    let mut second = connect(&node);
    second.write_all(LIVEZ).unwrap();
    let moment = Duration::from_millis(300);
    second.set_read_timeout(Some(moment)).unwrap();
    assert!(second.read(&mut [0; 16]).is_err(), "there is no place");
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(second.read(&mut [0; 16]).is_ok_and(|read| read > 0));
}

#[test]
fn bounds_that_cannot_be_kept_are_refused_before_anything_is_begun() {
    let folder = tempfile::TempDir::new().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["--max-connections", "0"], "1 to 65536"),
        (&["--max-connections", "65537"], "1 to 65536"),
        (&["--max-connections-per-address", "many"], "`many`"),
        (&["--max-rate", "0"], "1 to 1000000"),
        (&["--max-rate", "-1"], "-1"),
        (
            &[
                "--max-connections",
                "1",
                "--listen",
                "127.0.0.1:0,unix:b.sock",
            ],
            "2 addresses",
        ),
    ];
    for (arguments, about) in cases {
        let refused = serve_fails(arguments, &[], folder.path());
        refused.exits(2).complains(about);
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn rest_that_comes_too_fast_is_told_when_to_come_again() {
    let node = Node::start_with(&["--max-rate", "5"]);
    let mut stream = connect(&node);
    let get = "GET /v1/keys/a HTTP/1.1\r\nHost: localhost\r\n";
    let last = format!("{get}Connection: close\r\n\r\n");
    let many = format!("{get}\r\n").repeat(99) + &last;
    stream.write_all(many.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let count = |status: &str| said.matches(&format!("HTTP/1.1 {status} ")).count();
    assert!(count("404") >= 5, "{said}");
    assert_eq!(count("404") + count("429"), 100, "{said}");
    assert!(count("429") > 0, "{said}");
    let (_, refused) = said.split_once("HTTP/1.1 429 ").unwrap();
    let (head, rest) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("retry-after: 1"), "{head}");
    assert!(
        rest.starts_with("{\"error\":{\"kind\":\"LimitExceeded\""),
        "{rest}"
    );
    assert!(rest.contains("5 requests a second"), "{rest}");
    // Another connection has a rate of its own, and figures count.
    let page = http(node.address(), "GET", "/metrics").body;
    let refused = format!(
        "dkv_requests_refused_total{{reason=\"rate\"}} {}",
        count("429")
    );
    assert!(page.contains(&refused), "{refused} in {page}");
}

#[tokio::test]
async fn calls_that_come_too_fast_are_refused_and_say_why() {
    let node = Node::start_with(&["--max-rate", "5"]);
    let address = format!("http://{}", node.address());
    let client = v1::kv_client::KvClient::connect(address).await.unwrap();
    let calls = (0..100).map(|_| {
        let mut client = client.clone();
        let get = v1::GetRequest {
            key: "a".into(),
            ..v1::GetRequest::default()
        };
        async move { client.get(get).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!((1..=95).contains(&refused.len()), "{}", refused.len());
    for status in &refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let error = v1::Error::decode(status.details()).unwrap();
        assert_eq!(error.kind(), v1::ErrorKind::LimitExceeded);
        assert_eq!(error.limit(), v1::Limit::Rate);
        assert!(error.message.contains("--max-rate"), "{}", error.message);
    }
}

/// A session is slowed down: nothing of it is refused, and nothing lost.
#[tokio::test]
async fn a_session_waits_where_others_are_refused() {
    let node = Node::start_with(&["--max-rate", "20"]);
    let client = Client::connect(ClientOptions::to(node.address())).await;
    let client = client.unwrap();
    let began = Instant::now();
    for i in 0..60 {
        client.set(format!("key:{i}"), "value").await.unwrap();
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1_500), "{took:?}");
    let page = http(node.address(), "GET", "/metrics").body;
    let none = "dkv_requests_refused_total{reason=\"rate\"} 0";
    assert!(page.contains(none), "{page}");
}
