//! The events of one watch on their way to a client.
//!
//! Nothing is made before the client takes it: one that does not read costs a message, and
//! what its watch has in its mailbox.

use std::collections::VecDeque;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;

use super::budget::{Budget, Held};
use super::content::PIECE_BYTES;
use super::event::{Count, Text};
use super::refused::Refused;
use crate::base::Error;
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;
use crate::server::status::from_frame;
use crate::server::watch::is_stopping;

/// A watch that is open, and what is told of it.
pub(super) struct Telling {
    pub(super) says: BoxStream<'static, Reply>,
    /// The revision after which it tells events.
    pub(super) after: u64,
    /// It begins with what is there.
    pub(super) is_initial: bool,
    pub(super) count: Count,
    /// Of the request, for people who look for it.
    pub(super) request_id: Option<String>,
}

impl Telling {
    /// The stream of events, which ends when the node stops.
    pub(super) fn stream(
        self,
        budget: &Budget,
        stopping: watch::Receiver<bool>,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        let mut first = Text::default();
        first.begin();
        if !self.is_initial {
            first.told("progress", self.after, self.count.whole(self.after));
        }
        let way = Way {
            telling: self,
            stopping,
            budget: budget.clone(),
            message: v1::WatchEvents::default(),
            events: VecDeque::new(),
            text: first.bytes.into(),
            held: budget.hold(),
            is_over: false,
        };
        stream::unfold(way, |mut way| async move {
            let piece = way.next().await?;
            Some((Ok(piece), way))
        })
    }
}

/// How far the client has taken it.
struct Way {
    telling: Telling,
    stopping: watch::Receiver<bool>,
    budget: Budget,
    /// The message that is being told, without its events, ...
    message: v1::WatchEvents,
    /// ... and those that are not text yet.
    events: VecDeque<v1::WatchEvent>,
    /// Text that was not taken yet, ...
    text: Bytes,
    /// ... and what it holds, if it is large.
    held: Held,
    is_over: bool,
}

impl Way {
    /// The next piece; `None` after the last.
    async fn next(&mut self) -> Option<Bytes> {
        while self.text.is_empty() {
            if self.is_over {
                return None;
            }
            self.held = self.budget.hold();
            let made = match self.make().await {
                Ok(text) => self.held.grow(text.bytes.len()).map(|()| text),
                Err(over) => Err(over),
            };
            let text = made.unwrap_or_else(|over| self.end(over));
            self.text = text.bytes.into();
        }
        Some(self.text.split_to(self.text.len().min(PIECE_BYTES)))
    }

    /// More text: about a piece, or one event. Nothing if there is nothing to say.
    async fn make(&mut self) -> Result<Text, Error> {
        let mut text = Text::default();
        if self.events.is_empty() {
            let reply = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return Err(is_stopping()),
                reply = self.telling.says.next() => reply,
            };
            match reply {
                Some(Reply::Events(mut message)) => {
                    self.events = std::mem::take(&mut message.events).into();
                    self.message = message;
                }
                Some(Reply::ProgressRevision(revision)) => {
                    let mark = self.telling.count.whole(revision);
                    text.told("progress", revision, mark);
                    return Ok(text);
                }
                Some(Reply::Ended(error)) => return Err(from_frame(error)),
                Some(Reply::Created(_)) | None => {
                    return Err(Error::internal("the watch said what makes no sense here"));
                }
            }
        }
        while text.bytes.len() < PIECE_BYTES
            && let Some(event) = self.events.pop_front()
        {
            self.write(event, &mut text);
        }
        if self.events.is_empty() && self.message.initial_is_complete {
            self.message.initial_is_complete = false;
            let after = self.telling.after;
            text.told("synced", after, self.telling.count.whole(after));
        }
        Ok(text)
    }

    fn write(&mut self, event: v1::WatchEvent, text: &mut Text) {
        if self.message.initial {
            return text.initial(event);
        }
        let goes_on = match self.events.front() {
            Some(next) => next.revision == event.revision,
            None => self.message.revision_goes_on,
        };
        if let Some(mark) = self.telling.count.next(event.revision, !goes_on) {
            text.change(event, mark);
        }
    }

    /// The last event: why there are no more.
    fn end(&mut self, why: Error) -> Text {
        self.is_over = true;
        let request_id = self.telling.request_id.as_deref().unwrap_or_default();
        let mut text = Text::default();
        text.end(&Refused::from(why).to_body(request_id));
        text
    }
}
