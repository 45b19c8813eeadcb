//! Opens connections to nodes: in plain text, by TLS, or to a socket; in a simulation, to wherever
//! that leads.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tonic::transport::{Channel, Endpoint as Transport};
use tower::ServiceExt;

use super::endpoint::{Endpoint, Unreachable};
use super::heard::Heard;
use super::options::ClientOptions;
use super::tls::Tls;
use crate::base::Result;
use crate::base::host::{Dialler, Line};
use crate::tls::{Failure, Noted, Side};

/// Bytes that may be under way unacknowledged: a full reply message of a session
/// must not wait for a window update.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// A peer that vanished without a word is noticed after the sum of these, well
/// within the default timeout of a call.
const PING_EVERY: Duration = Duration::from_secs(2);
const PONG_WITHIN: Duration = Duration::from_secs(4);

const KEEPALIVE: Duration = Duration::from_secs(30);

/// How a client opens connections.
#[derive(Default)]
pub(crate) struct Dial {
    tls: Option<Tls>,
    /// In place of the system's sockets.
    dialler: Option<Arc<dyn Dialler>>,
}

/// A connection on which calls are made.
pub(super) struct Wire {
    pub(super) channel: Channel,
    ended: Ended,
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl Dial {
    /// Reads what TLS needs, if it is asked for.
    ///
    /// # Errors
    /// `Invalid` for files that are no good, and for endpoints that contradict each other.
    pub(crate) async fn open(options: &ClientOptions) -> Result<Arc<Self>> {
        let tls = match options.secured()? {
            None => None,
            Some(options) => Some(Tls::open(options).await?),
        };
        let dialler = None;
        Ok(Arc::new(Self { tls, dialler }))
    }

    /// In plain text, over what `dialler` opens.
    pub(super) fn over(dialler: Arc<dyn Dialler>) -> Arc<Self> {
        let dialler = Some(dialler);
        Arc::new(Self { tls: None, dialler })
    }

    /// Opens a connection.
    pub(super) async fn connect(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        within: Duration,
    ) -> Result<Wire, Unreachable> {
        let ended = Ended::default();
        let connected = match endpoint {
            Endpoint::Tcp(authority) => {
                let transport = self.transport(authority, within)?;
                let (dial, ended) = (Arc::clone(self), ended.clone());
                let connector = tower::service_fn(move |uri: Uri| {
                    let (dial, ended) = (Arc::clone(&dial), ended.clone());
                    async move {
                        let (line, noted) = dial.line(uri, b"h2", within).await?;
                        ended.begin(noted);
                        Ok::<_, BoxError>(TokioIo::new(line))
                    }
                });
                transport.connect_with_connector(connector).await
            }
            Endpoint::Unix(path) => {
                let path = path.clone();
                let connector = tower::service_fn(move |_: Uri| {
                    let path = path.clone();
                    async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
                });
                let transport = self.transport("localhost", within)?;
                transport.connect_with_connector(connector).await
            }
        };
        let channel = connected.map_err(|error| match ended.failure() {
            Some(failure) => Unreachable::insecure(&failure),
            None => Unreachable::from_error(&error),
        })?;
        Ok(Wire { channel, ended })
    }

    /// Opens a connection to `host:port`, for what is spoken without this client.
    pub(crate) async fn dial(
        &self,
        address: &str,
        alpn: &'static [u8],
        within: Duration,
    ) -> Result<(Box<dyn Line>, Noted), BoxError> {
        let uri = format!("http://{address}").parse()?;
        self.line(uri, alpn, within).await
    }

    async fn line(
        &self,
        uri: Uri,
        alpn: &'static [u8],
        within: Duration,
    ) -> Result<(Box<dyn Line>, Noted), BoxError> {
        let host = uri.host().unwrap_or_default().to_owned();
        let Some(dialler) = &self.dialler else {
            let stream = tcp(uri, within).await?;
            return self.begin(stream, &host, alpn, within).await;
        };
        let authority = uri.authority().map_or("", Authority::as_str);
        let stream = dialler.dial(authority).await?;
        self.begin(stream, &host, alpn, within).await
    }

    /// Begins to speak on a connection that was dialled as `host`.
    async fn begin<S>(
        &self,
        stream: S,
        host: &str,
        alpn: &'static [u8],
        within: Duration,
    ) -> Result<(Box<dyn Line>, Noted), BoxError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(tls) = &self.tls else {
            let heard = Heard::new(stream);
            let noted = heard.noted();
            return Ok((Box::new(heard), noted));
        };
        // Whoever waits as long as this for all of it should hear what it was.
        let within = within * 5 / 6;
        let connected = tls.secure(host, alpn, stream, within).await?;
        let noted = connected.noted();
        Ok((Box::new(connected), noted))
    }

    fn transport(&self, authority: &str, within: Duration) -> Result<Transport, Unreachable> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let transport = Transport::from_shared(format!("{scheme}://{authority}"))
            .map_err(|error| Unreachable::from_error(&error))?
            .connect_timeout(within)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PONG_WITHIN);
        Ok(transport)
    }
}

impl Wire {
    /// Why nothing comes, if TLS knows: a server that refuses a certificate says so only
    /// when the client is done, and the library in between says that something broke.
    pub(super) fn insecure(&self) -> Option<Unreachable> {
        let failure = self.ended.failure()?;
        Some(Unreachable::insecure(&failure))
    }
}

async fn tcp(uri: Uri, within: Duration) -> Result<TcpStream, BoxError> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_connect_timeout(Some(within));
    Ok(connector.oneshot(uri).await?.into_inner())
}

/// What the connections of a channel, one after the other, died of.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<Deaths>>);

#[derive(Default)]
struct Deaths {
    /// Of an earlier connection.
    known: Option<Failure>,
    current: Noted,
}

impl Ended {
    /// The next connection begins.
    fn begin(&self, noted: Noted) {
        let mut deaths = self.0.lock();
        if let Some(failure) = deaths.current.get() {
            deaths.known = Some(failure.clone());
        }
        deaths.current = noted;
    }

    fn failure(&self) -> Option<Failure> {
        let deaths = self.0.lock();
        deaths.current.get().or(deaths.known.as_ref()).cloned()
    }
}

/// In the words of TLS, if it is what went wrong.
pub(super) fn insecure(error: &(dyn StdError + 'static)) -> Option<Failure> {
    Failure::of(Side::Client, error)
}
