//! What a watcher has not fetched yet.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::interest::Interest;
use crate::base::limits::{WATCH_MAILBOX_BYTES_MAX, WATCH_MAILBOX_EVENTS_MAX};
use crate::base::mutant;
use crate::base::types::Revision;
use crate::kv::Record;
use crate::machine::Event;

/// One watcher's events on their way, between who hands them on and who fetches them.
pub(super) struct Mailbox {
    pub(super) interest: Interest,
    post: Mutex<Post>,
    wake: Notify,
}

struct Post {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    standing: Standing,
}

/// How a watcher gets its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// They are put here: those after `since`, to the watcher with this number.
    Live { number: u64, since: Revision },
    /// It reads those after this revision from the history.
    Behind { after: Revision },
    /// The shard has stopped.
    Closed,
}

/// What [`Mailbox::take`] finds.
pub(super) enum Taken {
    Events(Vec<Arc<Event>>),
    Nothing(Standing),
}

impl Mailbox {
    pub(super) fn new(interest: Interest, after: Revision) -> Self {
        let post = Post {
            events: VecDeque::new(),
            bytes: 0,
            standing: Standing::Behind { after },
        };
        Self {
            interest,
            post: Mutex::new(post),
            wake: Notify::new(),
        }
    }

    /// Puts events of whole revisions, as far as there is room. False if there is not for
    /// all of them: the watcher is behind then, from the first revision that is not here.
    pub(super) fn put(&self, events: &[Arc<Event>]) -> bool {
        let mut post = self.post.lock();
        let revisions = events.chunk_by(|one, next| one.revision == next.revision);
        let mut is_all = true;
        for of_revision in revisions {
            if !post.put(of_revision) {
                if mutant::is_on("slow-watchers-lose") {
                    continue;
                }
                let after = Revision(of_revision[0].revision.0 - 1);
                post.standing = Standing::Behind { after };
                is_all = false;
                break;
            }
        }
        drop(post);
        self.wake.notify_one();
        is_all
    }

    /// Everything that is here, or how things stand.
    pub(super) fn take(&self) -> Taken {
        let mut post = self.post.lock();
        if post.events.is_empty() {
            return Taken::Nothing(post.standing);
        }
        post.bytes = 0;
        // The room is given back: idle watchers are many.
        Taken::Events(std::mem::take(&mut post.events).into())
    }

    pub(super) fn standing(&self) -> Standing {
        self.post.lock().standing
    }

    /// How far everything was fetched, if the hub handed on all events up to `position`
    /// before this call; `None` while something is here.
    pub(super) fn seen(&self, position: Revision) -> Option<Revision> {
        let post = self.post.lock();
        match post.standing {
            _ if !post.events.is_empty() && !mutant::is_on("marks-ahead") => None,
            Standing::Live { since, .. } => Some(since.max(position)),
            Standing::Behind { after } => Some(after),
            Standing::Closed => None,
        }
    }

    pub(super) fn stand(&self, standing: Standing) {
        self.post.lock().standing = standing;
        self.wake.notify_one();
    }

    /// Resolves when something may have changed.
    pub(super) async fn changed(&self) {
        self.wake.notified().await;
    }
}

impl Post {
    /// The events of one revision: all of them, or none.
    fn put(&mut self, events: &[Arc<Event>]) -> bool {
        let bytes = self.bytes + events.iter().map(|event| weight(event)).sum::<usize>();
        let count = self.events.len() + events.len();
        if count > WATCH_MAILBOX_EVENTS_MAX || bytes > WATCH_MAILBOX_BYTES_MAX {
            return false;
        }
        self.bytes = bytes;
        self.events.extend(events.iter().cloned());
        true
    }
}

/// Bytes that an event keeps in memory, about, once the history has let it go.
pub(super) fn weight(event: &Event) -> usize {
    let record = |record: &Option<Record>| record.as_ref().map_or(0, Record::weight);
    size_of::<Event>()
        + event.bucket.len()
        + event.key.len()
        + record(&event.record)
        + record(&event.previous)
}
