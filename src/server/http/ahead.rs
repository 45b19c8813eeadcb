//! Large messages of gRPC that pass by the encoder, which would copy them.
//!
//! The encoder asks for the next message when there is room for it, and is told that there is none
//! yet; the body that it is the heart of sends the pieces of the large one, and asks again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, stream};
use parking_lot::Mutex;
use tonic::{Response, Status};

use crate::proto::pieces::Large;

/// What goes out before whatever the encoder has next: among the extensions of an answer.
pub(in crate::server) struct Ahead {
    pieces: Mutex<VecDeque<Bytes>>,
    /// It is the whole answer: what the encoder has only holds its place.
    is_all: bool,
}

/// The messages of one stream.
pub(in crate::server) type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Ahead {
    /// One message that is the whole answer.
    pub(in crate::server) fn instead(message: impl Large) -> Arc<Self> {
        Arc::new(Self {
            pieces: Mutex::new(message.in_pieces()),
            is_all: true,
        })
    }

    /// Nothing yet.
    fn of_stream() -> Arc<Self> {
        Arc::new(Self {
            pieces: Mutex::default(),
            is_all: false,
        })
    }

    pub(super) fn next(&self) -> Option<Bytes> {
        self.pieces.lock().pop_front()
    }

    /// What is left of it, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.lock().iter().map(Bytes::len).sum()
    }

    pub(super) fn is_all(&self) -> bool {
        self.is_all
    }
}

/// An answer of these messages, of which the large ones are not copied.
pub(in crate::server) fn uncopied<T: Large + Send + 'static>(
    messages: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Response<Messages<T>> {
    let ahead = Ahead::of_stream();
    let passing = Arc::clone(&ahead);
    let mut messages = Box::pin(messages);
    let rest = stream::poll_fn(move |context| {
        // Whoever sends the pieces asks again behind them.
        if !passing.pieces.lock().is_empty() {
            return Poll::Pending;
        }
        match ready!(messages.as_mut().poll_next(context)) {
            Some(Ok(message)) if message.is_large() => {
                *passing.pieces.lock() = message.in_pieces();
                Poll::Pending
            }
            other => Poll::Ready(other),
        }
    });
    let mut response = Response::new(Box::pin(rest) as Messages<T>);
    response.extensions_mut().insert(ahead);
    response
}
