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
    waiting: Option<BoxFuture<'static, ()>>,
}

/// Weighs an answer of a connection.
pub(super) fn weighed(
    mut response: Response<Body>,
    of: &Arc<Allowance>,
    is_stream: bool,
) -> Response<Body> {
    let weighed = response.extensions_mut().remove::<Weight>();
    if weighed.is_none() && !is_stream {
        return response;
    }
    response.map(|inner| {
        Body::new(Outgoing {
            inner,
            of: Arc::clone(of),
            weighed,
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
        if this.weighed.is_none() {
            ready!(this.poll_room(context));
        }
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| Ok(frame?.map_data(|data| this.weigh(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;
    use crate::server::port::{Bounds, Connections};

    const LONG: usize = 40 << 20;

    fn stream_of(lengths: &[usize]) -> Response<Body> {
        let frame = |length: &usize| Ok::<_, Status>(Frame::data(vec![7; *length].into()));
        let frames: Vec<_> = lengths.iter().map(frame).collect();
        Response::new(Body::new(StreamBody::new(futures_util::stream::iter(
            frames,
        ))))
    }

    async fn data(body: &mut Body) -> Option<Bytes> {
        let frame = BodyExt::frame(body).await?;
        Some(frame.unwrap().into_data().unwrap())
    }

    #[tokio::test]
    async fn a_stream_goes_on_when_what_it_gave_has_left() {
        let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
        let mut body = weighed(stream_of(&[LONG, LONG, LONG]), &allowance, true).into_body();
        let (first, second) = (data(&mut body).await, data(&mut body).await);
        assert!(first.is_some() && second.is_some());
        let mut third = Box::pin(data(&mut body));
        let early = (&mut third).now_or_never();
        assert!(early.is_none(), "80 of 64 MiB are held");
        drop(first);
        let third = third.now_or_never().unwrap();
        assert_eq!(third.as_ref().unwrap().len(), LONG);
        drop((second, third));
        let rest = limits::CONNECTION_BYTES_MAX - 1;
        assert!(allowance.take(rest).is_ok());
    }

    #[tokio::test]
    async fn one_message_is_weighed_once_and_held_to_its_last_byte() {
        let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
        let mut response = stream_of(&[LONG]);
        let weight: Weight = Arc::new(allowance.take(LONG).unwrap());
        response.extensions_mut().insert(weight);
        let mut body = weighed(response, &allowance, false).into_body();
        let mut bytes = data(&mut body).await.unwrap();
        drop(body);
        let rest = bytes.split_off(LONG - 1);
        drop(bytes);
        assert!(allowance.take(LONG).is_err(), "a byte is left");
        drop(rest);
        assert!(allowance.take(LONG).is_ok());
    }
}
