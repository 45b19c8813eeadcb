//! Unary gRPC and sessions: the messages themselves.

use bytes::Bytes;
use dkv::proto::v1;
use dkv::proto::v1::reply_frame::Reply;
use dkv::proto::v1::request_frame::Request;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::asks::{Ask, LOCK, Only, Op, What};
use super::said::{Kind, OpSaid, Said, Seen};

type Answered = Result<Reply, v1::Error>;

/// By unary calls.
pub(crate) async fn unary(address: &str, asks: &[Ask]) -> Vec<Said> {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    let channel = channel.connect().await.unwrap();
    let mut said = Vec::new();
    for ask in asks {
        said.push(read(call(channel.clone(), request(ask)).await));
    }
    said
}

/// By one session.
pub(crate) async fn session(address: &str, asks: &[Ask]) -> Vec<Said> {
    let client = v1::session_client::SessionClient::connect(format!("http://{address}"));
    let mut client = client.await.unwrap();
    let (frames, outgoing) = tokio::sync::mpsc::channel(1);
    let outgoing = tokio_stream::wrappers::ReceiverStream::new(outgoing);
    let mut replies = client.open(outgoing).await.unwrap().into_inner();
    let mut said = Vec::new();
    for (id, ask) in (1..).zip(asks) {
        let frame = v1::RequestFrame {
            id,
            lane: 1,
            request: Some(request(ask)),
            ..Default::default()
        };
        frames
            .send(v1::Requests {
                frames: vec![frame],
            })
            .await
            .unwrap();
        let mut reply = replies
            .message()
            .await
            .unwrap()
            .expect("the session is open");
        let frame = reply.frames.pop().expect("one request, one reply");
        assert_eq!(frame.id, id);
        said.push(read(match frame.reply.unwrap() {
            Reply::Error(error) => Err(error),
            reply => Ok(reply),
        }));
    }
    said
}

async fn call(channel: Channel, request: Request) -> Answered {
    let mut kv = v1::kv_client::KvClient::new(channel.clone());
    let mut lock = v1::lock_client::LockClient::new(channel.clone());
    let mut bucket = v1::bucket_client::BucketClient::new(channel);
    match request {
        Request::Set(it) => told(kv.set(it).await, Reply::Set),
        Request::Get(it) => told(kv.get(it).await, Reply::Get),
        Request::Has(it) => told(kv.has(it).await, Reply::Has),
        Request::Delete(it) => told(kv.delete(it).await, Reply::Delete),
        Request::Expire(it) => told(kv.expire(it).await, Reply::Expire),
        Request::Touch(it) => told(kv.touch(it).await, Reply::Touch),
        Request::Persist(it) => told(kv.persist(it).await, Reply::Persist),
        Request::Incr(it) => told(kv.incr(it).await, Reply::Incr),
        Request::History(it) => told(kv.history(it).await, Reply::History),
        Request::Batch(it) => told(kv.batch(it).await, Reply::Batch),
        Request::Txn(it) => told(kv.txn(it).await, Reply::Txn),
        Request::Scan(it) => match kv.scan(it).await {
            Err(status) => told(Err(status), Reply::Scan),
            Ok(pages) => match pages.into_inner().message().await {
                Ok(page) => Ok(Reply::Scan(page.expect("a page at least"))),
                Err(status) => told(Err(status), Reply::Scan),
            },
        },
        Request::Acquire(it) => told(lock.acquire(it).await, Reply::Acquire),
        Request::Renew(it) => told(lock.renew(it).await, Reply::Renew),
        Request::Release(it) => told(lock.release(it).await, Reply::Release),
        Request::Info(it) => told(lock.info(it).await, Reply::Info),
        Request::Revoke(it) => told(lock.revoke(it).await, Reply::Revoke),
        Request::CreateBucket(it) => told(bucket.create(it).await, Reply::CreateBucket),
        Request::DropBucket(it) => told(bucket.drop(it).await, Reply::DropBucket),
        other => panic!("the table has no {other:?}"),
    }
}

fn told<T>(answered: Result<Response<T>, Status>, reply: fn(T) -> Reply) -> Answered {
    match answered {
        Ok(response) => Ok(reply(response.into_inner())),
        Err(status) => Err(v1::Error::decode(status.details()).expect("an error of ours")),
    }
}

fn request(ask: &Ask) -> Request {
    let target = Some(v1::Target {
        shard: ask.shard,
        bucket: ask.bucket.to_owned(),
        stale: false,
    });
    let bytes = Bytes::from_static;
    match &ask.what {
        What::Set {
            key,
            value,
            only,
            ttl_s,
            fence,
        } => Request::Set(v1::SetRequest {
            target,
            key: bytes(key),
            value: bytes(value),
            delete_in_ms: ttl_s * 1_000,
            condition: condition(*only),
            fence: fence.map(|token| v1::Fence {
                name: bytes(LOCK),
                token,
            }),
            ..Default::default()
        }),
        What::Get { key, at } => Request::Get(v1::GetRequest {
            target,
            key: bytes(key),
            at: at.map(|at| v1::At {
                when: Some(v1::at::When::Revision(at)),
            }),
        }),
        What::Has(key) => Request::Has(v1::HasRequest {
            target,
            key: bytes(key),
        }),
        What::Delete(key) => {
            let what = Some(v1::delete_request::What::Key(bytes(key)));
            Request::Delete(v1::DeleteRequest {
                target,
                what,
                ..Default::default()
            })
        }
        What::DeletePrefix(prefix) => {
            let what = Some(v1::delete_request::What::Range(range(prefix)));
            Request::Delete(v1::DeleteRequest {
                target,
                what,
                ..Default::default()
            })
        }
        What::Expire(key) => Request::Expire(v1::ExpireRequest {
            target,
            key: bytes(key),
            ..Default::default()
        }),
        What::Touch(key) => Request::Touch(v1::TouchRequest {
            target,
            key: bytes(key),
            delete_in_ms: 60_000,
            ..Default::default()
        }),
        what => request_of_many(target, what),
    }
}

fn request_of_many(target: Option<v1::Target>, what: &What) -> Request {
    let bytes = Bytes::from_static;
    match what {
        What::Persist(key) => Request::Persist(v1::PersistRequest {
            target,
            key: bytes(key),
            ..Default::default()
        }),
        What::Incr(key, by) => Request::Incr(v1::IncrRequest {
            target,
            key: bytes(key),
            by: *by,
            ..Default::default()
        }),
        What::Scan { prefix, reverse } => Request::Scan(v1::ScanRequest {
            target,
            range: Some(range(prefix)),
            reverse: *reverse,
            limit: 100,
            ..Default::default()
        }),
        What::History(key) => Request::History(v1::HistoryRequest {
            target,
            key: bytes(key),
            ..Default::default()
        }),
        What::Batch(operations) => Request::Batch(v1::BatchRequest {
            target,
            ops: ops(operations),
            ..Default::default()
        }),
        What::Txn {
            key,
            value,
            then,
            otherwise,
        } => Request::Txn(v1::TxnRequest {
            target,
            compares: vec![v1::Compare {
                subject: Some(v1::compare::Subject::Key(bytes(key))),
                given: Some(v1::compare::Given::Value(bytes(value))),
                ..Default::default()
            }],
            then: ops(then),
            otherwise: ops(otherwise),
            ..Default::default()
        }),
        what => request_of_locks(target, what),
    }
}

fn request_of_locks(target: Option<v1::Target>, what: &What) -> Request {
    let bytes = Bytes::from_static;
    let owned = |owner: &[u8; 16]| Bytes::copy_from_slice(owner);
    match what {
        What::Acquire(name, owner) => Request::Acquire(v1::AcquireRequest {
            target,
            name: bytes(name),
            owner: owned(owner),
            ttl_ms: 60_000,
            ..Default::default()
        }),
        What::Renew(name, owner) => Request::Renew(v1::RenewRequest {
            target,
            name: bytes(name),
            owner: owned(owner),
            ttl_ms: 60_000,
            ..Default::default()
        }),
        What::Release(name, owner) => Request::Release(v1::ReleaseRequest {
            target,
            name: bytes(name),
            owner: owned(owner),
            ..Default::default()
        }),
        What::Info(name) => Request::Info(v1::InfoRequest {
            target,
            name: bytes(name),
        }),
        What::Revoke(name) => Request::Revoke(v1::RevokeRequest {
            target,
            name: bytes(name),
            ..Default::default()
        }),
        What::CreateBucket { quota_keys } => Request::CreateBucket(v1::CreateBucketRequest {
            target,
            settings: Some(v1::BucketSettings {
                quota_keys: *quota_keys,
                ..Default::default()
            }),
            ..Default::default()
        }),
        What::DropBucket => Request::DropBucket(v1::DropBucketRequest {
            target,
            ..Default::default()
        }),
        other => panic!("the table has no {other:?}"),
    }
}

fn condition(only: Only) -> Option<v1::Condition> {
    use v1::condition::Kind;
    let kind = match only {
        Only::Always => return None,
        Only::Absent => Kind::Absent(true),
        Only::Revision(revision) => Kind::Revision(revision),
    };
    Some(v1::Condition { kind: Some(kind) })
}

fn range(prefix: &'static [u8]) -> v1::KeyRange {
    let range = dkv::client::prefix_range(prefix);
    v1::KeyRange {
        start: range.start,
        end: range.end,
    }
}

fn ops(ops: &[Op]) -> Vec<v1::Op> {
    let bytes = Bytes::from_static;
    let op = |op: &Op| match op {
        Op::Set(key, value) => v1::op::Op::Set(v1::SetOp {
            key: bytes(key),
            value: bytes(value),
            ..Default::default()
        }),
        Op::Delete(key) => v1::op::Op::Delete(bytes(key)),
        Op::Incr(key, by) => v1::op::Op::Incr(v1::IncrOp {
            key: bytes(key),
            by: *by,
            ..Default::default()
        }),
        Op::Get(key) => v1::op::Op::Get(bytes(key)),
    };
    ops.iter().map(|it| v1::Op { op: Some(op(it)) }).collect()
}

fn read(answered: Answered) -> Said {
    let reply = match answered {
        Ok(reply) => reply,
        Err(error) => return refusal(&error),
    };
    match reply {
        Reply::Set(it) => {
            let revision = it.header.unwrap().revision;
            Said::Written(it.written.then_some(revision))
        }
        Reply::Get(it) => Said::Record(it.record.as_ref().map(seen)),
        Reply::Has(it) => Said::Found(it.found),
        Reply::Delete(it) => Said::Deleted(it.deleted),
        Reply::Expire(it) => Said::Changed(it.expired),
        Reply::Touch(it) => Said::Changed(it.touched),
        Reply::Persist(it) => Said::Changed(it.persisted),
        Reply::Incr(it) => Said::Number(it.value),
        Reply::Scan(it) => Said::Records(it.records.iter().map(seen).collect()),
        Reply::History(it) => Said::Changes(it.changes.into_iter().map(change).collect()),
        Reply::Batch(it) => Said::Ops(None, it.results.into_iter().map(op_said).collect()),
        Reply::Txn(it) => Said::Ops(
            Some(it.succeeded),
            it.results.into_iter().map(op_said).collect(),
        ),
        Reply::Acquire(it) => Said::Granted(it.acquired.then_some(it.fence)),
        Reply::Renew(it) => Said::Done(it.renewed),
        Reply::Release(it) => Said::Done(it.released),
        Reply::Info(it) => Said::Lock(it.lock.map(|lock| lock.fence)),
        Reply::Revoke(it) => Said::Done(it.revoked),
        Reply::CreateBucket(it) => Said::Done(it.created),
        Reply::DropBucket(it) => Said::Done(it.dropped),
        other => panic!("nobody asked for {other:?}"),
    }
}

fn refusal(error: &v1::Error) -> Said {
    let name = error.kind().as_str_name().split('_');
    let kind = name.map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
    Said::Refused {
        kind: Kind::Named(kind.collect()),
        message: error.message.clone(),
    }
}

fn seen(record: &v1::Record) -> Seen {
    Seen {
        key: record.key.to_vec(),
        value: record.value.to_vec(),
        revision: record.revision,
        create_revision: record.create_revision,
        version: record.version,
        is_timed: record.delete_in_ms.is_some(),
    }
}

fn change(change: v1::Change) -> (u64, String, Option<Vec<u8>>) {
    let kind = change.kind().as_str_name().to_lowercase();
    let value = change
        .record
        .filter(|it| !it.expired)
        .map(|it| it.value.to_vec());
    (change.revision, kind, value)
}

fn op_said(result: v1::OpResult) -> OpSaid {
    use v1::op_result::Result as Told;
    match result.result.unwrap() {
        Told::Error(error) => OpSaid::Refused(error.message),
        Told::Set(set) => {
            assert!(set.written);
            OpSaid::Written
        }
        Told::Deleted(deleted) => OpSaid::Deleted(deleted),
        Told::Value(value) => OpSaid::Number(value),
        Told::Got(got) => OpSaid::Got(got.record.map(|record| record.value.to_vec())),
        other => panic!("nobody asked for {other:?}"),
    }
}
