//! How people name a target.

use std::fmt;
use std::str::FromStr;

use crate::base::{Error, Result};
use crate::client::ClientOptions;

/// Which server to measure, where, and in which way: `dkv://host:port,...` by sessions,
/// `http://host:port,...` by REST, `grpc://host:port,...` by unary calls, and the same by TLS
/// as `dkvs://`, `https://` and `grpcs://`; `redis://host:port` or `etcd://host:port,...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetAddress {
    /// Nodes of dkv; `host:port` or `unix:/path` each.
    Dkv(Nodes),
    /// A Redis server; `host:port`.
    Redis(String),
    /// Members of etcd; `host:port` each.
    Etcd(Vec<String>),
    /// Nodes of dkv, asked over REST; `host:port` each.
    Rest(Nodes),
    /// Nodes of dkv, asked by unary calls of gRPC; `host:port` each.
    Grpc(Nodes),
}

/// Nodes of dkv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nodes {
    /// Where they are.
    pub addresses: Vec<String>,
    /// Whether they are asked by TLS: this alone decides, so that it can be compared with
    /// plain text.
    pub tls: bool,
}

const EXAMPLES: &str = "dkv://127.0.0.1:8080 (http:// for REST, grpc:// for single calls), \
                        redis://127.0.0.1:6379 or etcd://127.0.0.1:2379 \
                        (dkvs://, https:// and grpcs:// for TLS)";

impl FromStr for TargetAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            Error::invalid(format!(
                "`{text}` does not say what it is: write {EXAMPLES}"
            ))
        })?;
        // As a browser shows it.
        let (plain, tls) = match scheme {
            "dkvs" => ("dkv", true),
            "https" => ("http", true),
            "grpcs" => ("grpc", true),
            scheme => (scheme, false),
        };
        let is_web = matches!(plain, "http" | "grpc");
        let rest = is_web
            .then(|| rest.strip_suffix('/'))
            .flatten()
            .unwrap_or(rest);
        let hosts: Vec<String> = rest.split(',').map(|host| host.trim().to_owned()).collect();
        if hosts.iter().any(String::is_empty) {
            return Err(Error::invalid(format!(
                "`{text}` lacks an address: write {EXAMPLES}"
            )));
        }
        if matches!(plain, "redis" | "etcd" | "http" | "grpc") {
            hosts.iter().try_for_each(|host| check(scheme, host))?;
        }
        let nodes = |addresses| Nodes { addresses, tls };
        match plain {
            "dkv" => Ok(Self::Dkv(nodes(hosts))),
            "etcd" => Ok(Self::Etcd(hosts)),
            "http" => Ok(Self::Rest(nodes(hosts))),
            "grpc" => Ok(Self::Grpc(nodes(hosts))),
            "redis" => match <[String; 1]>::try_from(hosts) {
                Ok([host]) => Ok(Self::Redis(host)),
                Err(_) => Err(Error::invalid(format!(
                    "`{text}` names several servers: one Redis is measured at a time"
                ))),
            },
            _ => Err(Error::invalid(format!(
                "`{scheme}` is not a kind of server that can be measured: write {EXAMPLES}"
            ))),
        }
    }
}

/// Whether `host` is `host:port` and nothing else.
fn check(scheme: &str, host: &str) -> Result<()> {
    if host.contains('@') || host.contains('/') {
        return Err(Error::invalid(format!(
            "`{scheme}://` takes host:port alone: a user, a password, a database or a path cannot \
             be given (write {EXAMPLES})"
        )));
    }
    let is_right = host.rsplit_once(':').is_some_and(|(name, port)| {
        let is_name = !name.is_empty() && (name.starts_with('[') || !name.contains(':'));
        is_name && !name.contains(' ') && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if is_right {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{scheme}://{host}` does not name host:port: write {EXAMPLES}"
    )))
}

impl fmt::Display for TargetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dkv(nodes) => f.write_str(&nodes.named("dkv")),
            Self::Redis(host) => write!(f, "redis://{host}"),
            Self::Etcd(hosts) => write!(f, "etcd://{}", hosts.join(",")),
            Self::Rest(nodes) => f.write_str(&nodes.named("http")),
            Self::Grpc(nodes) => f.write_str(&nodes.named("grpc")),
        }
    }
}

impl Nodes {
    #[cfg(test)]
    pub(super) fn plain(address: &str) -> Self {
        Self {
            addresses: vec![address.to_owned()],
            tls: false,
        }
    }

    /// As they are written behind `scheme`.
    pub(super) fn named(&self, scheme: &str) -> String {
        let secure = if self.tls { "s" } else { "" };
        format!("{scheme}{secure}://{}", self.addresses.join(","))
    }

    /// How they are asked, beside what `client` says.
    pub(super) fn options(&self, client: &ClientOptions) -> ClientOptions {
        ClientOptions {
            endpoints: self.addresses.clone(),
            tls: self.tls.then(|| client.tls.clone().unwrap_or_default()),
            ..client.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in [
            "dkv://127.0.0.1:8080",
            "dkv://unix:/run/dkv.sock",
            "dkv://a:1,b:2,[::1]:3",
            "redis://127.0.0.1:6379",
            "etcd://a:2379,b:2379",
            "http://127.0.0.1:8080",
            "grpc://a:1,b:2",
            "dkvs://a:1",
            "https://a:1,b:2",
            "grpcs://a:1",
        ] {
            assert_eq!(text.parse::<TargetAddress>().unwrap().to_string(), text);
        }
        let pasted: TargetAddress = "http://127.0.0.1:8080/".parse().unwrap();
        assert_eq!(pasted.to_string(), "http://127.0.0.1:8080");
    }

    #[test]
    fn what_cannot_be_measured_is_told_what_can() {
        for (text, words) in [
            ("127.0.0.1:8080", "does not say what it is"),
            ("", "does not say what it is"),
            ("ftp://a:80", "`ftp` is not a kind of server"),
            ("https://a:80/v1", "takes host:port alone"),
            ("rediss://a:80", "`rediss` is not a kind of server"),
            ("http://a:80/v1/keys", "takes host:port alone"),
            ("http://a", "does not name host:port"),
            ("grpc://unix:/run/dkv.sock", "takes host:port alone"),
            ("dkv://", "lacks an address"),
            ("etcd://a:1,,b:2", "lacks an address"),
            ("redis://a:1,b:2", "one Redis"),
            ("redis://a", "does not name host:port"),
            ("redis://a:0", "does not name host:port"),
            ("etcd://a:1,b", "`etcd://b` does not name host:port"),
            ("etcd://a b:1", "does not name host:port"),
            ("redis://:secret@a:1", "a password"),
            ("redis://a:1/0", "a database"),
        ] {
            let error = text.parse::<TargetAddress>().unwrap_err();
            assert!(error.message().contains(words), "{text}: {error}");
            assert!(!error.message().contains("secret"), "{error}");
        }
    }
}
