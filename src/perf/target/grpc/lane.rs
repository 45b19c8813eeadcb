//! What one logical client asks a node, a call at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::Call;
use crate::base::types::prefix_end;
use crate::base::{Error, Result, duration};
use crate::client::from_status;
use crate::perf::target::dkv::{bytes, held};
use crate::proto::v1;
use crate::proto::v1::compare::{Given, Relation, Subject};
use crate::proto::v1::kv_client::KvClient;
use crate::proto::v1::lock_client::LockClient;

/// A value at its longest, or a page of them, bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The lease of a lock that a client which dies leaves behind.
const LOCK_TTL: Duration = Duration::from_secs(30);

/// One logical client.
pub(in crate::perf) struct GrpcLane {
    address: String,
    channel: Channel,
    call: Arc<Call>,
}

impl GrpcLane {
    pub(super) fn new(address: String, channel: Channel, call: Arc<Call>) -> Self {
        Self {
            address,
            channel,
            call,
        }
    }

    /// A handle is cheap, and every call needs one of its own.
    fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn lock(&self) -> LockClient<Channel> {
        LockClient::new(self.channel.clone())
    }

    fn target(&self) -> Option<v1::Target> {
        Some(self.call.target.clone())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.call.timeout);
        request
    }

    /// A message of an answer that has many: each of them has the time of one call.
    async fn within<T>(&self, message: impl Future<Output = Result<T, Status>>) -> Result<T> {
        match timeout(self.call.timeout, message).await {
            Ok(message) => message.map_err(|status| self.refused(&status)),
            Err(_) => Err(Error::timeout(format!(
                "the node at {}: nothing came within {}",
                self.address,
                duration::format(self.call.timeout)
            ))),
        }
    }

    fn refused(&self, status: &Status) -> Error {
        from_status(status, &self.address)
    }

    /// Whether it was written.
    async fn write(
        &self,
        key: Bytes,
        value: Bytes,
        condition: Option<v1::Condition>,
    ) -> Result<bool> {
        let set = v1::SetRequest {
            target: self.target(),
            key,
            value,
            condition,
            ..v1::SetRequest::default()
        };
        let reply = self.kv().set(self.request(set)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        Ok(reply.into_inner().written)
    }

    pub(in crate::perf::target) async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        match self.write(bytes(key), value, None).await? {
            true => Ok(()),
            false => Err(Error::internal("a set without a condition was not done")),
        }
    }

    async fn record(&self, key: Bytes) -> Result<Option<v1::Record>> {
        let get = v1::GetRequest {
            target: self.target(),
            key,
            at: None,
        };
        let reply = self.kv().get(self.request(get)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        Ok(reply.into_inner().record)
    }

    pub(in crate::perf::target) async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.record(bytes(key)).await?.map(|record| record.value))
    }

    pub(in crate::perf::target) async fn has(&self, key: &str) -> Result<bool> {
        let has = v1::HasRequest {
            target: self.target(),
            key: bytes(key),
        };
        let reply = self.kv().has(self.request(has)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        Ok(reply.into_inner().found)
    }

    async fn remove(&self, what: v1::delete_request::What) -> Result<u64> {
        let delete = v1::DeleteRequest {
            target: self.target(),
            what: Some(what),
            ..v1::DeleteRequest::default()
        };
        let reply = self.kv().delete(self.request(delete)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        Ok(reply.into_inner().deleted)
    }

    pub(in crate::perf::target) async fn delete(&self, key: &str) -> Result<bool> {
        let key = v1::delete_request::What::Key(bytes(key));
        Ok(self.remove(key).await? > 0)
    }

    /// Removes every key that begins with `prefix`.
    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        let range = v1::delete_request::What::Range(range(prefix, prefix));
        self.remove(range).await?;
        Ok(())
    }

    /// Reads the records from `start` on that begin with `prefix`: one call, answered page by
    /// page; 0 is no limit. However many pages there are, each has the time of one call.
    pub(in crate::perf::target) async fn scan(
        &self,
        prefix: &str,
        start: &str,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let scan = v1::ScanRequest {
            target: self.target(),
            range: Some(range(prefix, start)),
            limit,
            ..v1::ScanRequest::default()
        };
        // A deadline in the request would be for the first page alone.
        let pages = self.within(self.kv().scan(scan)).await?;
        let mut pages = pages.into_inner();
        let mut records = 0;
        while go_on() {
            match self.within(pages.message()).await? {
                Some(page) => records += page.records.len() as u64,
                None => break,
            }
        }
        Ok(records)
    }

    pub(in crate::perf::target) async fn modify(&self, key: &str, value: Bytes) -> Result<bool> {
        use v1::condition::Kind;
        let key = bytes(key);
        let kind = match self.record(key.clone()).await? {
            Some(record) => Kind::Revision(record.revision),
            None => Kind::Absent(true),
        };
        let condition = v1::Condition { kind: Some(kind) };
        self.write(key, value, Some(condition)).await
    }

    pub(in crate::perf::target) async fn batch(&self, keys: &[String], value: Bytes) -> Result<()> {
        let batch = v1::BatchRequest {
            target: self.target(),
            ops: sets(keys, &value),
            ..v1::BatchRequest::default()
        };
        let reply = self.kv().batch(self.request(batch)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        let results = reply.into_inner().results;
        let done = results.iter().filter(|result| {
            let result = result.result.as_ref();
            matches!(result, Some(v1::op_result::Result::Set(set)) if set.written)
        });
        match done.count() == keys.len() {
            true => Ok(()),
            false => Err(Error::internal("not every key was set")),
        }
    }

    pub(in crate::perf::target) async fn txn(&self, keys: &[String], value: Bytes) -> Result<bool> {
        let is_there = v1::Compare {
            subject: Some(Subject::Key(bytes(&keys[0]))),
            relation: Relation::Equal.into(),
            given: Some(Given::Exists(true)),
        };
        let txn = v1::TxnRequest {
            target: self.target(),
            compares: vec![is_there],
            then: sets(keys, &value),
            ..v1::TxnRequest::default()
        };
        let reply = self.kv().txn(self.request(txn)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        Ok(reply.into_inner().succeeded)
    }

    pub(in crate::perf::target) async fn lock_cycle(&self, name: &str) -> Result<()> {
        let owner = Bytes::copy_from_slice(&self.call.asker.owner().to_be_bytes());
        let acquire = v1::AcquireRequest {
            target: self.target(),
            name: bytes(name),
            owner: owner.clone(),
            ttl_ms: LOCK_TTL.as_millis() as u64,
            ..v1::AcquireRequest::default()
        };
        let reply = self.lock().acquire(self.request(acquire)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        if !reply.into_inner().acquired {
            return Err(held());
        }
        let release = v1::ReleaseRequest {
            target: self.target(),
            name: bytes(name),
            owner,
            ..v1::ReleaseRequest::default()
        };
        let reply = self.lock().release(self.request(release)).await;
        let reply = reply.map_err(|status| self.refused(&status))?;
        match reply.into_inner().released {
            true => Ok(()),
            false => Err(held()),
        }
    }
}

fn range(prefix: &str, start: &str) -> v1::KeyRange {
    v1::KeyRange {
        start: bytes(start),
        end: prefix_end(prefix.as_bytes()).unwrap_or_default(),
    }
}

fn sets(keys: &[String], value: &Bytes) -> Vec<v1::Op> {
    let set = |key: &String| v1::Op {
        op: Some(v1::op::Op::Set(v1::SetOp {
            key: bytes(key),
            value: value.clone(),
            ..v1::SetOp::default()
        })),
    };
    keys.iter().map(set).collect()
}
