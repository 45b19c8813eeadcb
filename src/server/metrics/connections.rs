//! Connections that are open: counted and bounded where they are accepted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

/// How long a connection may take to say what it speaks. What follows has time limits of
/// its own: the head of an HTTP/1.1 request, and the pings of HTTP/2.
const GREETING_TIME: Duration = Duration::from_secs(30);

/// Bytes after which it has: the preface of HTTP/2. A request of HTTP/1.1 has more.
const GREETING_BYTES: usize = 24;

/// How many connections there are and were, and room for more. Clones are the same
/// counters, and the same room.
#[derive(Clone)]
pub(in crate::server) struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    open: AtomicU64,
    accepted: AtomicU64,
    places: Arc<Semaphore>,
    places_max: usize,
    /// Somebody had to wait for a place, and that was logged.
    is_full: AtomicBool,
    greeting_time: Duration,
}

/// Room for a connection.
pub(in crate::server) type Place = OwnedSemaphorePermit;

impl Connections {
    /// None yet, and never more than `places_max` at once.
    pub(in crate::server) fn at_most(places_max: usize) -> Self {
        Self::new(places_max, GREETING_TIME)
    }

    fn new(places_max: usize, greeting_time: Duration) -> Self {
        let inner = Inner {
            open: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            is_full: AtomicBool::new(false),
            greeting_time,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Waits until there is room for one more.
    pub(in crate::server) async fn place(&self) -> Place {
        let inner = &self.inner;
        let places = Arc::clone(&inner.places);
        match places.available_permits() {
            0 if !inner.is_full.swap(true, Ordering::Relaxed) => tracing::warn!(
                open = inner.places_max,
                "no more connections can be open: those that come wait (`ulimit -n` allows more)"
            ),
            0 => {}
            // A single place that is taken and left again is no news.
            free if free > inner.places_max / 8 => inner.is_full.store(false, Ordering::Relaxed),
            _ => {}
        }
        let place = places.acquire_owned().await;
        place.expect("the semaphore is never closed")
    }

    /// Counts a connection for as long as it lives.
    pub(in crate::server) fn count<S>(&self, stream: S, place: Place) -> Counted<S> {
        self.inner.open.fetch_add(1, Ordering::Relaxed);
        self.inner.accepted.fetch_add(1, Ordering::Relaxed);
        let greeting = Greeting {
            bytes_left: GREETING_BYTES,
            until: Box::pin(sleep(self.inner.greeting_time)),
        };
        Counted {
            stream,
            greeting: Some(greeting),
            connections: self.clone(),
            _place: place,
        }
    }

    pub(in crate::server) fn open(&self) -> u64 {
        self.inner.open.load(Ordering::Relaxed)
    }

    pub(super) fn accepted(&self) -> u64 {
        self.inner.accepted.load(Ordering::Relaxed)
    }
}

/// A connection that is counted while it lives, and ends if it never says anything;
/// otherwise what it wraps. Its file is closed before its place is another's.
pub(in crate::server) struct Counted<S> {
    stream: S,
    /// Until it is complete.
    greeting: Option<Greeting>,
    connections: Connections,
    _place: Place,
}

/// The first bytes of a connection.
struct Greeting {
    bytes_left: usize,
    until: Pin<Box<Sleep>>,
}

impl Greeting {
    /// `read` bytes came; true if that is all of it.
    fn read(&mut self, read: usize) -> bool {
        self.bytes_left = self.bytes_left.saturating_sub(read);
        self.bytes_left == 0
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        self.connections.inner.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: Connected> Connected for Counted<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(greeting) = &mut self.greeting else {
            return polled;
        };
        if polled.is_pending() {
            ready!(greeting.until.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if greeting.read(buffer.filled().len() - before) {
            self.greeting = None;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
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
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Connections that said nothing stayed for ever, until there were no file descriptors
    /// left.
    #[tokio::test]
    async fn a_connection_that_says_nothing_ends_and_one_that_spoke_may_be_silent() {
        let greeting_time = Duration::from_millis(20);
        let connections = Connections::new(2, greeting_time);
        let (mut silent, theirs) = tokio::io::duplex(64);
        let mut ours = connections.count(theirs, connections.place().await);
        silent.write_all(b"PRI * HTTP").await.unwrap();
        let mut bytes = [0; 64];
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 10);
        let ended = ours.read(&mut bytes).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);

        let (mut speaks, theirs) = tokio::io::duplex(64);
        let mut ours = connections.count(theirs, connections.place().await);
        speaks.write_all(&[b'x'; GREETING_BYTES]).await.unwrap();
        assert_eq!(ours.read(&mut bytes).await.unwrap(), GREETING_BYTES);
        let later = tokio::time::timeout(3 * greeting_time, ours.read(&mut bytes));
        assert!(later.await.is_err(), "it may be silent now");
    }

    #[tokio::test]
    async fn there_are_never_more_than_there_are_places_for() {
        let connections = Connections::at_most(2);
        let first = connections.count((), connections.place().await);
        let _second = connections.count((), connections.place().await);
        let mut third = pin!(connections.place());
        let polled = std::future::poll_fn(|context| Poll::Ready(third.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        drop(first);
        let _third = connections.count((), third.await);
        assert_eq!((connections.open(), connections.accepted()), (2, 3));
    }
}
