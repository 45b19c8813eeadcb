//! A request id under which another request came before. `incr` under the id of a delete
//! was told that the number is 0 now, and nothing had been added.

use bytes::Bytes;
use dkv::proto::v1;
use dkv::proto::v1::kv_client::KvClient;
use dkv::proto::v1::lock_client::LockClient;
use dkv::server::Ephemeral;
use tonic::Code;

use crate::harness::{Answer, Node, http, http_raw};

const CLIENT: &str = "00112233445566778899aabbccddeeff";
const WHY: &str = "another request: nothing was done now; a new request takes the next sequence";

/// `head` is a method and a path, and further headers in lines of their own.
fn ask(node: &Node, head: &str, sequence: u64, body: &str) -> Answer {
    let (line, headers) = head.split_once('\n').unwrap_or((head, "Accept: */*"));
    let content = match body.starts_with('{') {
        true => "Content-Type: application/json\r\n",
        false => "",
    };
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\
         Idempotency-Key: {CLIENT}-{sequence}\r\n{content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    http_raw(node.address(), request.as_bytes())
}

#[track_caller]
fn is_conflict(answer: &Answer) {
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.body.contains("\"kind\":\"Conflict\""), "{answer:?}");
    assert!(answer.body.contains(WHY), "{answer:?}");
}

#[test]
fn rest_refuses_a_request_under_the_key_of_another_one() {
    let node = Node::start();
    assert_eq!(ask(&node, "PUT /v1/keys/kept", 1, "v").status, 201);
    let deleted = ask(&node, "DELETE /v1/keys/n", 2, "");
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let lock = "{\"owner\":\"ffffffffffffffffffffffffffffffff\"}";
    for (head, body) in [
        ("PUT /v1/keys/kept", "w"),
        ("PUT /v1/keys/kept\nIf-None-Match: *", "w"),
        ("POST /v1/incr/n", ""),
        ("POST /v1/expire/kept", ""),
        ("POST /v1/touch/kept?ttl=1s", ""),
        ("POST /v1/persist/kept", ""),
        ("PUT /v1/buckets/users", ""),
        ("DELETE /v1/buckets/users", ""),
        ("POST /v1/locks/job/acquire", lock),
        ("POST /v1/locks/job/release", lock),
        ("POST /v1/locks/job/revoke", ""),
        (
            "POST /v1/transaction",
            "{\"then\":[{\"op\":\"delete\",\"key\":\"kept\"}]}",
        ),
    ] {
        is_conflict(&ask(&node, head, 2, body));
    }
    let batch =
        "{\"operations\":[{\"op\":\"incr\",\"key\":\"n\"},{\"op\":\"incr\",\"key\":\"n\"}]}";
    let batch = ask(&node, "POST /v1/batch", 2, batch);
    assert_eq!(batch.status, 200, "{batch:?}");
    assert!(batch.body.contains(WHY), "the first is refused: {batch:?}");
    assert!(
        batch.body.contains("\"value\":1"),
        "the second is new: {batch:?}"
    );
    // What came first keeps its answer, and nothing else was done.
    assert_eq!(ask(&node, "DELETE /v1/keys/n", 2, "").body, deleted.body);
    let kept = http(node.address(), "GET", "/v1/keys/kept").body;
    assert!(kept.contains("\"value\":\"v\""), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_refuses_a_request_under_the_id_of_another_one() {
    let server = Ephemeral::start().await.unwrap();
    let endpoint = format!("http://{}", server.endpoint());
    let id = Some(v1::RequestId {
        client: Bytes::from_static(&[7; 16]),
        sequence: 1,
        ..Default::default()
    });
    let key = Bytes::from_static(b"n");
    let mut keys = KvClient::connect(endpoint.clone()).await.unwrap();
    let delete = v1::DeleteRequest {
        request_id: id.clone(),
        what: Some(v1::delete_request::What::Key(key.clone())),
        ..Default::default()
    };
    let first = keys.delete(delete.clone()).await.unwrap().into_inner();
    let incr = v1::IncrRequest {
        request_id: id.clone(),
        key,
        by: 1,
        ..Default::default()
    };
    let refused = keys.incr(incr).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted, "{refused:?}");
    assert!(refused.message().contains(WHY), "{refused:?}");
    let acquire = v1::AcquireRequest {
        request_id: id,
        name: Bytes::from_static(b"job"),
        owner: Bytes::from_static(&[8; 16]),
        ttl_ms: 10_000,
        ..Default::default()
    };
    let mut locks = LockClient::connect(endpoint).await.unwrap();
    let refused = locks.acquire(acquire).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted, "{refused:?}");
    assert!(refused.message().contains(WHY), "{refused:?}");
    let again = keys.delete(delete).await.unwrap().into_inner();
    assert_eq!(again, first, "what came first keeps its answer");
}
