//! Connections to other machines, where they are not the system's own sockets: a simulation
//! gives a client the way out, and a server the way in.
//!
//! The system's side is not behind these traits: `client/dial.rs` and `server/port/socket.rs`
//! name its sockets, so that what reads and writes them is known when they are compiled.

use std::io;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection: bytes both ways.
pub trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// Opens connections in place of the system.
pub trait Dialler: Send + Sync {
    /// Opens one to `host:port`.
    ///
    /// # Errors
    /// `ConnectionRefused` if nobody listens there.
    fn dial(&self, authority: &str) -> BoxFuture<'static, io::Result<Box<dyn Line>>>;
}

/// Accepts connections in place of the system, as a socket that is bound.
pub trait Acceptor: Send + Sync {
    /// The next one, and where it is from. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// If this one was none; others may come.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Line>, SocketAddr)>>;

    /// Where it listens.
    fn address(&self) -> SocketAddr;
}
