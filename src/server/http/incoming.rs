//! Messages of gRPC on their way in, held while they are not whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;

use crate::base::{Error, limits};
use crate::server::port::{Allowance, Full, Held};
use crate::server::status::to_status;

/// The messages of a call. One that is not short is held from its beginning until the call asks
/// for what is behind it, and must come fast enough.
pub(super) struct Incoming {
    inner: Body,
    of: Arc<Allowance>,
    framing: Framing,
    held: Option<Message>,
}

/// A message that is held.
struct Message {
    /// Which one it is of its call.
    number: u64,
    begun: Instant,
    _held: Held,
    /// Once it was waited for.
    over: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub(super) fn new(inner: Body, of: Arc<Allowance>) -> Self {
        Self {
            inner,
            of,
            framing: Framing::default(),
            held: None,
        }
    }

    /// Gives back what was read, and holds what is coming.
    fn hold(&mut self) -> Result<(), Status> {
        let framing = &self.framing;
        if self
            .held
            .as_ref()
            .is_some_and(|it| it.number != framing.number)
        {
            self.held = None;
        }
        if self.held.is_some() || framing.length < limits::REQUEST_COUNTED_BYTES {
            return Ok(());
        }
        let bytes = framing.length.min(limits::REQUEST_BYTES_MAX);
        let held = self.of.take(bytes).map_err(too_much)?;
        self.held = Some(Message {
            number: framing.number,
            begun: Instant::now(),
            _held: held,
            over: None,
        });
        Ok(())
    }

    /// Whether the time of a message that is waited for is over. What came gives it more: the
    /// time in which nobody asked for it is not its sender's.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(message) = &mut self.held else {
            return false;
        };
        let came = self.framing.length - self.framing.left;
        let seconds = came / limits::REQUEST_MESSAGE_BYTES_PER_SECOND;
        let due = message.begun
            + Duration::from_millis(limits::REQUEST_MESSAGE_MS)
            + Duration::from_secs(seconds as u64);
        let over = message
            .over
            .get_or_insert_with(|| Box::pin(sleep_until(due)));
        if over.deadline() != due {
            over.as_mut().reset(due);
        }
        over.as_mut().poll(context).is_ready()
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Err(refused) = this.hold() {
            return Poll::Ready(Some(Err(refused)));
        }
        let polled = Pin::new(&mut this.inner).poll_frame(context);
        if polled.is_pending() && this.is_late(context) {
            return Poll::Ready(Some(Err(late())));
        }
        let frame = ready!(polled);
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.framing.see(data);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// How far the messages of a call have come: each has its length before it (the gRPC
/// protocol over HTTP/2: a byte that says whether it is packed, four bytes of length).
#[derive(Default)]
struct Framing {
    /// Messages that are whole.
    number: u64,
    head: [u8; 5],
    /// Bytes of the head that are there.
    headed: usize,
    /// Of the message whose head is there, else 0.
    length: usize,
    /// Bytes of it that are not there.
    left: usize,
}

impl Framing {
    fn see(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.headed < self.head.len() {
                let taken = data.len().min(self.head.len() - self.headed);
                let (head, rest) = data.split_at(taken);
                self.head[self.headed..][..taken].copy_from_slice(head);
                self.headed += taken;
                data = rest;
                if self.headed == self.head.len() {
                    let [_, length @ ..] = self.head;
                    self.length = u32::from_be_bytes(length) as usize;
                    self.left = self.length;
                }
            }
            let taken = data.len().min(self.left);
            data = &data[taken..];
            self.left -= taken;
            if self.headed == self.head.len() && self.left == 0 {
                self.number += 1;
                (self.headed, self.length) = (0, 0);
            }
        }
    }
}

fn too_much(full: Full) -> Status {
    let whose = match full {
        Full::Own => "this connection sends",
        Full::Pool => "all connections together send",
    };
    to_status(&Error::too_busy(format!(
        "{whose} too much at once: nothing of this request was done; ask again when others were \
         answered"
    )))
}

fn late() -> Status {
    to_status(&Error::unavailable(format!(
        "a request was begun and came more slowly than {} KiB a second: nothing of it was done; \
         send less at once",
        limits::REQUEST_MESSAGE_BYTES_PER_SECOND >> 10
    )))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;
    use crate::server::port::Bounds;
    use crate::server::port::Connections;

    /// Three of them are what a connection may have under way.
    const LONG: usize = limits::REQUEST_BYTES_MAX;
    const REST: usize = limits::CONNECTION_BYTES_MAX - LONG + 1;

    fn message(length: usize) -> Vec<u8> {
        let head = u32::try_from(length).unwrap().to_be_bytes();
        [&[0][..], &head, &vec![7; length]].concat()
    }

    fn of(of: &Arc<Allowance>, parts: Vec<Vec<u8>>) -> Incoming {
        let parts = parts
            .into_iter()
            .map(|part| Ok::<_, Status>(Frame::data(Bytes::from(part))));
        let body = StreamBody::new(
            futures_util::stream::iter(parts).chain(futures_util::stream::pending()),
        );
        Incoming::new(Body::new(body), Arc::clone(of))
    }

    fn allowance() -> Arc<Allowance> {
        Connections::new(Bounds::of_all(1)).allow().incoming
    }

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let lengths = [0, 1, 300, 0, 70_000, 5];
        let bytes: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
        for piece in [1, 3, 5, 6, 1_000, bytes.len()] {
            let mut framing = Framing::default();
            let mut longest = 0;
            for data in bytes.chunks(piece) {
                framing.see(data);
                longest = longest.max(framing.length);
                assert!(framing.left <= framing.length);
            }
            assert_eq!((framing.number, framing.headed), (6, 0), "{piece}");
            assert!(piece == bytes.len() || longest == 70_000, "{piece}");
        }
    }

    #[tokio::test]
    async fn a_long_message_is_held_until_the_next_one_is_asked_for() {
        let allowance = allowance();
        let bytes = message(LONG);
        let (head, rest) = bytes.split_at(100);
        let mut one = of(&allowance, vec![head.to_vec(), rest.to_vec(), message(1)]);
        assert!(one.frame().await.unwrap().is_ok() && allowance.take(REST).is_ok());
        assert!(one.frame().await.unwrap().is_ok());
        assert!(
            allowance.take(REST).is_err(),
            "it is whole, and not looked at"
        );
        assert!(one.frame().await.unwrap().is_ok());
        assert!(allowance.take(REST).is_ok());
    }

    #[tokio::test]
    async fn who_sends_too_much_at_once_is_refused() {
        let allowance = allowance();
        let begun = || vec![message(LONG)[..100].to_vec(), vec![7; 10]];
        let mut streams = [(); 4].map(|()| of(&allowance, begun()));
        for stream in &mut streams {
            assert!(
                stream.frame().await.unwrap().is_ok(),
                "it has not said how long it is"
            );
        }
        for stream in &mut streams[..3] {
            assert!(stream.frame().await.unwrap().is_ok());
        }
        let refused = streams[3].frame().await.unwrap().unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        drop(streams);
        let mut again = of(&allowance, begun());
        for _ in 0..2 {
            assert!(again.frame().await.unwrap().is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_go_on_is_over_after_a_while() {
        let mut one = of(&allowance(), vec![message(LONG)[..100].to_vec()]);
        assert!(one.frame().await.unwrap().is_ok());
        let refused = one.frame().await.unwrap().unwrap_err();
        assert!(refused.message().contains("more slowly than 32 KiB"));
        // A short one may take its time: a session says nothing for hours.
        let mut short = of(&allowance(), vec![message(10)]);
        assert!(short.frame().await.unwrap().is_ok());
        let hours = tokio::time::timeout(Duration::from_hours(9), short.frame());
        assert!(hours.await.is_err());
    }
}
