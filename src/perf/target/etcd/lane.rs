//! What one logical client asks an etcd.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tonic::Code;
use tonic::transport::Channel;

use super::messages::{
    Call, Compare, DeleteRangeRequest, KeyValue, LeaseGrantRequest, LeaseRevokeRequest,
    LockRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, UnlockRequest,
};
use super::{Members, ask, refused};
use crate::base::{Result, limits};

/// How long the locks of a client that dies are held.
const LEASE_TTL: Duration = Duration::from_secs(120);

/// Before a lease is so old it is replaced by a new one, between two locks. That costs no
/// more than to keep it alive, which needs a stream of its own.
const LEASE_USED: Duration = Duration::from_secs(60);

/// Keys that are removed at once.
const CLEARED_AT_ONCE: i64 = 10_000;

/// Records in a page of a scan: they may be large.
const PAGE_RECORDS: u64 = limits::SCAN_PAGE_RECORDS as u64;

/// One logical client.
pub(in crate::perf) struct EtcdLane {
    pub(super) endpoint: String,
    pub(super) channel: Channel,
    members: Arc<Members>,
    /// What its locks depend on; none before the first.
    lease: Mutex<Option<Lease>>,
}

#[derive(Clone, Copy)]
struct Lease {
    id: i64,
    used_until_ms: u64,
}

impl EtcdLane {
    pub(super) fn new(endpoint: String, channel: Channel, members: Arc<Members>) -> Self {
        Self {
            endpoint,
            channel,
            members,
            lease: Mutex::new(None),
        }
    }

    pub(super) async fn ask<C: Call>(&self, call: C) -> Result<C::Answer> {
        let answer = ask(&self.channel, call).await;
        answer.map_err(|status| refused(&self.endpoint, &status))
    }

    pub(in crate::perf::target) async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        let key = bytes(key);
        self.ask(PutRequest { key, value }).await?;
        Ok(())
    }

    pub(in crate::perf::target) async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.record(bytes(key)).await?.map(|record| record.value))
    }

    async fn record(&self, key: Bytes) -> Result<Option<KeyValue>> {
        let request = RangeRequest {
            key,
            ..RangeRequest::default()
        };
        Ok(self.ask(request).await?.kvs.pop())
    }

    pub(in crate::perf::target) async fn has(&self, key: &str) -> Result<bool> {
        let request = RangeRequest {
            key: bytes(key),
            count_only: true,
            ..RangeRequest::default()
        };
        Ok(self.ask(request).await?.count > 0)
    }

    pub(in crate::perf::target) async fn delete(&self, key: &str) -> Result<bool> {
        let request = DeleteRangeRequest {
            key: bytes(key),
            range_end: Bytes::new(),
        };
        Ok(self.ask(request).await?.deleted > 0)
    }

    /// Reads the records from `start` on that begin with `prefix`, page by page; 0 is no
    /// limit.
    pub(in crate::perf::target) async fn scan(
        &self,
        prefix: &str,
        start: &str,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let limit = if limit == 0 { u64::MAX } else { limit };
        let (mut key, range_end) = (bytes(start), behind(prefix));
        let mut records = 0;
        while records < limit && go_on() {
            let page = PAGE_RECORDS.min(limit - records);
            let request = RangeRequest {
                key,
                range_end: range_end.clone(),
                limit: page.cast_signed(),
                ..RangeRequest::default()
            };
            let found = self.ask(request).await?;
            records += found.kvs.len() as u64;
            match found.kvs.last() {
                Some(last) if found.more => key = after(&last.key),
                _ => break,
            }
        }
        Ok(records)
    }

    /// Removes keys in portions: each is answered in time, however many there are.
    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        let (key, range_end) = (bytes(prefix), behind(prefix));
        loop {
            let request = RangeRequest {
                key: key.clone(),
                range_end: range_end.clone(),
                limit: CLEARED_AT_ONCE,
                keys_only: true,
                ..RangeRequest::default()
            };
            let found = self.ask(request).await?;
            let Some(last) = found.kvs.last() else {
                return Ok(());
            };
            let request = DeleteRangeRequest {
                key: key.clone(),
                range_end: after(&last.key),
            };
            self.ask(request).await?;
            if !found.more {
                return Ok(());
            }
        }
    }

    pub(in crate::perf::target) async fn modify(&self, key: &str, value: Bytes) -> Result<bool> {
        let key = bytes(key);
        let record = self.record(key.clone()).await?;
        let compare = Compare {
            result: Compare::EQUAL,
            target: Compare::MOD,
            key: key.clone(),
            // A key that is absent has 0.
            mod_revision: Some(record.map_or(0, |record| record.mod_revision)),
        };
        let put = RequestOp {
            request_put: Some(PutRequest { key, value }),
        };
        let request = TxnRequest {
            compare: vec![compare],
            success: vec![put],
        };
        Ok(self.ask(request).await?.succeeded)
    }

    /// Without a compare all puts are done.
    pub(in crate::perf::target) async fn batch(&self, keys: &[String], value: Bytes) -> Result<()> {
        let request = TxnRequest {
            compare: Vec::new(),
            success: puts(keys, &value),
        };
        self.ask(request).await?;
        Ok(())
    }

    pub(in crate::perf::target) async fn txn(&self, keys: &[String], value: Bytes) -> Result<bool> {
        let is_there = Compare {
            result: Compare::GREATER,
            target: Compare::MOD,
            key: bytes(&keys[0]),
            mod_revision: Some(0),
        };
        let request = TxnRequest {
            compare: vec![is_there],
            success: puts(keys, &value),
        };
        Ok(self.ask(request).await?.succeeded)
    }

    /// A lock of etcd's own service, under a lease that this client has for all its locks,
    /// as a session of etcd's libraries. Etcd waits while somebody else has it.
    pub(in crate::perf::target) async fn lock_cycle(&self, name: &str) -> Result<()> {
        let lease = self.lease().await?;
        let name = bytes(name);
        let locked = self.ask(LockRequest { name, lease }).await?;
        self.ask(UnlockRequest { key: locked.key }).await?;
        Ok(())
    }

    /// The lease of this client's locks, which lasts long enough for one more.
    async fn lease(&self) -> Result<i64> {
        let now_ms = self.members.clock.boot_ms();
        let lease = *self.lease.lock();
        if let Some(lease) = lease.filter(|lease| now_ms < lease.used_until_ms) {
            return Ok(lease.id);
        }
        let ttl = LEASE_TTL.as_secs().cast_signed();
        let id = self.ask(LeaseGrantRequest { ttl }).await?.id;
        self.members.leases.lock().push(id);
        *self.lease.lock() = Some(Lease {
            id,
            used_until_ms: now_ms + LEASE_USED.as_millis() as u64,
        });
        Ok(id)
    }

    /// Ends a lease. One that has run out meanwhile is gone as well.
    pub(super) async fn revoke(&self, id: i64) -> Result<()> {
        match ask(&self.channel, LeaseRevokeRequest { id }).await {
            Err(status) if status.code() != Code::NotFound => Err(refused(&self.endpoint, &status)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn puts(keys: &[String], value: &Bytes) -> Vec<RequestOp> {
    let put = |key: &String| RequestOp {
        request_put: Some(PutRequest {
            key: bytes(key),
            value: value.clone(),
        }),
    };
    keys.iter().map(put).collect()
}

/// The end of the range of all keys that begin with `prefix`.
fn behind(prefix: &str) -> Bytes {
    let mut end = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is the highest there is, so there is always a next one.
    match end.last_mut() {
        Some(last) => *last += 1,
        // What etcd takes for the end of all keys.
        None => end.push(0),
    }
    end.into()
}

/// The first key after `key`.
fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
