//! The open connections of a node's process, which end with it.
//!
//! The runtime of a machine that crashes drops its tasks in an order that depends on what else the
//! process of the tests ever did, and a connection that is dropped says so to the other end. So
//! connections end before, in the order in which they came: with a word, as the system gives it
//! for a process that was killed, or without one, as with a machine that lost its power.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

type Socket = Mutex<Option<TcpStream>>;

/// See the module.
#[derive(Default)]
pub(crate) struct Open(Mutex<Vec<Weak<Socket>>>);

/// One of them, as the server has it.
pub(crate) struct Strand(Arc<Socket>);

impl Open {
    pub(crate) fn add(&self, stream: TcpStream) -> Strand {
        let socket = Arc::new(Mutex::new(Some(stream)));
        let mut all = self.0.lock();
        all.retain(|it| it.strong_count() > 0);
        all.push(Arc::downgrade(&socket));
        Strand(socket)
    }

    /// Ends all of them. The other ends are told if this is done on the machine.
    pub(crate) fn end(&self) {
        let all = std::mem::take(&mut *self.0.lock());
        for socket in all.iter().filter_map(Weak::upgrade) {
            drop(socket.lock().take());
        }
    }
}

impl Strand {
    fn with<T>(
        &self,
        act: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut *self.0.lock() {
            Some(stream) => act(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl AsyncRead for Strand {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Strand {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}
