//! Answers of gRPC on their way out, weighed while they wait for whoever asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::ahead::Ahead;
use crate::base::limits;
use crate::server::port::{Allowance, Held};

/// What an answer holds that was weighed before it was encoded: among its extensions.
pub(in crate::server) type Weight = Arc<Held>;

/// An answer whose bytes are held until they are on their way.
///
/// A stream is asked for more when there is room for it; an answer that is one message was
/// weighed before.
struct Outgoing {
    inner: Body,
    of: Arc<Allowance>,
    weighed: Option<Weight>,
    ahead: Option<Arc<Ahead>>,
    /// What has gone ahead of the encoder holds this.
    large: Option<Weight>,
    waiting: Option<BoxFuture<'static, ()>>,
}

/// Weighs an answer of a connection.
pub(super) fn weighed(
    mut response: Response<Body>,
    of: &Arc<Allowance>,
    is_stream: bool,
) -> Response<Body> {
    let weighed = response.extensions_mut().remove::<Weight>();
    let ahead = response.extensions_mut().remove::<Arc<Ahead>>();
    if weighed.is_none() && ahead.is_none() && !is_stream {
        return response;
    }
    response.map(|inner| {
        Body::new(Outgoing {
            inner,
            of: Arc::clone(of),
            weighed,
            ahead,
            large: None,
            waiting: None,
        })
    })
}

impl Outgoing {
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() && self.of.has_room() {
            return Poll::Ready(());
        }
        let of = &self.of;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(Arc::clone(of).room()));
        ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        Poll::Ready(())
    }

    /// Holds a large message that the encoder has just let pass by, whole: what waits for whoever
    /// asked is not only its first piece.
    fn hold_large(&mut self) {
        let passed = self.ahead.as_ref().map_or(0, |ahead| ahead.bytes());
        if passed > 0 && self.weighed.is_none() && self.large.is_none() {
            self.large = Some(Arc::new(self.of.hold(passed)));
        }
    }

    /// The next piece of such a message.
    fn next_piece(&mut self) -> Option<Frame<Bytes>> {
        let ahead = self.ahead.as_ref()?;
        let data = ahead.next()?;
        let held = self.weighed.clone().or_else(|| self.large.clone());
        if ahead.bytes() == 0 {
            self.large = None;
        }
        Some(Frame::data(match held {
            Some(held) => Bytes::from_owner(Weighed { data, _held: held }),
            None => data,
        }))
    }

    /// True if what the encoder has only holds the place of what has gone ahead.
    fn is_placeholder(&self, frame: &Frame<Bytes>) -> bool {
        frame.is_data() && self.ahead.as_ref().is_some_and(|ahead| ahead.is_all())
    }

    fn weigh(&self, data: Bytes) -> Bytes {
        let held = match &self.weighed {
            Some(weight) => Arc::clone(weight),
            None if data.len() < limits::ANSWER_COUNTED_BYTES => return data,
            None => Arc::new(self.of.hold(data.len())),
        };
        // What it holds is given back with its last byte, wherever that waits.
        Bytes::from_owner(Weighed { data, _held: held })
    }
}

struct Weighed {
    data: Bytes,
    _held: Weight,
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(piece) = this.next_piece() {
            return Poll::Ready(Some(Ok(piece)));
        }
        if this.weighed.is_none() {
            ready!(this.poll_room(context));
        }
        loop {
            let polled = Pin::new(&mut this.inner).poll_frame(context);
            this.hold_large();
            return match polled {
                Poll::Ready(Some(Ok(frame))) if this.is_placeholder(&frame) => continue,
                Poll::Ready(frame) => {
                    Poll::Ready(frame.map(|frame| Ok(frame?.map_data(|data| this.weigh(data)))))
                }
                Poll::Pending => match this.next_piece() {
                    Some(piece) => Poll::Ready(Some(Ok(piece))),
                    None => Poll::Pending,
                },
            };
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
