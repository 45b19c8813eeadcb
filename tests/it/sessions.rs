//! The wire as programs use it: session frames, unary calls, health and reflection,
//! spoken by hand so that nothing of the client library hides a mistake.

use std::time::Duration;

use bytes::Bytes;
use dkv::proto::v1;
use dkv::proto::v1::kv_client::KvClient;
use dkv::proto::v1::lock_client::LockClient;
use dkv::proto::v1::reply_frame::Reply;
use dkv::proto::v1::request_frame::Request;
use dkv::proto::v1::session_client::SessionClient;
use dkv::server::Ephemeral;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

const PATIENCE: Duration = Duration::from_secs(30);

async fn channel(server: &Ephemeral) -> Channel {
    let endpoint = format!("http://{}", server.endpoint());
    Channel::from_shared(endpoint)
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// A session spoken by hand.
struct Wire {
    requests: mpsc::Sender<v1::Requests>,
    replies: Streaming<v1::Replies>,
}

impl Wire {
    async fn open(server: &Ephemeral) -> Self {
        let (requests, outbound) = mpsc::channel(16);
        let mut client = SessionClient::new(channel(server).await);
        let replies = client
            .open(ReceiverStream::new(outbound))
            .await
            .unwrap()
            .into_inner();
        Self { requests, replies }
    }

    async fn send(&self, frames: Vec<v1::RequestFrame>) {
        self.requests.send(v1::Requests { frames }).await.unwrap();
    }

    /// The next `count` replies.
    async fn replies(&mut self, count: usize) -> Vec<v1::ReplyFrame> {
        let mut frames = Vec::new();
        while frames.len() < count {
            let message = tokio::time::timeout(PATIENCE, self.replies.message()).await;
            let message = message
                .expect("a reply comes")
                .unwrap()
                .expect("the stream goes on");
            frames.extend(message.frames);
        }
        frames
    }
}

fn frame(id: u64, lane: u64, request: Request) -> v1::RequestFrame {
    v1::RequestFrame {
        id,
        lane,
        deadline_ms: 0,
        request: Some(request),
    }
}

fn set(key: &str, value: &str) -> Request {
    Request::Set(v1::SetRequest {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        ..Default::default()
    })
}

fn get(key: &str) -> Request {
    let key = Bytes::copy_from_slice(key.as_bytes());
    Request::Get(v1::GetRequest {
        key,
        ..Default::default()
    })
}

fn acquire(owner: u8, wait_ms: u64) -> v1::AcquireRequest {
    v1::AcquireRequest {
        name: Bytes::from_static(b"job"),
        owner: Bytes::copy_from_slice(&[owner; 16]),
        ttl_ms: 60_000,
        wait_ms,
        ..Default::default()
    }
}

/// Reads overtake writes of other lanes, never those of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_reads_its_own_writes() {
    let server = Ephemeral::start().await.unwrap();
    let mut wire = Wire::open(&server).await;
    let rounds = 300;
    for round in 0..rounds {
        let key = format!("key-{}", round % 7);
        let value = format!("value-{round}");
        let frames = vec![
            frame(4 * round, 5, set(&key, &value)),
            frame(4 * round + 1, 5, get(&key)),
            frame(
                4 * round + 2,
                5,
                Request::Delete(v1::DeleteRequest {
                    what: Some(v1::delete_request::What::Range(v1::KeyRange {
                        start: Bytes::from_static(b"key-"),
                        end: Bytes::from_static(b"key-~"),
                    })),
                    ..Default::default()
                }),
            ),
            frame(4 * round + 3, 5, get(&key)),
        ];
        wire.send(frames).await;
        for reply in wire.replies(4).await {
            let Some(Reply::Get(got)) = reply.reply else {
                continue;
            };
            // The first read sees its write or what came after; the second, no key.
            let seen = got.record.map(|record| record.value);
            let may_see = reply.id % 4 == 1 && seen.as_deref() == Some(value.as_bytes());
            assert!(seen.is_none() || may_see, "round {round}: {seen:?}");
        }
    }
    wire.send(vec![
        frame(1, 6, set("mine", "v")),
        frame(2, 6, get("mine")),
    ])
    .await;
    let replies = wire.replies(2).await;
    let got = replies.iter().find_map(|reply| match &reply.reply {
        Some(Reply::Get(got)) => got.record.as_ref(),
        _ => None,
    });
    assert_eq!(got.unwrap().value, "v");
}

/// One bad frame is answered with an error and the others are not harmed.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_frame_harms_nobody_else() {
    let server = Ephemeral::start().await.unwrap();
    let mut wire = Wire::open(&server).await;
    let empty = v1::RequestFrame {
        id: 2,
        ..Default::default()
    };
    wire.send(vec![
        frame(1, 1, set("", "v")),
        empty,
        frame(3, 1, set("k", "v")),
    ])
    .await;
    let mut replies = wire.replies(3).await;
    replies.sort_by_key(|reply| reply.id);
    for bad in &replies[..2] {
        let Some(Reply::Error(error)) = &bad.reply else {
            panic!("{bad:?}")
        };
        assert_eq!(error.kind(), v1::ErrorKind::Invalid, "{error:?}");
    }
    assert!(matches!(&replies[2].reply, Some(Reply::Set(set)) if set.written));
}

/// Two bytes on the wire, hundreds in memory: such messages are refused unread.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_million_empty_frames_is_refused() {
    let server = Ephemeral::start().await.unwrap();
    let mut wire = Wire::open(&server).await;
    wire.send(vec![v1::RequestFrame::default(); 1_000_000])
        .await;
    let refused = tokio::time::timeout(PATIENCE, wire.replies.message())
        .await
        .unwrap();
    assert!(!matches!(refused, Ok(Some(_))), "{refused:?}");
    let mut wire = Wire::open(&server).await;
    wire.send(vec![frame(1, 1, set("k", "v"))]).await;
    assert_eq!(wire.replies(1).await.len(), 1);
}

/// Who goes away leaves the queue; who stays gets the lock in its turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_that_goes_away_leaves_the_queue() {
    let server = Ephemeral::start().await.unwrap();
    let mut locks = LockClient::new(channel(&server).await);
    let first = locks.acquire(acquire(1, 0)).await.unwrap().into_inner();
    assert!(first.acquired);
    let gone = Wire::open(&server).await;
    gone.send(vec![frame(1, 0, Request::Acquire(acquire(2, 60_000)))])
        .await;
    waiters(&mut locks, 1).await;
    let mut stays = Wire::open(&server).await;
    stays
        .send(vec![frame(1, 0, Request::Acquire(acquire(3, 60_000)))])
        .await;
    waiters(&mut locks, 2).await;
    drop(gone);
    waiters(&mut locks, 1).await;
    let release = v1::ReleaseRequest {
        name: Bytes::from_static(b"job"),
        owner: Bytes::copy_from_slice(&[1; 16]),
        ..Default::default()
    };
    assert!(locks.release(release).await.unwrap().into_inner().released);
    let reply = stays.replies(1).await.remove(0).reply;
    let Some(Reply::Acquire(granted)) = reply else {
        panic!("{reply:?}")
    };
    assert!(granted.acquired && granted.fence > first.fence);
}

/// A node that stops tells its waiters that it is given up, instead of keeping them, and itself,
/// until the connections are torn down. It said that nothing was done, and a lock that had been
/// granted in the same moment was held by somebody who believed that he had been refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_node_ends_the_waits_for_its_locks() {
    let server = Ephemeral::start().await.unwrap();
    let mut locks = LockClient::new(channel(&server).await);
    let held = locks.acquire(acquire(1, 0)).await.unwrap().into_inner();
    assert!(held.acquired);
    let mut wire = Wire::open(&server).await;
    wire.send(vec![frame(7, 0, Request::Acquire(acquire(2, 600_000)))])
        .await;
    waiters(&mut locks, 1).await;
    let stopping = tokio::spawn(server.stop());
    let reply = wire.replies(1).await.remove(0);
    let Some(Reply::Error(error)) = reply.reply else {
        panic!("{reply:?}")
    };
    assert_eq!(error.kind(), v1::ErrorKind::Timeout, "{error:?}");
    drop((wire, locks));
    stopping.await.unwrap().unwrap();
}

/// Waits until so many callers queue for the lock.
async fn waiters(locks: &mut LockClient<Channel>, count: u64) {
    let request = v1::InfoRequest {
        name: Bytes::from_static(b"job"),
        ..Default::default()
    };
    tokio::time::timeout(PATIENCE, async {
        loop {
            let info = locks.info(request.clone()).await.unwrap().into_inner();
            if info.lock.unwrap().waiters == count {
                return;
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("there never were {count} waiters"));
}

/// A unary error is a status whose details say that it is ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_unary_error_carries_its_kind_in_the_details() {
    let server = Ephemeral::start().await.unwrap();
    let mut kv = KvClient::new(channel(&server).await);
    let target = Some(v1::Target {
        shard: 700,
        ..Default::default()
    });
    let request = v1::GetRequest {
        target,
        key: Bytes::from_static(b"k"),
        at: None,
    };
    let status = kv.get(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let error = v1::Error::decode(status.details()).unwrap();
    assert_eq!(error.kind(), v1::ErrorKind::NotFound);
    let expected =
        "shard 700 is not served by this node (it serves 100 lstore, 200 lockmgr(lstore))";
    assert_eq!(error.message, expected);
}

/// A scan streams pages of one revision while writes go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_sees_one_revision_over_all_its_pages() {
    let server = Ephemeral::start().await.unwrap();
    let mut kv = KvClient::new(channel(&server).await);
    for n in 0..2_500 {
        let Request::Set(request) = set(&format!("key-{n:04}"), "old") else {
            unreachable!()
        };
        kv.set(request).await.unwrap();
    }
    let mut pages = kv
        .scan(v1::ScanRequest::default())
        .await
        .unwrap()
        .into_inner();
    let first = pages.message().await.unwrap().unwrap();
    for key in ["key-0000", "key-2400", "new"] {
        let Request::Set(request) = set(key, "new") else {
            unreachable!()
        };
        kv.set(request).await.unwrap();
    }
    let mut records = first.records;
    while let Some(page) = pages.message().await.unwrap() {
        assert_eq!(
            page.header.unwrap().revision,
            first.header.as_ref().unwrap().revision
        );
        records.extend(page.records);
    }
    assert_eq!(records.len(), 2_500);
    // The second page was perhaps read before the writes: none may show a later one.
    assert!(records.iter().all(|record| record.value == "old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer() {
    let server = Ephemeral::start().await.unwrap();
    let channel = channel(&server).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
    for service in ["", "dkv.v1.Kv", "dkv.v1.Lock", "dkv.v1.Session"] {
        let request = tonic_health::pb::HealthCheckRequest {
            service: service.into(),
        };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(
            status,
            tonic_health::ServingStatus::Serving.into(),
            "{service}"
        );
    }
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_response};
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let stream = tokio_stream::iter([ask]);
    let mut answers = reflection
        .server_reflection_info(stream)
        .await
        .unwrap()
        .into_inner();
    let answer = answers
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}")
    };
    let names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    assert!(names.contains(&"dkv.v1.Kv".to_owned()), "{names:?}");
    assert!(names.contains(&"dkv.v1.Session".to_owned()), "{names:?}");
}
