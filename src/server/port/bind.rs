//! Where a port listens: TCP and Unix sockets; in a simulation, wherever that says.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat, lstat};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::socket::Socket;
use crate::base::host::{Acceptor, Disk};
use crate::base::{Error, ErrorKind, Result};
use crate::server::settings::ListenAddress;

/// A bound listener.
pub(in crate::server) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
    /// In place of the system's.
    Given(Box<dyn Acceptor>),
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// `Unavailable` when it is in use, `Invalid` otherwise.
    pub(in crate::server) async fn bind(disk: &dyn Disk, address: &ListenAddress) -> Result<Self> {
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

    /// True if other machines could come: those of this one have the file system's word.
    pub(super) fn is_of_network(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Given(_))
    }

    /// Where it listens, as clients write it.
    pub(in crate::server) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(
                |_| "an unknown address".to_owned(),
                |address| address.to_string(),
            ),
            Self::Unix(_, path) => unix(path),
            Self::Given(acceptor) => acceptor.address().to_string(),
        }
    }

    /// The next connection. Nothing is lost if the future is dropped.
    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                Ok(Socket::tcp(stream, remote))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
            Self::Given(acceptor) => {
                let (line, remote) = acceptor.accept().await?;
                Ok(Socket::Given(line, remote))
            }
        }
    }
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// A socket file that nobody listens on is left over from a killed server.
///
/// # Errors
/// `AlreadyExists` for a file that is none: it is somebody's.
async fn remove_stale(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    if kind_of(path).is_some_and(|kind| kind != FileType::Socket) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => disk.remove(path),
        Err(_) => Ok(()),
    }
}

fn kind_of(path: &Path) -> Option<FileType> {
    let found: Stat = lstat(path).ok()?;
    Some(FileType::from_raw_mode(found.st_mode))
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
        io::ErrorKind::AlreadyExists => (
            ErrorKind::Invalid,
            format!(
                "cannot listen on {address}: there is something that is no socket, and is left \
                 alone; choose another path"
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
