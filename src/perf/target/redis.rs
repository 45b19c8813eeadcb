//! Redis, and what speaks its protocol, over a client of our own.
//!
//! A logical client has a connection of its own and one command under way, as with
//! `redis-benchmark -P 1`; or all share a few connections, on which many commands are under
//! way at once, as dkv's own sessions do.

mod connection;
mod lane;
mod pipeline;
mod promise;
mod resp;

#[cfg(test)]
pub(in crate::perf) mod fake;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::Promise;
use super::found::{Found, found_at};
use crate::base::host::Host;
use crate::base::{Error, ErrorKind, Result};
use crate::perf::options::PerfOptions;
use crate::perf::test::Test;
use connection::{Connection, Lost};
use pipeline::Pipeline;
use resp::Reply;

pub(in crate::perf) use lane::RedisLane;

/// Who has not answered a first question by then is no Redis.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A Redis server.
pub(in crate::perf) struct Redis {
    server: Arc<Server>,
    /// Shared by the logical clients; none if each has a connection of its own.
    pipelines: Vec<Pipeline>,
}

/// What the lanes of a server have in common.
struct Server {
    address: String,
    timeout: Duration,
    /// Connections of lanes that have ended: those of the next test need not connect.
    idle: Mutex<Vec<Connection>>,
    scripts: [OnceCell<bytes::Bytes>; 3],
    /// Marks the owners of locks, which nobody else may have.
    nonce: u128,
}

impl Redis {
    /// Asks a first question at `address`.
    pub(super) async fn connect(options: &PerfOptions, address: &str) -> Result<Self> {
        options.client.check()?;
        if options.tests.contains(&Test::YcsbE) {
            return Err(Error::invalid(format!(
                "redis://{address} keeps its keys in no order, so that none of it can be scanned \
                 from a key on: add --skip {}",
                Test::YcsbE
            )));
        }
        let server = Arc::new(Server {
            address: address.to_owned(),
            timeout: options.client.timeout,
            idle: Mutex::new(Vec::new()),
            scripts: Default::default(),
            nonce: u128::from_be_bytes(Host::system().rng.id()),
        });
        let connections = if options.pipeline {
            options.client.connections
        } else {
            0
        };
        let pipelines = (0..connections).map(|_| Pipeline::to(address.to_owned()));
        let redis = Self {
            pipelines: pipelines.collect(),
            server,
        };
        redis.greet().await?;
        Ok(redis)
    }

    async fn greet(&self) -> Result<()> {
        let within = self.server.timeout.min(FIRST_ANSWER_WITHIN);
        let address = &self.server.address;
        match self.lane(0).exchange(&[b"PING"], within).await {
            Ok(Reply::Simple(pong)) if &pong[..] == b"PONG" => Ok(()),
            Ok(Reply::Error(text)) => Err(self.server.refused(&text)),
            Err(Lost::Unreachable(why)) => Err(Error::unavailable(format!(
                "no Redis can be reached at {address}: {why}"
            ))),
            answer => match (found_at(address).await, answer) {
                (Found::Redis, Err(lost)) => Err(self.server.lost(&lost)),
                (found, _) => Err(Error::unavailable(format!(
                    "redis://{address} is not a Redis: there is {found}"
                ))),
            },
        }
    }

    pub(super) fn lane(&self, client: usize) -> RedisLane {
        let pipeline = match self.pipelines.len() {
            0 => None,
            count => Some(self.pipelines[client % count].clone()),
        };
        RedisLane::new(Arc::clone(&self.server), pipeline, client)
    }

    pub(super) fn name(&self) -> String {
        format!("redis://{}", self.server.address)
    }

    /// How many connections `threads` logical clients have.
    pub(super) fn connections(&self, threads: usize) -> usize {
        match self.pipelines.len() {
            0 => threads,
            count => count,
        }
    }

    pub(super) async fn promise(&self) -> Result<Promise> {
        let lane = self.lane(0);
        let mut settings = HashMap::new();
        for name in promise::SETTINGS {
            // Servers of providers refuse to tell; then nothing is known of them.
            match lane.ask(&[b"CONFIG", b"GET", name.as_bytes()]).await {
                Ok(reply) => settings.extend(promise::settings(&reply)),
                Err(error) if is_of_connection(&error) => return Err(error),
                Err(_) => {}
            }
        }
        let replication = match lane.ask(&[b"INFO", b"replication"]).await {
            Ok(Reply::Bulk(text)) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if is_of_connection(&error) => return Err(error),
            Ok(_) | Err(_) => String::new(),
        };
        Ok(promise::promise(&settings, &replication))
    }

    pub(super) fn removed_by(&self, prefix: &str) -> String {
        let ask = format!("redis-cli -u {}", self.name());
        format!("`{ask} --scan --pattern '{prefix}*' | xargs {ask} unlink`")
    }

    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        self.lane(0).clear(prefix).await
    }
}

fn is_of_connection(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}

impl Server {
    /// The error of a command that the server has refused.
    fn refused(&self, text: &[u8]) -> Error {
        let text = String::from_utf8_lossy(text);
        let kind = match text.split(' ').next().unwrap_or_default() {
            "NOAUTH" | "WRONGPASS" => {
                return Error::new(
                    ErrorKind::Unauthenticated,
                    format!(
                        "the Redis at {} asks for a password, and `dkv perf` has none: measure \
                         one without ({text})",
                        self.address
                    ),
                );
            }
            "NOPERM" => ErrorKind::Denied,
            "OOM" | "MISCONF" => ErrorKind::LimitExceeded,
            "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => {
                ErrorKind::Unavailable
            }
            _ => ErrorKind::Invalid,
        };
        Error::new(
            kind,
            format!("the Redis at {} answered: {text}", self.address),
        )
    }

    fn lost(&self, lost: &Lost) -> Error {
        let kind = match lost {
            Lost::Unreachable(_) => ErrorKind::Unavailable,
            Lost::Broken(_) | Lost::Late => ErrorKind::Timeout,
            Lost::NotResp(_) => ErrorKind::Internal,
        };
        Error::new(kind, format!("the Redis at {}: {lost}", self.address))
    }

    fn unfit(&self, asked: &str, reply: &Reply) -> Error {
        let shown: String = format!("{reply:?}").chars().take(80).collect();
        Error::internal(format!(
            "the Redis at {} answered {asked} with {shown}, which is no answer to it",
            self.address
        ))
    }
}
