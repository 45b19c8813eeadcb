//! The first bytes of a connection: one that never says anything ends.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::pace::Pace;
use crate::base::limits;

/// Bytes after which a connection has said what it speaks: the preface of HTTP/2. A request of
/// HTTP/1.1 has more.
const GREETING_BYTES: usize = 24;

/// A connection that ends if it does not say in time what it speaks; otherwise what it wraps.
/// What follows has time limits of its own: the head of an HTTP/1.1 request, and the pings of
/// HTTP/2.
pub(super) struct Greeted<S, T> {
    stream: S,
    /// Until it is complete.
    greeting: Option<Greeting>,
    pace: Arc<Pace>,
    /// Goes when the stream is closed.
    _with: T,
}

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

impl<S, T> Greeted<S, T> {
    /// `with` lives until the stream is closed. No more is read in one turn than its `pace`
    /// allows.
    pub(super) fn new(stream: S, within: Duration, pace: Arc<Pace>, with: T) -> Self {
        let greeting = Greeting {
            bytes_left: GREETING_BYTES,
            until: Box::pin(sleep(within)),
        };
        Self {
            stream,
            greeting: Some(greeting),
            pace,
            _with: with,
        }
    }
}

/// Reads, but no more at once than is looked at between two looks at the time.
fn poll_piece(
    stream: Pin<&mut impl AsyncRead>,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if buffer.remaining() <= limits::TURN_READ_BYTES {
        return stream.poll_read(context, buffer);
    }
    let mut piece = ReadBuf::new(buffer.initialize_unfilled_to(limits::TURN_READ_BYTES));
    let polled = stream.poll_read(context, &mut piece);
    let read = piece.filled().len();
    buffer.advance(read);
    polled
}

/// The first slices that are no longer than `left` together; the beginning of the first, if
/// that alone is longer.
fn fitting<'a>(bytes: &'a [IoSlice<'a>], left: usize) -> Result<&'a [IoSlice<'a>], &'a [u8]> {
    let mut together = 0;
    let fits = |slice: &&IoSlice<'_>| {
        together += slice.len();
        together <= left
    };
    match (bytes.iter().take_while(fits).count(), bytes.first()) {
        (0, Some(first)) => Err(&first[..first.len().min(left)]),
        (count, _) => Ok(&bytes[..count]),
    }
}

impl<S: AsyncRead + Unpin, T: Unpin> AsyncRead for Greeted<S, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.pace.is_spent() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = poll_piece(Pin::new(&mut self.stream), context, buffer);
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

impl<S: AsyncWrite + Unpin, T: Unpin> Greeted<S, T> {
    /// Writes a piece of no more than its turn has left.
    fn poll_write_piece(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>, usize) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let left = self.pace.bytes_left();
        if left == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = write(Pin::new(&mut self.stream), context, left);
        if let Poll::Ready(Ok(bytes)) = written {
            self.pace.wrote(bytes);
        }
        written
    }
}

impl<S: AsyncWrite + Unpin, T: Unpin> AsyncWrite for Greeted<S, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_piece(context, |stream, context, left| {
            stream.poll_write(context, &bytes[..bytes.len().min(left)])
        })
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
        self.poll_write_piece(context, |stream, context, left| {
            match fitting(bytes, left) {
                Ok(slices) => stream.poll_write_vectored(context, slices),
                Err(first) => stream.poll_write(context, first),
            }
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Connections that said nothing stayed for ever, until there were no file descriptors
    /// left.
    #[tokio::test]
    async fn a_connection_that_says_nothing_ends_and_one_that_spoke_may_be_silent() {
        let within = Duration::from_millis(20);
        let (mut silent, theirs) = tokio::io::duplex(64);
        let mut ours = Greeted::new(theirs, within, Pace::new(), ());
        silent.write_all(b"PRI * HTTP").await.unwrap();
        let mut bytes = [0; 64];
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 10);
        let ended = ours.read(&mut bytes).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);

        let (mut speaks, theirs) = tokio::io::duplex(64);
        let mut ours = Greeted::new(theirs, within, Pace::new(), ());
        speaks.write_all(&[b'x'; GREETING_BYTES]).await.unwrap();
        assert_eq!(ours.read(&mut bytes).await.unwrap(), GREETING_BYTES);
        let later = tokio::time::timeout(3 * within, ours.read(&mut bytes));
        assert!(later.await.is_err(), "it may be silent now");
    }

    /// One answer of megabytes was written for as long as the system took it, and everybody
    /// waited.
    #[tokio::test]
    async fn a_turn_writes_so_much_and_the_next_one_goes_on() {
        let (pace, most) = (Pace::new(), limits::TURN_WRITE_BYTES);
        let (_reads, theirs) = tokio::io::duplex(1 << 20);
        let mut ours = Greeted::new(theirs, Duration::from_secs(1), Arc::clone(&pace), ());
        let (bytes, mut context) = (vec![7; 1 << 20], Context::from_waker(Waker::noop()));
        let whole = |polled: Poll<io::Result<usize>>| match polled {
            Poll::Ready(written) => written.unwrap(),
            Poll::Pending => 0,
        };
        let mut write = |ours: &mut Greeted<_, ()>, slices: &[usize]| {
            let slices: Vec<_> = slices
                .iter()
                .map(|it| IoSlice::new(&bytes[..*it]))
                .collect();
            whole(Pin::new(ours).poll_write_vectored(&mut context, &slices))
        };
        assert_eq!(write(&mut ours, &[most + 1]), most + 1, "it takes no turns");
        pace.begin();
        assert_eq!(write(&mut ours, &[most - 2, 1, 9]), most - 1);
        assert_eq!(write(&mut ours, &[9, 9]), 1);
        assert_eq!(write(&mut ours, &[9]), 0);
        pace.begin();
        assert_eq!(write(&mut ours, &[9]), 9);
        assert_eq!(write(&mut ours, &[2 * most]), most - 9);
    }
}
