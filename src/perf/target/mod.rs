//! The servers that can be measured, behind one seam.
//!
//! Invariant: a lane's call returns once its server has answered, and an answer that is
//! not what was asked for is an error: nothing is counted that did not take place. It does
//! not know which test asks, nor what is measured.

mod address;
mod dkv;
mod etcd;
mod found;
mod grpc;
mod lane;
mod redis;
mod rest;

use super::options::PerfOptions;
use super::test::Test;
use crate::base::{Error, Result};
use dkv::{Dkv, DkvLane};
use etcd::{Etcd, EtcdLane};
use grpc::{Grpc, GrpcLane};
use redis::{Redis, RedisLane};
use rest::{Rest, RestLane};

pub use address::{Nodes, TargetAddress};

#[cfg(test)]
pub(super) use etcd::fake::Fake as FakeEtcd;
#[cfg(test)]
pub(super) use redis::fake::Fake as FakeRedis;

/// A server, or a cluster of them, that a run asks.
pub(super) enum Target {
    Dkv(Dkv),
    Redis(Redis),
    Etcd(Etcd),
    Rest(Rest),
    Grpc(Grpc),
}

/// What one logical client uses: it has one call under way at a time.
pub(super) enum Lane {
    Dkv(DkvLane),
    Redis(RedisLane),
    Etcd(EtcdLane),
    /// It has its connection with it.
    Rest(Box<RestLane>),
    Grpc(GrpcLane),
}

/// What a server promises, in words for people: figures of servers that promise different
/// things are not alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promise {
    /// Where a write is when it is confirmed, like "on disk (fdatasync)".
    pub acknowledged_when: String,
    /// How fresh reads are, like "linearizable".
    pub reads: String,
}

impl Target {
    /// Readies a target; most connect with the first call.
    ///
    /// # Errors
    /// `Invalid` for an address that cannot be; `Unavailable` if nobody answers there,
    /// or not what the address says.
    pub(super) async fn connect(options: &PerfOptions) -> Result<Self> {
        Ok(match &options.target {
            Some(TargetAddress::Redis(at)) => Self::Redis(Redis::connect(options, at).await?),
            Some(TargetAddress::Etcd(at)) => Self::Etcd(Etcd::connect(options, at).await?),
            Some(TargetAddress::Rest(at)) => Self::Rest(Rest::connect(options, at).await?),
            Some(TargetAddress::Grpc(at)) => Self::Grpc(Grpc::connect(options, at).await?),
            Some(TargetAddress::Dkv(_)) | None => Self::Dkv(Dkv::connect(options).await?),
        })
    }

    /// Whether a test can be run there.
    pub(super) fn has(&self, test: Test) -> bool {
        test != Test::Watch || matches!(self, Self::Dkv(_))
    }

    /// Says that only dkv's watches are measured.
    pub(super) fn unwatched() -> Error {
        Error::invalid("the test watch is for dkv:// alone: leave it out (--skip watch)")
    }

    /// Whether it is a dkv, however it is asked.
    pub(super) fn is_dkv(&self) -> bool {
        matches!(self, Self::Dkv(_) | Self::Rest(_) | Self::Grpc(_))
    }

    /// The lane of the logical client of this number.
    pub(super) fn lane(&self, client: usize) -> Lane {
        match self {
            Self::Dkv(dkv) => Lane::Dkv(dkv.lane(client)),
            Self::Redis(redis) => Lane::Redis(redis.lane(client)),
            Self::Etcd(etcd) => Lane::Etcd(etcd.lane(client)),
            Self::Rest(rest) => Lane::Rest(Box::new(rest.lane(client))),
            Self::Grpc(grpc) => Lane::Grpc(grpc.lane(client)),
        }
    }

    /// Where it is, as it was given.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Dkv(dkv) => dkv.name(),
            Self::Redis(redis) => redis.name(),
            Self::Etcd(etcd) => etcd.name(),
            Self::Rest(rest) => rest.name(),
            Self::Grpc(grpc) => grpc.name(),
        }
    }

    /// How many connections the logical clients have, to each of its servers.
    pub(super) fn connections(&self, options: &PerfOptions) -> usize {
        match self {
            Self::Redis(redis) => redis.connections(options.threads),
            Self::Rest(rest) => rest.connections(options.threads),
            Self::Dkv(_) | Self::Etcd(_) | Self::Grpc(_) => options.client.connections,
        }
    }

    /// What it promises, asked from the server itself.
    pub(super) async fn promise(&self) -> Result<Promise> {
        match self {
            Self::Dkv(dkv) => dkv.promise().await,
            Self::Redis(redis) => redis.promise().await,
            Self::Etcd(etcd) => etcd.promise().await,
            Self::Rest(rest) => rest.promise().await,
            Self::Grpc(grpc) => grpc.promise().await,
        }
    }

    /// The error of a first call, in words that say what is there if it is something else.
    pub(super) async fn explained(&self, error: Error) -> Error {
        match self {
            Self::Dkv(dkv) => dkv.explained(error).await,
            Self::Rest(rest) => rest.explained(error).await,
            Self::Grpc(grpc) => grpc.explained(error).await,
            // They have been asked when they were connected.
            Self::Redis(_) | Self::Etcd(_) => error,
        }
    }

    /// Removes every key that begins with `prefix`.
    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        match self {
            Self::Dkv(dkv) => dkv.clear(prefix).await,
            Self::Redis(redis) => redis.clear(prefix).await,
            Self::Etcd(etcd) => etcd.clear(prefix).await,
            Self::Rest(rest) => rest.clear(prefix).await,
            Self::Grpc(grpc) => grpc.clear(prefix).await,
        }
    }

    /// What a person types to do the same.
    pub(super) fn removed_by(&self, prefix: &str) -> String {
        match self {
            Self::Dkv(_) | Self::Rest(_) | Self::Grpc(_) => format!(
                "with the same options for the server, `dkv kv delete --prefix {prefix} --yes`"
            ),
            Self::Redis(redis) => redis.removed_by(prefix),
            Self::Etcd(etcd) => etcd.removed_by(prefix),
        }
    }
}
