//! The client against servers that behave in ways of their own.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Nodes, Rest};
use crate::base::ErrorKind;
use crate::client::ClientOptions;
use crate::perf::options::PerfOptions;

/// A server that gives each connection these answers, one for each request, then closes it.
async fn answering(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, answers));
        }
    });
    address
}

async fn answer(mut socket: TcpStream, answers: &[&str]) {
    for answer in answers {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"value") {
            if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn rest(address: &str) -> Rest {
    let options = PerfOptions {
        client: ClientOptions {
            timeout: Duration::from_secs(5),
            ..ClientOptions::default()
        },
        ..PerfOptions::default()
    };
    Rest::connect(&options, &Nodes::plain(address))
        .await
        .unwrap()
}

const DONE: &str =
    "HTTP/1.1 200 OK\r\nx-dkv-revision: 7\r\netag: \"7\"\r\ncontent-length: 5\r\n\r\nvalue";
const GONE: &str = "HTTP/1.1 404 Not Found\r\nx-dkv-found: false\r\ncontent-length: 0\r\n\r\n";
const CHANGED: &str = "HTTP/1.1 412 Precondition Failed\r\ncontent-length: 46\r\n\r\n\
                       {\"error\":{\"kind\":\"Conflict\",\"message\":\"no 7\"}}";
const STALE: &str = "HTTP/1.1 412 Precondition Failed\r\ncontent-length: 48\r\n\r\n\
                     {\"error\":{\"kind\":\"FenceStale\",\"message\":\"no 7\"}}";
const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 52\r\n\r\n\
                    {\"error\":{\"kind\":\"LimitExceeded\",\"message\":\"later\"}}";
const LAST: &str = "HTTP/1.1 200 OK\r\nx-dkv-revision: 7\r\nconnection: close\r\n\r\nvalue";

#[tokio::test]
async fn a_connection_is_kept_and_a_closed_one_is_replaced() {
    // A third answer on one connection there is not.
    let rest = rest(&answering(&[DONE, LAST]).await).await;
    let lane = rest.lane(0);
    for _ in 0..4 {
        assert_eq!(lane.get("key").await.unwrap().unwrap(), "value");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_nobody_used_it_is_no_error_of_the_next_client() {
    let rest = rest(&answering(&[DONE]).await).await;
    for _ in 0..3 {
        let lane = rest.lane(0);
        lane.get("key").await.unwrap();
        drop(lane);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_answer_of_dkv_says_what_it_means() {
    let rest = rest(&answering(&[GONE, DONE, CHANGED, BUSY]).await).await;
    let lane = rest.lane(0);
    assert_eq!(lane.get("key").await.unwrap(), None);
    let value = Bytes::from_static(b"value");
    assert!(!lane.modify("key", value.clone()).await.unwrap());
    let busy = lane.set("key", value).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::LimitExceeded);
    assert_eq!(busy.message(), "later");
}

#[tokio::test]
async fn a_stale_fence_is_not_taken_for_a_key_that_was_changed() {
    let rest = rest(&answering(&[DONE, STALE]).await).await;
    let refused = rest
        .lane(0)
        .modify("key", Bytes::from_static(b"value"))
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::FenceStale);
}

#[tokio::test]
async fn what_is_no_answer_of_dkv_is_not_counted() {
    for (answer, kind) in [
        (
            &["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
            ErrorKind::Internal,
        ),
        (&["-ERR unknown command\r\n"], ErrorKind::Internal),
        (
            &["HTTP/1.1 200 OK\r\nx-dkv-revision: 7\r\ncontent-length: 9\r\n\r\nvalue"],
            ErrorKind::Timeout,
        ),
        (&[""], ErrorKind::Timeout),
    ] {
        let rest = rest(&answering(answer).await).await;
        let error = rest.lane(0).get("key").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}: {error}");
    }
}

#[test]
fn what_a_path_cannot_hold_is_escaped() {
    assert_eq!(super::escaped("dkv-perf:0a:1"), "dkv-perf:0a:1");
    assert_eq!(super::escaped("a b/?%&\u{e9}"), "a%20b%2F%3F%25%26%C3%A9");
}
