//! The past, counts and reverse scans: by the wire, spoken by hand, and by the library.

use std::time::Duration;

use bytes::Bytes;
use dkv::base::ErrorKind;
use dkv::base::types::Revision;
use dkv::client::SetOptions;
use dkv::client::{At, ChangeKind, Client, ClientOptions, HistoryOptions, KeyRange, ScanOptions};
use dkv::proto::v1;
use dkv::proto::v1::kv_client::KvClient;
use dkv::server::Ephemeral;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};

async fn wire(server: &Ephemeral) -> KvClient<Channel> {
    let endpoint = format!("http://{}", server.endpoint());
    KvClient::connect(endpoint).await.unwrap()
}

async fn library(server: &Ephemeral) -> Client {
    let options = ClientOptions::to(server.endpoint());
    Client::connect(options).await.unwrap()
}

async fn fill(client: &Client, keys: u32) {
    let client = client.unordered();
    let sets = (0..keys).map(|key| client.set(format!("k:{key:05}"), format!("{key}")));
    for set in sets.collect::<Vec<_>>() {
        set.await.unwrap();
    }
}

fn at(when: v1::at::When) -> Option<v1::At> {
    Some(v1::At { when: Some(when) })
}

/// The error in a status, which must have the code of its kind.
fn error(status: &Status, kind: v1::ErrorKind, code: Code) -> String {
    let error = v1::Error::decode(status.details()).unwrap();
    assert_eq!((error.kind(), status.code()), (kind, code), "{error:?}");
    error.message
}

async fn pages(kv: &mut KvClient<Channel>, request: v1::ScanRequest) -> Vec<v1::ScanReply> {
    let mut stream = kv.scan(request).await.unwrap().into_inner();
    let mut pages = Vec::new();
    while let Some(page) = stream.message().await.unwrap() {
        pages.push(page);
    }
    pages
}

async fn refused(kv: &mut KvClient<Channel>, request: v1::ScanRequest) -> String {
    let mut stream = kv.scan(request).await.unwrap().into_inner();
    let status = stream.message().await.unwrap_err();
    error(&status, v1::ErrorKind::Invalid, Code::InvalidArgument)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_the_past_streams_both_ways_and_is_counted() {
    let server = Ephemeral::start().await.unwrap();
    let (mut kv, client) = (wire(&server).await, library(&server).await);
    fill(&client, 2_500).await;
    client.set("k:00000", "new").await.unwrap();
    client
        .delete_range(KeyRange::prefix("k:02"), None)
        .await
        .unwrap();
    let then = v1::ScanRequest {
        at: at(v1::at::When::Revision(2_500)),
        ..v1::ScanRequest::default()
    };
    for reverse in [false, true] {
        let request = v1::ScanRequest {
            reverse,
            ..then.clone()
        };
        let pages = pages(&mut kv, request).await;
        assert!(pages.len() > 2, "{} pages", pages.len());
        let revision = |page: &v1::ScanReply| page.header.as_ref().unwrap().revision;
        assert!(pages.iter().all(|page| revision(page) == 2_500));
        let records = pages.into_iter().flat_map(|page| page.records);
        let mut records: Vec<_> = records.collect();
        if reverse {
            records.reverse();
        }
        let values = records.iter().map(|record| record.value.clone());
        let expected = (0..2_500).map(|key| Bytes::from(key.to_string()));
        assert!(values.eq(expected), "all as it was, in order");
    }
    for (at, limit, expected) in [(then.at, 0, 2_500), (None, 0, 2_000), (None, 77, 77)] {
        let request = v1::ScanRequest {
            at,
            limit,
            count_only: true,
            ..v1::ScanRequest::default()
        };
        let pages = pages(&mut kv, request).await;
        assert!(pages.iter().all(|page| page.records.is_empty()));
        assert_eq!(pages.iter().map(|page| page.count).sum::<u64>(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_good_for_its_own_scan_alone() {
    let server = Ephemeral::start().await.unwrap();
    let (mut kv, client) = (wire(&server).await, library(&server).await);
    fill(&client, 1_500).await;
    let forward = v1::ScanRequest::default();
    let mut stream = kv.scan(forward.clone()).await.unwrap().into_inner();
    let cursor = stream.message().await.unwrap().unwrap().cursor;
    drop(stream);
    let with = |request: v1::ScanRequest| v1::ScanRequest {
        cursor: cursor.clone(),
        ..request
    };
    let rest = pages(&mut kv, with(forward.clone())).await;
    assert_eq!(rest[0].records[0].key, "k:01000");

    let reverse = v1::ScanRequest {
        reverse: true,
        ..forward.clone()
    };
    let narrower = v1::ScanRequest {
        range: Some(v1::KeyRange {
            start: Bytes::from_static(b"k:"),
            end: Bytes::new(),
        }),
        ..forward.clone()
    };
    for other in [reverse, narrower] {
        let message = refused(&mut kv, with(other)).await;
        assert!(
            message.contains("another bucket, range or direction"),
            "{message}"
        );
    }
    let both = v1::ScanRequest {
        at: at(v1::at::When::Revision(3)),
        ..forward.clone()
    };
    let message = refused(&mut kv, with(both)).await;
    assert!(message.contains("leave `at` away"), "{message}");
    for garbage in [&b"x"[..], &cursor[..9], b"\x02garbage-garbage-garbage"] {
        let request = v1::ScanRequest {
            cursor: Bytes::copy_from_slice(garbage),
            ..forward.clone()
        };
        refused(&mut kv, request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_is_none_is_refused_over_the_wire() {
    let server = Ephemeral::start().await.unwrap();
    let mut kv = wire(&server).await;
    let get = |at| v1::GetRequest {
        target: None,
        key: Bytes::from_static(b"k"),
        at,
    };
    let nothing = get(Some(v1::At { when: None }));
    let status = kv.get(nothing).await.unwrap_err();
    error(&status, v1::ErrorKind::Invalid, Code::InvalidArgument);
    let future = get(at(v1::at::When::Revision(1)));
    let status = kv.get(future).await.unwrap_err();
    let message = error(&status, v1::ErrorKind::Invalid, Code::InvalidArgument);
    assert_eq!(message, "revision 1 does not exist yet (the shard is at 0)");
    let long_ago = get(at(v1::at::When::AgoMs(u64::MAX)));
    let reply = kv.get(long_ago).await.unwrap().into_inner();
    assert_eq!((reply.record, reply.header.unwrap().revision), (None, 0));
    let many = |count: usize| v1::GetManyRequest {
        keys: vec![Bytes::from_static(b"k"); count],
        ..v1::GetManyRequest::default()
    };
    let status = kv.get_many(many(0)).await.unwrap_err();
    error(&status, v1::ErrorKind::Invalid, Code::InvalidArgument);
    let status = kv.get_many(many(1_001)).await.unwrap_err();
    error(
        &status,
        v1::ErrorKind::LimitExceeded,
        Code::ResourceExhausted,
    );
    let history = v1::HistoryRequest::default();
    let status = kv.history(history).await.unwrap_err();
    error(&status, v1::ErrorKind::Invalid, Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_of_one_moment_and_fit_in_one_answer() {
    let server = Ephemeral::start().await.unwrap();
    let client = library(&server).await;
    fill(&client, 1_000).await;
    let keys = || (0..1_000).map(|key| format!("k:{key:05}"));
    client.delete("k:00003").await.unwrap();
    let found = client.get_many(keys()).await.unwrap();
    assert_eq!(found.revision, Revision(1_001));
    assert_eq!(found.value.iter().filter(|it| it.is_none()).count(), 1);
    let then = At::Revision(Revision(1_000));
    let found = client.get_many_at(keys(), then).await.unwrap();
    let values = found.value.into_iter().map(|it| it.unwrap().value);
    assert!(values.eq((0..1_000).map(|key| Bytes::from(key.to_string()))));

    client.set("long", vec![7; 1 << 20]).await.unwrap();
    assert_eq!(
        client.get_many(vec!["long"; 19]).await.unwrap().value.len(),
        19
    );
    for count in [21, 1_001] {
        let error = client.get_many(vec!["long"; count]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.message().contains("fewer"), "{error}");
    }
    assert_eq!(client.count(KeyRange::prefix("k:")).await.unwrap(), 999);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_changes_of_a_key_come_in_pages() {
    let server = Ephemeral::start().await.unwrap();
    let client = library(&server).await;
    for value in 0..10 {
        client.set("k", value.to_string()).await.unwrap();
        client.set("other", value.to_string()).await.unwrap();
    }
    client.delete("k").await.unwrap();
    let mut next = Some(HistoryOptions {
        limit: 4,
        ..HistoryOptions::default()
    });
    let mut sizes = Vec::new();
    let mut changes = Vec::new();
    while let Some(options) = next {
        let page = client.history("k", options).await.unwrap();
        assert_eq!(page.floor, Revision(1));
        sizes.push(page.changes.len());
        changes.extend(page.changes);
        next = page.older;
    }
    assert_eq!(sizes, [4, 4, 3]);
    assert_eq!(
        (changes[0].kind, &changes[0].record),
        (ChangeKind::Delete, &None)
    );
    let values = changes[1..].iter().rev();
    let values = values.map(|change| change.record.as_ref().unwrap().value.clone());
    assert!(values.eq((0..10).map(|value| Bytes::from(value.to_string()))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reverse_scan_of_the_library_keeps_to_its_limit() {
    let server = Ephemeral::start().await.unwrap();
    let client = library(&server).await;
    fill(&client, 1_200).await;
    let options = ScanOptions {
        range: KeyRange::prefix("k:"),
        limit: 1_100,
        reverse: true,
        at: Some(At::Ago(Duration::ZERO)),
        ..ScanOptions::default()
    };
    let records = client.scan(options.clone()).collect().await.unwrap();
    let keys = records.iter().map(|record| record.key.clone());
    assert!(
        keys.eq((100..1_200)
            .rev()
            .map(|key| Bytes::from(format!("k:{key:05}"))))
    );
    let counted = client.count_with(options).await.unwrap();
    assert_eq!((counted.value, counted.revision), (1_100, Revision(1_200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_wins_over_others_or_says_that_it_did_not() {
    let server = Ephemeral::start().await.unwrap();
    let client = library(&server).await;
    let good = At::Revision(client.set("k", "good").await.unwrap());
    let options = SetOptions {
        delete_in: Some(Duration::from_secs(3_600)),
        ..SetOptions::default()
    };
    client.set_with("k", "bad", options).await.unwrap();
    client.expire("k", None).await.unwrap();
    // A softly expired key is there: its timer stays, its value comes back.
    let reverted = client.revert("k", good).await.unwrap();
    assert!(reverted.changed, "{reverted:?}");
    let record = client.get("k").await.unwrap().unwrap();
    assert_eq!(record.value, "good");
    assert!(
        record
            .delete_in
            .is_some_and(|left| left > Duration::from_secs(3_000))
    );

    // What was expired then was not there.
    let reverted = client.revert("k", At::Revision(Revision(3))).await.unwrap();
    assert_eq!((reverted.changed, reverted.record), (true, None));
    assert!(!client.has("k").await.unwrap());
    let again = client.revert("k", At::Revision(Revision(3))).await.unwrap();
    assert!(!again.changed);
    client.revert("k", good).await.unwrap();
    assert!(client.has("k").await.unwrap(), "what is not there is made");

    let other = client.with_lane();
    let writer = tokio::spawn(async move {
        for value in 0..300 {
            other.set("k", value.to_string()).await.unwrap();
        }
    });
    for _ in 0..20 {
        match client.revert("k", good).await {
            Ok(reverted) => assert_eq!(reverted.record.unwrap().value, "good"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    writer.await.unwrap();
    let error = client
        .revert("k", At::Revision(Revision(9_999)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
