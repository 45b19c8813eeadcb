//! A connection's socket, whatever it is.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::base::host::Line;

/// A socket.
pub(super) enum Socket {
    /// And where the other end is: of one that has gone the system does not say it any more.
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
    /// What a simulation has in place of one of the network, and where the other end is.
    Given(Box<dyn Line>, SocketAddr),
}

impl Socket {
    /// One that sends what it is given at once: Nagle's algorithm would hold small replies
    /// back. It is given more once little of that has not been sent: the system would take megabytes
    /// of answers that nobody reads.
    pub(super) fn tcp(stream: TcpStream, remote: SocketAddr) -> Self {
        let socket = SockRef::from(&stream);
        let set = socket.set_tcp_nodelay(true);
        if let Err(error) = set.and_then(|()| keep_little_unsent(&socket)) {
            tracing::debug!(%error, "an option of a socket was refused");
        }
        Self::Tcp(stream, remote)
    }

    /// The other end; nothing on a Unix socket, and there alone.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, remote) | Self::Given(_, remote) => Some(*remote),
            Self::Unix(_) => None,
        }
    }

    /// Where the other end came to, if the system knows.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream, _) => stream.local_addr().ok(),
            Self::Unix(_) | Self::Given(..) => None,
        }
    }

    /// Waits for the first bytes: true if they are those of a request of HTTP/1.1. They stay
    /// to be read.
    pub(super) async fn begins_with_http(&mut self) -> bool {
        let Self::Tcp(stream, _) = self else {
            return false;
        };
        let mut start = [0; 3];
        match stream.peek(&mut start).await {
            // `PRI` begins HTTP/2, whose client could not read a page of HTTP/1.1.
            Ok(3) => start != *b"PRI" && start.iter().all(u8::is_ascii_uppercase),
            _ => false,
        }
    }
}

#[cfg(target_os = "linux")]
fn keep_little_unsent(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(crate::base::limits::UNSENT_BYTES)
}

/// There is no word for it.
#[cfg(not(target_os = "linux"))]
fn keep_little_unsent(_socket: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream, _) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Given(line, _) => Pin::new(line).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream, _) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Given(line, _) => Pin::new(line).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream, _) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Given(line, _) => Pin::new(line).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream, _) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Given(line, _) => Pin::new(line).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream, _) => Pin::new(stream).poll_write_vectored(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Self::Given(line, _) => Pin::new(line).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream, _) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Given(line, _) => line.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Who is at a Unix socket is trusted more.
    #[tokio::test]
    async fn whoever_has_gone_is_still_known_to_have_come_over_the_network() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let dialled = TcpStream::connect(address).await.unwrap();
        let remote = dialled.local_addr().unwrap();
        dialled.set_zero_linger().unwrap();
        drop(dialled);
        let (stream, from) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        assert!(stream.peer_addr().is_err(), "it was reset");
        assert_eq!(Socket::tcp(stream, from).remote(), Some(remote));
    }
}
