//! Where a node listens, as people write it, and how to get a connection there.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint as Transport};

use crate::base::{Error, Result};

/// Bytes that may be under way unacknowledged: a full reply message of a session
/// must not wait for a window update.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// A peer that vanished without a word is noticed after the sum of these, well
/// within the default timeout of a call.
const PING_EVERY: Duration = Duration::from_secs(2);
const PONG_WITHIN: Duration = Duration::from_secs(4);

/// One address of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    /// `host:port`.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads `host:port`, `http://host:port`, `dkv://host:port` or `unix:/path`.
    ///
    /// # Errors
    /// `Invalid`, saying what an endpoint looks like.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(malformed(text));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        if text.starts_with("https://") {
            return Err(Error::invalid(format!(
                "the endpoint `{text}` asks for TLS, which this build does not have: \
                 write http://host:port or host:port"
            )));
        }
        let authority = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("dkv://"))
            .unwrap_or(text);
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| malformed(text))?;
        let port_is_right = port.parse::<u16>().is_ok_and(|port| port != 0);
        let host_is_right = !host.is_empty() && (host.starts_with('[') || !host.contains(':'));
        let is_uri = format!("http://{authority}")
            .parse::<Uri>()
            .is_ok_and(|uri| uri.path() == "/" && uri.query().is_none());
        if !(port_is_right && host_is_right && is_uri) || authority.contains('@') {
            return Err(malformed(text));
        }
        Ok(Self::Tcp(authority.to_owned()))
    }

    /// Opens a connection.
    pub(super) async fn connect(&self, within: Duration) -> Result<Channel, Unreachable> {
        let uri = match self {
            Self::Tcp(authority) => format!("http://{authority}"),
            Self::Unix(_) => "http://localhost".to_owned(),
        };
        let transport = Transport::from_shared(uri)
            .map_err(|error| Unreachable::from_error(&error))?
            .connect_timeout(within)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PONG_WITHIN);
        let connected = match self {
            Self::Tcp(_) => transport.connect().await,
            Self::Unix(path) => {
                let path = path.clone();
                let connector = tower::service_fn(move |_: Uri| {
                    let path = path.clone();
                    async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
                });
                transport.connect_with_connector(connector).await
            }
        };
        connected.map_err(|error| Unreachable::from_error(&error))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => f.write_str(authority),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why a node could not be asked; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreachable {
    /// In a few words, for people: `connection refused`.
    pub(super) reason: String,
    /// Nobody listens there: starting a node is what would help.
    pub(super) nobody_listens: bool,
}

/// What to say behind the reasons if nobody listens at any of the addresses.
pub(super) fn question(nobody_listens: bool) -> &'static str {
    match nobody_listens {
        true => ": is `dkv serve` running? Where it listens is given with --endpoints",
        false => "",
    }
}

impl Unreachable {
    /// For a reason that starting a node would not mend.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            nobody_listens: false,
        }
    }

    /// The operating system's word when there is one: the layers above it only
    /// say that something went wrong.
    fn from_error(error: &(dyn StdError + 'static)) -> Self {
        let mut innermost = error;
        let mut system = None;
        loop {
            if let Some(error) = innermost.downcast_ref::<io::Error>() {
                system = Some(error.kind());
            }
            match innermost.source() {
                Some(source) => innermost = source,
                None => break,
            }
        }
        match system {
            Some(io::ErrorKind::ConnectionRefused) => Self {
                reason: "connection refused".to_owned(),
                nobody_listens: true,
            },
            Some(io::ErrorKind::NotFound) => Self {
                reason: "no such socket".to_owned(),
                nobody_listens: true,
            },
            Some(io::ErrorKind::TimedOut) => Self::because("no answer"),
            _ => Self::because(innermost.to_string()),
        }
    }
}

fn malformed(text: &str) -> Error {
    Error::invalid(format!(
        "`{text}` is not an endpoint: write host:port, http://host:port or unix:/path"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, shown) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            (" localhost:1 ", "localhost:1"),
            ("http://db.example:8080/", "db.example:8080"),
            ("dkv://db.example:8080", "db.example:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("unix:/run/dkv.sock", "unix:/run/dkv.sock"),
            ("unix:///run/dkv.sock", "unix:/run/dkv.sock"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_an_endpoint() {
        for text in [
            "",
            "localhost",
            ":8080",
            "host:0",
            "host:99999",
            "::1:8080",
            "a b:1",
            "host:1/path",
            "user@host:1",
            "unix:relative",
            "unix:",
            "https://host:1",
            "ftp://host:1",
        ] {
            let error = Endpoint::parse(text).expect_err(text);
            assert!(error.message().contains("host:port"), "{error}");
        }
    }
}
