//! What a client is told: where to go, and how long to try.

use std::time::Duration;

use super::freshness::Consistency;
use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};

/// How to reach dkv. `..Default::default()` fills in the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// `host:port`, `http://host:port` or `unix:/path`. Several serve for failover
    /// and balancing; a local shard is only ever asked at the node that has it.
    pub endpoints: Vec<String>,
    /// The shard that is asked, until [`Client::with_shard`](super::Client::with_shard)
    /// says another.
    pub shard: ShardId,
    /// The bucket; empty is the default bucket.
    pub bucket: String,
    /// How long a call may take, tries and pauses together. A lock's `wait` is added.
    pub timeout: Duration,
    /// How often a call is tried again when a node refuses it for now, or leaves its
    /// outcome open; 0 is one try. Going on to an endpoint not tried yet does not count.
    ///
    /// A connection that is lost or refused counts only until some node with the shard
    /// was reached; from then on it is tried again until the time is over, so that calls
    /// outlive the restart of a server.
    pub retries: u32,
    /// How fresh reads must be, until
    /// [`Client::with_consistency`](super::Client::with_consistency) says another.
    pub consistency: Consistency,
    /// Session streams per endpoint, each on a connection of its own.
    pub connections: usize,
}

/// Connections per endpoint, at most: more only cost memory.
const CONNECTIONS_MAX: usize = 1_024;

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            endpoints: vec!["127.0.0.1:8080".to_owned()],
            shard: ShardId(100),
            bucket: String::new(),
            timeout: Duration::from_secs(10),
            retries: 3,
            consistency: Consistency::Linearizable,
            connections: 1,
        }
    }
}

impl ClientOptions {
    /// Options for one endpoint, the rest as by default.
    pub fn to(endpoint: impl Into<String>) -> Self {
        Self {
            endpoints: vec![endpoint.into()],
            ..Self::default()
        }
    }

    /// Checks everything but the spelling of the endpoints.
    pub(crate) fn check(&self) -> Result<()> {
        if self.endpoints.is_empty() {
            return Err(Error::invalid(
                "no endpoint was given: name at least one, like 127.0.0.1:8080",
            ));
        }
        if self.connections == 0 || self.connections > CONNECTIONS_MAX {
            return Err(Error::invalid(format!(
                "{} connections per endpoint are not possible: choose 1 to {CONNECTIONS_MAX}",
                self.connections
            )));
        }
        check_timeout(self.timeout)
    }
}

/// Refuses a time limit that no call could meet, or that cannot be told in milliseconds.
pub(super) fn check_timeout(timeout: Duration) -> Result<()> {
    let ms = timeout.as_millis();
    if ms == 0 || ms > u128::from(limits::DURATION_MS_MAX) {
        return Err(Error::invalid(format!(
            "the timeout {timeout:?} is not possible: choose 1 ms to 100 years"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_and_impossible_options_do_not() {
        assert!(ClientOptions::default().check().is_ok());
        let bad = [
            ClientOptions {
                endpoints: Vec::new(),
                ..ClientOptions::default()
            },
            ClientOptions {
                connections: 0,
                ..ClientOptions::default()
            },
            ClientOptions {
                timeout: Duration::ZERO,
                ..ClientOptions::default()
            },
            ClientOptions {
                timeout: Duration::MAX,
                ..ClientOptions::default()
            },
        ];
        for options in bad {
            assert!(options.check().is_err(), "{options:?}");
        }
    }
}
