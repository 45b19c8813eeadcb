//! How to get a connection to a peer's address, and why there is none.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::Uri;
use tonic::transport::Endpoint;

use crate::base::{Error, Result};

/// Room for some messages under way, so that none waits for a window update.
pub(super) const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// See [`STREAM_WINDOW_BYTES`].
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// A node that vanished without a word is noticed after the sum of these.
pub(super) const PING_EVERY: Duration = Duration::from_secs(2);
/// See [`PING_EVERY`].
pub(super) const PONG_WITHIN: Duration = Duration::from_secs(3);

/// How to connect to `address`, `HOST:PORT`.
///
/// # Errors
/// `Invalid` if it is no such thing.
pub(super) fn transport(address: &str, connect_within: Duration) -> Result<Endpoint> {
    let malformed = || {
        Error::invalid(format!(
            "`{}` is not the peer address of a node: write HOST:PORT, such as 127.0.0.1:63001",
            address.escape_debug()
        ))
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    let port_is_right = port.parse::<u16>().is_ok_and(|port| port != 0);
    let host_is_right = !host.is_empty() && (host.starts_with('[') || !host.contains(':'));
    let uri = format!("http://{address}");
    let is_uri = uri
        .parse::<Uri>()
        .is_ok_and(|uri| uri.path() == "/" && uri.query().is_none());
    let is_plain = !address.contains(['@', '/']);
    if !(port_is_right && host_is_right && is_uri && is_plain) {
        return Err(malformed());
    }
    let transport = Endpoint::from_shared(uri).map_err(|error| malformed().with_source(error))?;
    Ok(transport
        .connect_timeout(connect_within)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN)
        .keep_alive_while_idle(true))
}

/// The system's own kind of an error, from whatever wraps it.
pub(super) fn system_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .last()
}

/// In a few words: the innermost error, for the layers above only say that something
/// went wrong.
pub(super) fn reason(error: &(dyn StdError + 'static)) -> String {
    match system_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::TimedOut) => "no answer".to_owned(),
        _ => {
            let chain = std::iter::successors(Some(error), |error| (*error).source());
            chain.last().unwrap_or(error).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_hosts_and_ports_and_nothing_else() {
        let second = Duration::from_secs(1);
        for address in ["127.0.0.1:63001", "node-1.example:1", "[::1]:65535"] {
            assert!(transport(address, second).is_ok(), "{address}");
        }
        for address in [
            "",
            "node-1",
            ":1",
            "node-1:0",
            "node-1:65536",
            "::1:1",
            "a b:1",
            "a:1/x",
            "b@a:1",
            "unix:/a",
            "http://a:1",
            "a:1?x",
            "a\n:1",
        ] {
            let error = transport(address, second).expect_err(address);
            assert!(error.message().contains("HOST:PORT"), "{error}");
            assert!(!error.message().contains('\n'), "{error}");
        }
    }
}
