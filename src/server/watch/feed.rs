//! One watch in the words of the wire.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::places::Place;
use super::watcher::{Ask, Told, Watcher};
use crate::base::Result;
use crate::base::types::ShardId;
use crate::machine::Event;
use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;
use crate::server::convert;
use crate::server::service::{Consistency, Service};
use crate::server::status::to_frame;

/// A watch as the replies it gives, each about a message long.
pub(in crate::server) struct Feed {
    watcher: Watcher,
    _place: Place,
    /// With the records before the changes.
    previous: bool,
    /// The rest of a page of what was there at first.
    parts: VecDeque<v1::WatchEvents>,
    /// Events that were told and not said. They are shared until they are: one that does
    /// not read keeps one message of its own.
    events: VecDeque<Arc<Event>>,
}

/// What somebody asked for, in the words of this node, with a place among its watches: what
/// waits to be opened is bounded in size and in number.
pub(in crate::server) struct Wanted {
    ask: Ask,
    previous: bool,
    place: Place,
}

impl Wanted {
    /// # Errors
    /// `Invalid` for what the request has wrong in form; `NotFound` without such a shard;
    /// `LimitExceeded` when the node has too many watches.
    pub(in crate::server) fn of(service: &Service, create: v1::WatchCreate) -> Result<Self> {
        let previous = create.previous;
        let ask = convert::watch(create)?;
        service.shard_with_keys(ask.shard)?;
        let place = service.watch_places().take()?;
        Ok(Self {
            ask,
            previous,
            place,
        })
    }
}

impl Feed {
    /// Opens a watch, with the reply that says so.
    ///
    /// # Errors
    /// As [`Watcher::open`].
    pub(in crate::server) async fn open(
        service: &Service,
        wanted: Wanted,
        asked: Arc<Notify>,
    ) -> Result<(Self, Reply)> {
        let Wanted {
            ask,
            previous,
            place,
        } = wanted;
        let (shard, consistency) = (ask.shard, ask.consistency);
        let (watcher, after) = Watcher::open(service, ask, asked, service.due()).await?;
        let feed = Self {
            watcher,
            previous,
            _place: place,
            parts: VecDeque::new(),
            events: VecDeque::new(),
        };
        let created = created(service, shard, after, consistency)?;
        Ok((feed, Reply::Created(created)))
    }

    /// What it says next. `Ended` is the last. May be given up at any await.
    pub(in crate::server) async fn next(&mut self) -> Reply {
        if let Some(part) = self.parts.pop_front() {
            return Reply::Events(part);
        }
        match self.told().await {
            Ok(reply) => reply,
            Err(error) => Reply::Ended(to_frame(&error)),
        }
    }

    async fn told(&mut self) -> Result<Reply> {
        if self.events.is_empty() {
            match self.watcher.next().await? {
                Told::Progress(revision) => return Ok(Reply::ProgressRevision(revision.0)),
                Told::Initial(records, is_complete) => {
                    let now = self.watcher.now()?;
                    self.parts = convert::initial(records, is_complete, now);
                    let first = self.parts.pop_front();
                    return Ok(Reply::Events(first.unwrap_or_default()));
                }
                Told::Events(events) => self.events = events.into(),
            }
        }
        // Only timers need it, and it is asked of a lock.
        let timed = self.events.iter().any(|event| convert::is_timed(event));
        let now = if timed {
            self.watcher.now()?
        } else {
            Default::default()
        };
        let message = convert::message(&mut self.events, self.previous, now);
        Ok(Reply::Events(message))
    }
}

fn created(
    service: &Service,
    shard: ShardId,
    after: crate::base::types::Revision,
    consistency: Consistency,
) -> Result<v1::WatchCreated> {
    let header = convert::header(service, service.shard(shard)?, after, consistency);
    Ok(v1::WatchCreated {
        header: Some(header),
    })
}
