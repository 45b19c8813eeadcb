//! A dkv over REST: HTTP/1.1, as `curl` asks it.
//!
//! A logical client has a connection of its own, kept open, with one request under way: HTTP/1.1
//! answers in the order of the questions. Values go as they are, but in batches and transactions,
//! which are JSON.

mod answer;
mod connection;
mod lane;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use parking_lot::Mutex;

use super::dkv::{Asker, explained};
use super::{Nodes, Promise};
use crate::base::{Error, ErrorKind, Result};
use crate::client::{Consistency, Dial};
use crate::perf::options::PerfOptions;
use connection::{Connection, Lost};
use lane::escaped;

pub(in crate::perf) use lane::RestLane;

/// Nodes of a dkv that are asked over REST.
pub(in crate::perf) struct Rest {
    named: Nodes,
    nodes: Vec<Arc<Node>>,
    asker: Arc<Asker>,
}

/// What the lanes to a node have in common.
struct Node {
    address: String,
    host: HeaderValue,
    shard: HeaderValue,
    /// What every query has, without a mark before it.
    query: String,
    timeout: Duration,
    dial: Arc<Dial>,
    /// Connections of lanes that have ended: those of the next test need not connect.
    idle: Mutex<Vec<Connection>>,
    asker: Arc<Asker>,
}

impl Rest {
    /// Nothing is connected before the first request.
    pub(super) async fn connect(options: &PerfOptions, named: &Nodes) -> Result<Self> {
        let asker = Arc::new(Asker::connect(options, named).await?);
        let client = &options.client;
        let dial = Dial::open(&named.options(client)).await?;
        let mut query = String::new();
        if !client.bucket.is_empty() {
            let _ = write!(query, "bucket={}", escaped(&client.bucket));
        }
        if client.consistency == Consistency::Stale {
            let mark = if query.is_empty() { "" } else { "&" };
            let _ = write!(query, "{mark}consistency=stale");
        }
        let node = |address: &String| {
            Ok(Arc::new(Node {
                address: address.clone(),
                host: HeaderValue::from_str(address).map_err(|_| {
                    Error::invalid(format!("`{address}` is not the address of a node"))
                })?,
                shard: HeaderValue::from(client.shard.0),
                query: query.clone(),
                timeout: client.timeout,
                dial: Arc::clone(&dial),
                idle: Mutex::default(),
                asker: Arc::clone(&asker),
            }))
        };
        Ok(Self {
            nodes: named.addresses.iter().map(node).collect::<Result<_>>()?,
            named: named.clone(),
            asker,
        })
    }

    pub(super) fn lane(&self, client: usize) -> RestLane {
        RestLane::new(Arc::clone(&self.nodes[client % self.nodes.len()]))
    }

    pub(super) fn name(&self) -> String {
        self.named.named("http")
    }

    /// How many connections `threads` logical clients have, to each node.
    pub(super) fn connections(&self, threads: usize) -> usize {
        threads.div_ceil(self.nodes.len())
    }

    pub(super) async fn promise(&self) -> Result<Promise> {
        let how = "HTTP/1.1, a connection for each client";
        self.asker.promise(how).await
    }

    pub(super) async fn explained(&self, error: Error) -> Error {
        explained(&self.named.addresses, error).await
    }

    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        self.lane(0).clear(prefix).await
    }
}

impl Node {
    fn lost(&self, lost: &Lost) -> Error {
        let kind = match lost {
            Lost::Unreachable(_) => ErrorKind::Unavailable,
            Lost::Broken(_) | Lost::Late => ErrorKind::Timeout,
            Lost::NotHttp(_) => ErrorKind::Internal,
        };
        let hint = match lost {
            Lost::Unreachable(_) => "; is `dkv serve` running?",
            _ => "",
        };
        let address = &self.address;
        Error::new(kind, format!("the node at {address}: {lost}{hint}"))
    }

    /// The owner of one acquisition, whom nobody else is.
    fn owner(&self) -> String {
        format!("{:032x}", self.asker.owner())
    }
}
