//! A connection of one client over HTTP/1.1: it asks, waits for the answer, and asks again.

use std::error::Error as StdError;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::response::Parts;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::base::host::Line;
use crate::client::Dial;

/// A longer answer is no answer of dkv, bytes: a page of large values in base64.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// Nothing was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// What was sent may have been done.
    #[error("the connection was lost: {0}")]
    Broken(String),
    /// What was sent may have been done.
    #[error("no answer in time")]
    Late,
    /// The other side does not speak HTTP.
    #[error("what came is not HTTP: {0}")]
    NotHttp(String),
}

/// One connection, with one request under way at a time.
pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// Driven while a request is under way, by whoever asked: a task of its own would stand
    /// between client and socket.
    line: http1::Connection<TokioIo<Box<dyn Line>>, Full<Bytes>>,
    has_ended: bool,
}

impl Connection {
    pub(super) async fn open(dial: &Dial, address: &str, within: Duration) -> Result<Self, Lost> {
        let dialled = dial.dial(address, b"http/1.1", within).await;
        let (socket, _) = dialled.map_err(|error| Lost::Unreachable(innermost(error.as_ref())))?;
        let shaken = http1::handshake(TokioIo::new(socket)).await;
        let (requests, line) = shaken.map_err(|error| lost(&error))?;
        Ok(Self {
            requests,
            line,
            has_ended: false,
        })
    }

    /// Whether it can be used, as far as is known: the server may have closed it since the
    /// last request.
    pub(super) fn is_open(&mut self) -> bool {
        self.has_ended = self.has_ended || (&mut self.line).now_or_never().is_some();
        !self.has_ended && !self.requests.is_closed()
    }

    /// Whether the last answer left it open.
    pub(super) fn stays(&self) -> bool {
        !self.has_ended && !self.requests.is_closed()
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// After an error, or if it was not waited for, the connection must not be used again.
    pub(super) async fn ask(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<(Parts, Bytes), Lost> {
        let Self {
            requests,
            line,
            has_ended,
        } = self;
        let mut exchange = pin!(exchange(requests, request));
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // What had come before the end is still handed on.
            _ = line => {
                *has_ended = true;
                exchange.await
            }
        }
    }
}

async fn exchange(
    requests: &mut SendRequest<Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
) -> Result<(Parts, Bytes), Lost> {
    let answer = requests.send_request(request).await;
    let (head, body) = answer.map_err(|error| lost(&error))?.into_parts();
    let whole = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let whole = whole.map_err(|error| Lost::Broken(innermost(error.as_ref())))?;
    Ok((head, whole.to_bytes()))
}

fn lost(error: &hyper::Error) -> Lost {
    if error.is_parse() {
        return Lost::NotHttp(error.to_string());
    }
    Lost::Broken(innermost(error))
}

/// What the operating system said: the layers above only say that something went wrong.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
