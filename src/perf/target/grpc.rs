//! A dkv over unary calls of gRPC: as programs without a library of dkv ask it.
//!
//! The logical clients share a few connections to each node, and each call is a stream of
//! HTTP/2 of its own.

mod lane;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};

use super::dkv::{Asker, explained};
use super::etcd::innermost;
use super::{Nodes, Promise};
use crate::base::{Error, Result};
use crate::client::{Consistency, Dial};
use crate::perf::options::PerfOptions;
use crate::proto::v1;

pub(in crate::perf) use lane::GrpcLane;

/// A node that takes longer than this to take a connection is as good as down.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Nodes of a dkv that are asked by unary calls.
pub(in crate::perf) struct Grpc {
    nodes: Nodes,
    channels: Vec<Channel>,
    call: Arc<Call>,
}

/// What all calls have in common.
struct Call {
    target: v1::Target,
    timeout: Duration,
    asker: Asker,
}

impl Grpc {
    /// Opens all connections.
    pub(super) async fn connect(options: &PerfOptions, nodes: &Nodes) -> Result<Self> {
        let client = &options.client;
        let asker = Asker::connect(options, nodes).await?;
        let dial = Dial::open(&nodes.options(client)).await?;
        let mut channels = Vec::new();
        for _ in 0..client.connections {
            for address in &nodes.addresses {
                channels.push(open(&dial, address, client.timeout).await?);
            }
        }
        Ok(Self {
            nodes: nodes.clone(),
            channels,
            call: Arc::new(Call {
                target: v1::Target {
                    shard: client.shard.0,
                    bucket: client.bucket.clone(),
                    stale: client.consistency == Consistency::Stale,
                },
                timeout: client.timeout,
                asker,
            }),
        })
    }

    pub(super) fn lane(&self, client: usize) -> GrpcLane {
        let channel = client % self.channels.len();
        GrpcLane::new(
            self.nodes.addresses[channel % self.nodes.addresses.len()].clone(),
            self.channels[channel].clone(),
            Arc::clone(&self.call),
        )
    }

    pub(super) fn name(&self) -> String {
        self.nodes.named("grpc")
    }

    pub(super) async fn promise(&self) -> Result<Promise> {
        self.call.asker.promise("unary gRPC").await
    }

    pub(super) async fn explained(&self, error: Error) -> Error {
        explained(&self.nodes.addresses, error).await
    }

    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        self.lane(0).clear(prefix).await
    }
}

async fn open(dial: &Arc<Dial>, address: &str, timeout: Duration) -> Result<Channel> {
    let transport = Endpoint::from_shared(format!("http://{address}")).map_err(|error| {
        Error::invalid(format!(
            "`{address}` is not the address of a node: write host:port ({error})"
        ))
    })?;
    let within = CONNECT_WITHIN.min(timeout);
    let (dial, at) = (Arc::clone(dial), address.to_owned());
    let connector = tower::service_fn(move |_: Uri| {
        let (dial, at) = (Arc::clone(&dial), at.clone());
        async move {
            let dialled = dial.dial(&at, b"h2", within).await;
            dialled.map(|(line, _)| TokioIo::new(line))
        }
    });
    let transport = transport.connect_timeout(within);
    let connected = transport.connect_with_connector(connector).await;
    connected.map_err(|error| {
        Error::unavailable(format!(
            "the node at {address}: cannot connect: {}; is `dkv serve` running?",
            innermost(&error)
        ))
    })
}
