//! What a client is told: where to go, and how long to try.

use std::time::Duration;

use super::endpoint::Endpoint;
use super::freshness::Consistency;
use super::tls::TlsOptions;
use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};

/// How to reach dkv. `..Default::default()` fills in the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// `host:port`, `http://host:port`, `https://host:port` or `unix:/path`. Several serve
    /// for failover and balancing; a local shard is only ever asked at the node that has it.
    pub endpoints: Vec<String>,
    /// How TLS is spoken, with all nodes but those at `unix:/path`, also with those that are
    /// learned from others. `None`: in plain text.
    pub tls: Option<TlsOptions>,
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
            tls: None,
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

    /// How TLS is to be spoken, if it is: one endpoint that asks for it is enough.
    ///
    /// # Errors
    /// `Invalid` for an endpoint in plain text beside that: nothing must leave in plain text
    /// because of an address that is older than the certificates.
    pub(crate) fn secured(&self) -> Result<Option<TlsOptions>> {
        let asks = |text: &&String| Endpoint::asks_for_tls(text);
        let endpoints = || self.endpoints.iter();
        if self.tls.is_none() && !endpoints().any(|text| asks(&text) == Some(true)) {
            return Ok(None);
        }
        if let Some(plain) = endpoints().find(|text| asks(text) == Some(false)) {
            return Err(Error::invalid(format!(
                "the endpoint `{plain}` is one in plain text, but TLS is asked for: write \
                 https://host:port or host:port, or leave out what asks for it (--tls, --certs, \
                 --ca, --cert, --server-name, or https:// of another endpoint)"
            )));
        }
        Ok(Some(self.tls.clone().unwrap_or_default()))
    }

    /// Every endpoint once, of options that can be.
    ///
    /// # Errors
    /// `Invalid`, saying what cannot be, or which endpoint is misspelt.
    pub(super) fn known_endpoints(&self) -> Result<Vec<Endpoint>> {
        self.check()?;
        let mut endpoints = Vec::new();
        for text in &self.endpoints {
            let endpoint = Endpoint::parse(text)?;
            if !endpoints.contains(&endpoint) {
                endpoints.push(endpoint);
            }
        }
        Ok(endpoints)
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

    #[test]
    fn one_word_for_tls_is_enough_and_none_for_plain_text_may_stand_beside_it() {
        let of = |endpoints: &[&str], tls: Option<TlsOptions>| {
            let endpoints = endpoints.iter().map(|&text| text.to_owned()).collect();
            let options = ClientOptions {
                endpoints,
                tls,
                ..ClientOptions::default()
            };
            options.secured()
        };
        let trusting = || Some(TlsOptions::trusting("ca.crt"));
        assert_eq!(of(&["a:1", "http://b:1"], None).unwrap(), None);
        let asked = of(&["a:1", "https://b:1"], None).unwrap();
        assert_eq!(asked, Some(TlsOptions::default()));
        let endpoints = ["a:1", "dkvs://b:1", "unix:/x"];
        assert_eq!(of(&endpoints, trusting()).unwrap(), trusting());
        for plain in ["http://b:1", "dkv://b:1"] {
            let error = of(&["a:1", plain], trusting()).unwrap_err();
            assert!(error.message().contains(plain), "{error}");
            assert!(of(&["https://a:1", plain], None).is_err(), "{plain}");
        }
    }
}
