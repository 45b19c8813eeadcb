//! etcd over gRPC, with messages of our own.
//!
//! The logical clients take turns over all endpoints, in the order in which they were given,
//! and over a few connections to each. With one endpoint alone all of them go there.

mod lane;
mod messages;

#[cfg(test)]
pub(in crate::perf) mod fake;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use parking_lot::Mutex;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::Promise;
use super::found::{Found, found_at};
use crate::base::host::{Clock, Host};
use crate::base::{Error, ErrorKind, Result};
use crate::perf::options::PerfOptions;
use messages::{Call, MemberListRequest};

pub(in crate::perf) use lane::EtcdLane;

/// An endpoint that takes longer than this is as good as down.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// A page of a scan with large values, bytes: etcd's own requests are smaller.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Members of etcd.
pub(in crate::perf) struct Etcd {
    endpoints: Vec<String>,
    channels: Vec<Channel>,
    members: Arc<Members>,
}

/// What the lanes have in common.
struct Members {
    clock: Arc<dyn Clock>,
    /// Leases that were granted, for the end.
    leases: Mutex<Vec<i64>>,
}

impl Etcd {
    /// Opens all connections, and asks a first question on each of them.
    pub(super) async fn connect(options: &PerfOptions, endpoints: &[String]) -> Result<Self> {
        options.client.check()?;
        let mut channels = Vec::new();
        for _ in 0..options.client.connections {
            for endpoint in endpoints {
                channels.push(open(endpoint, options.client.timeout).await?);
            }
        }
        Ok(Self {
            endpoints: endpoints.to_vec(),
            channels,
            members: Arc::new(Members {
                clock: Host::system().clock,
                leases: Mutex::default(),
            }),
        })
    }

    pub(super) fn lane(&self, client: usize) -> EtcdLane {
        let channel = client % self.channels.len();
        EtcdLane::new(
            self.endpoints[channel % self.endpoints.len()].clone(),
            self.channels[channel].clone(),
            Arc::clone(&self.members),
        )
    }

    pub(super) fn name(&self) -> String {
        format!("etcd://{}", self.endpoints.join(","))
    }

    pub(super) async fn promise(&self) -> Result<Promise> {
        let listed = self.lane(0).ask(MemberListRequest {}).await?;
        let voters = listed.members.iter().filter(|member| !member.is_learner);
        Ok(Promise {
            acknowledged_when: match voters.count() {
                0 | 1 => "on disk (fdatasync)".to_owned(),
                voters => format!("a majority of {voters} has it on disk (fdatasync)"),
            },
            reads: "linearizable".to_owned(),
        })
    }

    pub(super) fn removed_by(&self, prefix: &str) -> String {
        let endpoints = self.endpoints.join(",");
        format!("`etcdctl --endpoints {endpoints} del --prefix {prefix}`")
    }

    /// Removes the keys, and the leases of locks.
    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        let lane = self.lane(0);
        lane.clear(prefix).await?;
        let leases = std::mem::take(&mut *self.members.leases.lock());
        for id in leases {
            // One that has run out meanwhile is gone as well.
            lane.revoke(id).await?;
        }
        Ok(())
    }
}

/// A connection on which an etcd has answered.
async fn open(endpoint: &str, timeout: Duration) -> Result<Channel> {
    let transport = Endpoint::from_shared(format!("http://{endpoint}")).map_err(|error| {
        Error::invalid(format!(
            "`{endpoint}` is not an endpoint of etcd: write host:port ({error})"
        ))
    })?;
    let transport = transport
        .connect_timeout(CONNECT_WITHIN)
        .timeout(timeout)
        .tcp_nodelay(true);
    let opening = async {
        let channel = transport.connect().await;
        let channel = channel.map_err(|error| Status::unavailable(innermost(&error)))?;
        ask(&channel, MemberListRequest {}).await?;
        Ok(channel)
    };
    let opened = tokio::time::timeout(CONNECT_WITHIN.min(timeout), opening).await;
    match opened.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer"))) {
        Ok(channel) => Ok(channel),
        Err(status) => Err(not_served(endpoint, &status).await),
    }
}

/// Why a first question had no answer.
async fn not_served(endpoint: &str, status: &Status) -> Error {
    let said = status.message();
    match found_at(endpoint).await {
        Found::Nothing => {
            Error::unavailable(format!("no etcd can be reached at {endpoint}: {said}"))
        }
        Found::Etcd => refused(endpoint, status),
        other => Error::unavailable(format!(
            "etcd://{endpoint} is not an etcd: there is {other}"
        )),
    }
}

/// One call and its answer.
async fn ask<C: Call>(channel: &Channel, call: C) -> Result<C::Answer, Status> {
    // A handle is cheap, and every call needs one of its own.
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    let ready = grpc.ready().await;
    ready.map_err(|error| Status::unavailable(innermost(&error)))?;
    let codec = ProstCodec::<C, C::Answer>::default();
    let path = PathAndQuery::from_static(C::PATH);
    let answer = grpc.unary(tonic::Request::new(call), path, codec).await?;
    Ok(answer.into_inner())
}

/// What the operating system said: the layers above only say that something went wrong.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn refused(endpoint: &str, status: &Status) -> Error {
    let kind = match status.code() {
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Denied,
        Code::ResourceExhausted => ErrorKind::LimitExceeded,
        Code::Unavailable => ErrorKind::Unavailable,
        Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => ErrorKind::Timeout,
        Code::Internal | Code::Unimplemented | Code::DataLoss => ErrorKind::Internal,
        _ => ErrorKind::Invalid,
    };
    let message = match status.message() {
        "" => status.code().description(),
        message => message,
    };
    Error::new(kind, format!("the etcd at {endpoint} answered: {message}"))
}
