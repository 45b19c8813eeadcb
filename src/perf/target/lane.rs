//! What a logical client asks, of whichever server it is.

use bytes::Bytes;

use super::{Lane, Target};
use crate::base::{Error, ErrorKind, Result};

impl Lane {
    /// Sets a key.
    pub(in crate::perf) async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        match self {
            Self::Dkv(lane) => lane.set(key, value).await,
            Self::Redis(lane) => lane.set(key, value).await,
            Self::Etcd(lane) => lane.set(key, value).await,
            Self::Rest(lane) => lane.set(key, value).await,
            Self::Grpc(lane) => lane.set(key, value).await,
        }
    }

    /// The value of a key.
    pub(in crate::perf) async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        match self {
            Self::Dkv(lane) => lane.get(key).await,
            Self::Redis(lane) => lane.get(key).await,
            Self::Etcd(lane) => lane.get(key).await,
            Self::Rest(lane) => lane.get(key).await,
            Self::Grpc(lane) => lane.get(key).await,
        }
    }

    /// Whether a key is there.
    pub(in crate::perf) async fn has(&self, key: &str) -> Result<bool> {
        match self {
            Self::Dkv(lane) => lane.has(key).await,
            Self::Redis(lane) => lane.has(key).await,
            Self::Etcd(lane) => lane.has(key).await,
            Self::Rest(lane) => lane.has(key).await,
            Self::Grpc(lane) => lane.has(key).await,
        }
    }

    /// Removes a key; whether it was there.
    pub(in crate::perf) async fn delete(&self, key: &str) -> Result<bool> {
        match self {
            Self::Dkv(lane) => lane.delete(key).await,
            Self::Redis(lane) => lane.delete(key).await,
            Self::Etcd(lane) => lane.delete(key).await,
            Self::Rest(lane) => lane.delete(key).await,
            Self::Grpc(lane) => lane.delete(key).await,
        }
    }

    /// Reads the records whose keys begin with `prefix`, at most `limit`, page by page, as
    /// long as `go_on` says so before each; how many there were.
    pub(in crate::perf) async fn scan(
        &self,
        prefix: &str,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        match self {
            Self::Dkv(lane) => lane.scan(prefix, limit, go_on).await,
            Self::Redis(lane) => lane.scan(prefix, limit, go_on).await,
            Self::Etcd(lane) => lane.scan(prefix, prefix, limit, go_on).await,
            Self::Rest(lane) => lane.scan(prefix, prefix, limit, go_on).await,
            Self::Grpc(lane) => lane.scan(prefix, prefix, limit, go_on).await,
        }
    }

    /// Reads the records from the key `start` on, in key order, at most `limit`, of those
    /// that begin with `prefix`, as `start` does; how many there were.
    ///
    /// # Errors
    /// `Invalid` of a server that keeps no order.
    pub(in crate::perf) async fn scan_from(
        &self,
        prefix: &str,
        start: &str,
        limit: u64,
    ) -> Result<u64> {
        match self {
            Self::Dkv(lane) => lane.scan_from(prefix, start, limit).await,
            Self::Redis(lane) => lane.scan_from(),
            Self::Etcd(lane) => lane.scan(prefix, start, limit, &|| true).await,
            Self::Rest(lane) => lane.scan(prefix, start, limit, &|| true).await,
            Self::Grpc(lane) => lane.scan(prefix, start, limit, &|| true).await,
        }
    }

    /// Reads a key, and sets it unless it was changed in between. False if it was: the
    /// caller may try again.
    pub(in crate::perf) async fn modify(&self, key: &str, value: Bytes) -> Result<bool> {
        match self {
            Self::Dkv(lane) => lane.modify(key, value).await,
            Self::Redis(lane) => lane.modify(key, value).await,
            Self::Etcd(lane) => lane.modify(key, value).await,
            Self::Rest(lane) => lane.modify(key, value).await,
            Self::Grpc(lane) => lane.modify(key, value).await,
        }
    }

    /// Sets a key, the same each time, and waits until a watch on it tells so.
    ///
    /// # Errors
    /// `Invalid` of a server whose watches are not measured.
    pub(in crate::perf) async fn watch_cycle(&self, key: &str, value: Bytes) -> Result<()> {
        match self {
            Self::Dkv(lane) => lane.watch_cycle(key, value).await,
            Self::Redis(_) | Self::Etcd(_) | Self::Rest(_) | Self::Grpc(_) => {
                Err(Target::unwatched())
            }
        }
    }

    /// Sets keys in one request.
    pub(in crate::perf) async fn batch(&self, keys: &[String], value: Bytes) -> Result<()> {
        match self {
            Self::Dkv(lane) => lane.batch(keys, value).await,
            Self::Redis(lane) => lane.batch(keys, &value).await,
            Self::Etcd(lane) => lane.batch(keys, value).await,
            Self::Rest(lane) => lane.batch(keys, value).await,
            Self::Grpc(lane) => lane.batch(keys, value).await,
        }
    }

    /// Sets keys, all or none, if the first of them is there.
    ///
    /// # Errors
    /// `Conflict` if it is not.
    pub(in crate::perf) async fn txn(&self, keys: &[String], value: Bytes) -> Result<()> {
        let done = match self {
            Self::Dkv(lane) => lane.txn(keys, value).await?,
            Self::Redis(lane) => lane.txn(keys, &value).await?,
            Self::Etcd(lane) => lane.txn(keys, value).await?,
            Self::Rest(lane) => lane.txn(keys, value).await?,
            Self::Grpc(lane) => lane.txn(keys, value).await?,
        };
        if done {
            return Ok(());
        }
        let message = "a key that the transaction asks for is not there";
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Acquires a lock that nobody else should hold, and releases it.
    ///
    /// # Errors
    /// `Conflict` if it was held.
    pub(in crate::perf) async fn lock_cycle(&self, name: &str) -> Result<()> {
        match self {
            Self::Dkv(lane) => lane.lock_cycle(name).await,
            Self::Redis(lane) => lane.lock_cycle(name).await,
            Self::Etcd(lane) => lane.lock_cycle(name).await,
            Self::Rest(lane) => lane.lock_cycle(name).await,
            Self::Grpc(lane) => lane.lock_cycle(name).await,
        }
    }
}
