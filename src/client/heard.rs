//! The first words of a server that is spoken to in plain text: it may speak TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls::{Cause, Failure, Noted, Side, speaks_tls};

/// Bytes that tell whether a server speaks TLS.
const START_BYTES: usize = 3;

/// A connection in plain text. One to a server that speaks TLS ends with a [`Failure`].
pub(super) struct Heard<S> {
    stream: S,
    /// The first bytes, until there are enough.
    start: Vec<u8>,
    noted: Noted,
}

impl<S> Heard<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            start: Vec::with_capacity(START_BYTES),
            noted: Noted::default(),
        }
    }

    /// Where it is noted what the connection died of, if TLS has to do with it.
    pub(super) fn noted(&self) -> Noted {
        Arc::clone(&self.noted)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let missing = START_BYTES - self.start.len();
        if missing > 0 {
            let new = &buffer.filled()[before..];
            self.start.extend_from_slice(&new[..new.len().min(missing)]);
            if speaks_tls(&self.start) {
                let failure = Failure {
                    side: Side::Client,
                    cause: Cause::SpeaksTls,
                };
                let _first = self.noted.set(failure.clone());
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, failure)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
