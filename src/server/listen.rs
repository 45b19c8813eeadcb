//! The client port: TCP and Unix sockets.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::Server;

use super::http::Front;
use super::metrics::{Connections, Counted};
use super::settings::ListenAddress;
use crate::base::host::Disk;
use crate::base::{Error, ErrorKind, Result};

/// The pause after a connection could not be accepted: the system has no room for it, and
/// says so again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound listener.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// `Unavailable` when it is in use, `Invalid` otherwise.
    pub(super) async fn bind(disk: &dyn Disk, address: &ListenAddress) -> Result<Self> {
        match address {
            ListenAddress::Tcp(socket) => {
                let bound = TcpListener::bind(socket).await;
                bound
                    .map(Self::Tcp)
                    .map_err(|error| refused(&socket.to_string(), error))
            }
            ListenAddress::Unix(path) => {
                remove_stale(disk, path)
                    .await
                    .map_err(|error| refused(&unix(path), error))?;
                let bound = UnixListener::bind(path);
                bound
                    .map(|listener| Self::Unix(listener, path.clone()))
                    .map_err(|error| refused(&unix(path), error))
            }
        }
    }

    /// Where it listens, as clients write it.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(
                |_| "an unknown address".to_owned(),
                |address| address.to_string(),
            ),
            Self::Unix(_, path) => unix(path),
        }
    }

    /// Serves `front` here until `stop` resolves and every connection has ended.
    pub(super) async fn serve(
        self,
        server: Server,
        front: Front,
        connections: Connections,
        stop: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        match self {
            Self::Tcp(listener) => {
                let streams = TcpListenerStream::new(listener).map_ok(without_delay);
                let incoming = accepted(streams, connections);
                server
                    .serve_with_incoming_shutdown(front, incoming, stop)
                    .await
            }
            Self::Unix(listener, _) => {
                let incoming = accepted(UnixListenerStream::new(listener), connections);
                server
                    .serve_with_incoming_shutdown(front, incoming, stop)
                    .await
            }
        }
    }
}

/// Connections as they come, one whenever there is room.
///
/// IMPORTANT: a node without file descriptors cannot open its next log segment, and stops.
/// So they are left over for it, and connections wait.
pub(super) fn accepted<S>(
    streams: impl Stream<Item = io::Result<S>> + Unpin,
    connections: Connections,
) -> impl Stream<Item = io::Result<Counted<S>>> {
    stream::unfold(
        (streams, connections),
        async |(mut streams, connections)| {
            let place = connections.place().await;
            let stream = accept(&mut streams).await?;
            let counted = connections.count(stream, place);
            Some((Ok(counted), (streams, connections)))
        },
    )
}

async fn accept<S>(streams: &mut (impl Stream<Item = io::Result<S>> + Unpin)) -> Option<S> {
    let mut is_told = false;
    loop {
        match streams.next().await? {
            Ok(stream) => return Some(stream),
            // Whoever came is gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !is_told {
                    tracing::warn!(%error, "a connection cannot be accepted: trying again");
                    is_told = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// A socket file that nobody listens on is left over from a killed server.
async fn remove_stale(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => disk.remove(path),
        Err(_) => Ok(()),
    }
}

fn refused(address: &str, source: io::Error) -> Error {
    let (kind, message) = match source.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::Unavailable,
            format!(
                "cannot listen on {address}: it is in use; stop the other server or choose \
                     another --listen"
            ),
        ),
        io::ErrorKind::AddrNotAvailable => (
            ErrorKind::Invalid,
            format!("cannot listen on {address}: this machine has no such address"),
        ),
        _ => (
            ErrorKind::Invalid,
            format!("cannot listen on {address}: {source}"),
        ),
    };
    Error::new(kind, message).with_source(source)
}

/// Nagle's algorithm would hold small replies back.
pub(super) fn without_delay(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    stream
}
