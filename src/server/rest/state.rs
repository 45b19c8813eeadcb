//! What every route works with.

use std::io::{self, Write as _};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::body;
use super::budget::{Budget, Held};
use super::content::{Content, PIECE_BYTES};
use super::head::Head;
use super::marks;
use super::refused::Answered;
use crate::base::{Error, limits};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::server::http::{Live, Standing};

/// How long a request waits for the node to have recovered.
const RECOVERS_WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The node as its REST interface sees it. Clones are the same.
#[derive(Clone)]
pub(in crate::server) struct Rest {
    standing: Standing,
    /// For bodies that come.
    pub(super) incoming: Budget,
    outgoing: Budget,
    /// For events that wait to be read.
    pub(super) watching: Budget,
}

impl Rest {
    pub(in crate::server) fn new(standing: Standing) -> Self {
        Self {
            standing,
            incoming: Budget::of(limits::REST_BODIES_BYTES_MAX),
            outgoing: Budget::of(limits::REST_BODIES_BYTES_MAX),
            watching: Budget::of(limits::REST_EVENTS_BYTES_MAX),
        }
    }

    /// The node, once it has recovered: a request waits a little for that, as it would in the
    /// queue of a port that nobody accepts from yet.
    ///
    /// # Errors
    /// `Unavailable` when that takes longer, and while it waits for other nodes.
    pub(super) async fn live(&self) -> Answered<&Live> {
        let by = Instant::now() + RECOVERS_WITHIN;
        loop {
            let why = match (self.standing.live.get(), self.standing.waiting.why()) {
                (Some(live), _) => return Ok(live),
                (None, Some(why)) => why,
                (None, None) if Instant::now() >= by => "recovering".to_owned(),
                (None, None) => {
                    // What it waits for may be known by then.
                    drop(timeout(LOOK, self.standing.live.wait()).await);
                    continue;
                }
            };
            let why = format!("this node runs, and is {why}: ask again");
            return Err(Error::unavailable(why).into());
        }
    }

    /// How far the node is.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The node if it has recovered.
    pub(super) fn live_now(&self) -> Option<&Live> {
        self.standing.live.get()
    }

    /// Reads the head of a request: see [`Head::of`].
    pub(super) async fn head(&self, parts: &Parts, base: &str, own: &[&str]) -> Answered<Head> {
        let within = self.live().await?.describe.service.request_timeout();
        Ok(Head::of(parts, base, own, within)?)
    }

    /// As [`Self::head`], for a route that takes these parameters and no others.
    pub(super) async fn head_among(
        &self,
        parts: &Parts,
        base: &str,
        known: &[&str],
    ) -> Answered<Head> {
        let within = self.live().await?.describe.service.request_timeout();
        Ok(Head::among(parts, base, known, within)?)
    }

    /// Becomes true when the node stops: what goes on without end then ends.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.standing.stopping.clone()
    }

    /// An id that the client left to the node.
    pub(super) async fn draw_id(&self) -> Answered<[u8; 16]> {
        Ok(self.live().await?.rng.id())
    }

    /// Does what is asked.
    pub(super) async fn ask(&self, head: &Head, request: Request) -> Answered<Reply> {
        Ok(self.live().await?.asking.ask(head.within, request).await?)
    }

    /// As [`Self::ask`], for what may wait so long for its turn, beside its time.
    pub(super) async fn ask_waiting(
        &self,
        head: &Head,
        request: Request,
        wait: Duration,
    ) -> Answered<Reply> {
        let asking = &self.live().await?.asking;
        let answer = asking.ask_waiting(head.within + wait, request, wait);
        Ok(answer.await?)
    }

    /// Reads a document that a route requires.
    pub(super) async fn document<T: serde::de::DeserializeOwned>(
        &self,
        head: &Head,
        parts: &Parts,
        sent: Body,
    ) -> Answered<(T, Held)> {
        body::read_document(&self.incoming, parts, sent, head.within).await
    }

    /// As [`Self::document`], for one that may be left away.
    pub(super) async fn document_if_any<T: serde::de::DeserializeOwned + Default>(
        &self,
        head: &Head,
        parts: &Parts,
        sent: Body,
    ) -> Answered<(T, Held)> {
        body::read_optional(&self.incoming, parts, sent, head.within).await
    }

    /// An answer in JSON.
    ///
    /// # Errors
    /// `LimitExceeded` if it is large and too many are on their way.
    pub(super) fn json(
        &self,
        status: StatusCode,
        header: Option<&v1::Header>,
        answer: &impl Serialize,
    ) -> Answered {
        self.json_in(self.outgoing.hold(), status, header, answer)
    }

    /// Room for an answer of so many bytes at least. It is asked for before a large one is made:
    /// to make it takes about a millisecond for each MiB.
    ///
    /// # Errors
    /// `LimitExceeded` if too many are on their way.
    pub(super) fn room(&self, bytes: usize) -> Answered<Held> {
        let mut held = self.outgoing.hold();
        if bytes > PIECE_BYTES {
            held.cover(bytes)?;
        }
        Ok(held)
    }

    /// As [`Self::json`], in room that was given to it.
    pub(super) fn json_in(
        &self,
        room: Held,
        status: StatusCode,
        header: Option<&v1::Header>,
        answer: &impl Serialize,
    ) -> Answered {
        let text = Content::new(room, false);
        Ok(whole(status, header, JSON, written(text, answer)?))
    }

    /// An answer in JSON to a write that was done: it is given in any case.
    pub(super) fn done(
        &self,
        status: StatusCode,
        header: Option<&v1::Header>,
        answer: &impl Serialize,
    ) -> Answered {
        let text = Content::new(self.outgoing.hold(), true);
        Ok(whole(status, header, JSON, written(text, answer)?))
    }

    /// An answer of bytes as they are.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub(super) fn bytes(
        &self,
        status: StatusCode,
        header: Option<&v1::Header>,
        content_type: HeaderValue,
        bytes: Bytes,
    ) -> Answered {
        let content = Content::of(bytes, self.outgoing.hold())?;
        Ok(whole(status, header, content_type, content))
    }
}

fn written(mut text: Content, answer: &impl Serialize) -> Answered<Content> {
    let written = serde_json::to_writer(&mut text, answer).map_err(io::Error::from);
    let written = written.and_then(|()| text.write_all(b"\n"));
    match written.and_then(|()| text.end()) {
        Ok(()) => Ok(text),
        Err(error) => {
            let refused = text.refused().unwrap_or_else(|| {
                Error::internal("an answer could not be written as JSON").with_source(error)
            });
            Err(refused.into())
        }
    }
}

fn whole(
    status: StatusCode,
    header: Option<&v1::Header>,
    content_type: HeaderValue,
    content: Content,
) -> Response {
    let length = content.len();
    let mut response = Response::new(body::write(content));
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_LENGTH, length.into());
    marks::reflect(headers, header);
    response
}
