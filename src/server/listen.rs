//! The client port: TCP and Unix sockets.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::Server;

use super::http::Front;
use super::metrics::Connections;
use super::settings::ListenAddress;
use crate::base::host::Disk;
use crate::base::{Error, ErrorKind, Result};

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
                let incoming = TcpListenerStream::new(listener)
                    .map_ok(move |stream| connections.count(without_delay(stream)));
                server
                    .serve_with_incoming_shutdown(front, incoming, stop)
                    .await
            }
            Self::Unix(listener, _) => {
                let incoming = UnixListenerStream::new(listener)
                    .map_ok(move |stream| connections.count(stream));
                server
                    .serve_with_incoming_shutdown(front, incoming, stop)
                    .await
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
fn without_delay(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    stream
}
