//! Many callers on one stream, and callers who leave.

use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use super::fake::{Fake, Fault};
use super::reach::client_of;
use crate::base::{ErrorKind, limits};
use crate::client::{Client, ClientOptions, KeyRange, ScanOptions};
use crate::proto::v1;

async fn under_way(client: &Client) -> usize {
    let node = client.shared.nodes.configured().remove(0);
    let Ok(connected) = node.connected(0).await else {
        panic!("the fake is up");
    };
    connected.session.under_way()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_get_their_own_answers() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..200 {
        let client = client.with_lane();
        callers.spawn(async move {
            for turn in 0..20 {
                let key = format!("{caller}/{turn}");
                client.set(key.clone(), key.clone()).await.unwrap();
                let record = client.get(key.clone()).await.unwrap().unwrap();
                assert_eq!(record.value, key);
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(under_way(&client).await, 0);
    let lanes: std::collections::HashSet<_> =
        fake.state.lock().seen.iter().map(|it| it.lane).collect();
    assert_eq!(lanes.len(), 200);
}

#[tokio::test]
async fn a_dropped_call_frees_its_slot_and_its_late_answer_is_nobodys() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "right").await.unwrap();
    fake.script([Fault::Late(Duration::from_millis(30))]);
    let late = client.get("missing");
    let dropped = tokio::time::timeout(Duration::from_millis(5), late).await;
    assert!(dropped.is_err(), "dropped while it waited");
    assert_eq!(under_way(&client).await, 0);
    fake.script([Fault::Late(Duration::from_millis(60))]);
    let record = client.get("k").await.unwrap().expect("not the late answer");
    assert_eq!(record.value, "right");
}

#[tokio::test]
async fn a_call_dropped_before_it_was_sent_is_never_sent() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.get("k").await.unwrap();
    // Polled once, so that it is queued, and dropped before the stream runs.
    let mut call = Box::pin(client.set("k", "v"));
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(call);
    client.get("k").await.unwrap();
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn an_oversized_request_harms_nobody_else() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([Fault::Late(Duration::from_millis(50))]);
    let other = client.clone();
    let other = tokio::spawn(async move { other.get("k").await });
    let value = Bytes::from(vec![0; limits::REQUEST_BYTES_MAX + (1 << 20)]);
    let error = client.set("k", value).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    other.await.unwrap().unwrap();
    let largest = Bytes::from(vec![7; limits::VALUE_BYTES_MAX]);
    client.set("large", largest.clone()).await.unwrap();
    let record = client.get("large").await.unwrap().unwrap();
    assert_eq!(record.value, largest);
}

/// The client let a megabyte more pass than a server takes: the server ended the shared
/// stream, and every call on it came back as an unknown outcome. Keys were not counted.
#[tokio::test]
async fn a_request_just_above_the_limit_was_sent_and_broke_the_stream_of_all() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    let oversized = Bytes::from(vec![0; limits::REQUEST_BYTES_MAX + 1]);
    for error in [
        client.set("k", oversized.clone()).await.unwrap_err(),
        client.set(oversized.clone(), "v").await.unwrap_err(),
        client.delete(oversized.clone()).await.unwrap_err(),
        client.get(oversized.clone()).await.unwrap_err(),
        client.lock_info(oversized.clone()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        let most = limits::REQUEST_BYTES_MAX.to_string();
        assert!(error.message().contains(&most), "{error}");
    }
    assert_eq!(fake.seen().len(), 1, "nothing else was sent");
    // One a little below it is sent.
    let around = v1::SetRequest {
        target: client.target(),
        request_id: Some(v1::RequestId {
            client: Bytes::from_static(&[0; 16]),
            sequence: 1_000,
            acked_below: 1_000,
            attempt: 0,
        }),
        key: Bytes::from_static(b"k"),
        ..v1::SetRequest::default()
    };
    let room = limits::REQUEST_BYTES_MAX - around.encoded_len() - 20;
    client.set("k", oversized.slice(..room)).await.unwrap();
}

#[tokio::test]
async fn a_scan_goes_page_by_page_and_keeps_its_limit() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    for key in ["a1", "a2", "a3", "a4", "a5", "b1"] {
        client.set(key, "v").await.unwrap();
    }
    let mut scan = client.scan(ScanOptions::prefix("a"));
    assert_eq!(scan.revision(), None);
    let mut sizes = Vec::new();
    while let Some(page) = scan.next_page().await.unwrap() {
        sizes.push(page.len());
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(scan.revision().unwrap().0, 6);
    let options = ScanOptions {
        limit: 3,
        ..ScanOptions::default()
    };
    let keys = client.scan(options).collect().await.unwrap();
    let keys: Vec<_> = keys.into_iter().map(|record| record.key).collect();
    assert_eq!(keys, ["a1", "a2", "a3"]);
    let range = KeyRange::prefix("a");
    let deleted = client.delete_range(range, None).await.unwrap();
    assert_eq!(deleted.deleted, 5);
    assert!(client.has("b1").await.unwrap());
}

#[tokio::test]
async fn a_socket_in_the_file_system_serves_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dkv.sock");
    let fake = Fake::at_socket(&path);
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    let missing = format!("unix:{}", dir.path().join("none.sock").display());
    let client = Client::connect(ClientOptions::to(&missing)).await.unwrap();
    let error = client.get("k").await.unwrap_err();
    assert_eq!(
        error.message(),
        format!(
            "cannot reach dkv at {missing} (no such socket): is `dkv serve` running? Where it \
             listens is given with --endpoints"
        )
    );
}

#[tokio::test]
async fn dropping_the_client_ends_its_stream() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.get("k").await.unwrap();
    let node = client.shared.nodes.configured().remove(0);
    let connected = node.connected(0).await.ok().unwrap();
    let weak = std::sync::Arc::downgrade(&connected);
    drop((client, node, connected));
    assert!(weak.upgrade().is_none());
}
