//! What has come for one watch and was not fetched yet.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::proto::v1;
use crate::proto::v1::watch_reply::Reply;

/// Bytes that wait for a caller, about: one who is slower is cut off from the stream, which
/// others share, and goes on where he was once he has fetched what is here.
const BYTES_MAX: usize = 4 << 20;

/// The same in messages.
const REPLIES_MAX: usize = 256;

/// Between the stream and the one who watches.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    bytes: usize,
    /// Part of a revision is here: the rest must come.
    is_in_revision: bool,
    end: Option<End>,
}

/// Why nothing more comes.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// The stream is gone, for this reason.
    Lost(String),
    /// Too much was here.
    Full,
}

impl Inbox {
    /// Puts a reply. False if there is no room: no more must come for this watch then.
    pub(super) fn put(&self, reply: Reply) -> bool {
        let mut state = self.state.lock();
        let bytes = weight(&reply);
        let is_full = state.replies.len() >= REPLIES_MAX || state.bytes + bytes > BYTES_MAX;
        // A revision is taken whole, whatever it takes: its first part was.
        let is_taken = !is_full || state.replies.is_empty() || state.is_in_revision;
        if is_taken {
            state.is_in_revision = matches!(&reply, Reply::Events(it) if it.revision_goes_on);
            state.bytes += bytes;
            state.replies.push_back(reply);
        } else {
            state.end = Some(End::Full);
        }
        drop(state);
        self.changed.notify_one();
        is_taken
    }

    /// Nothing more comes.
    pub(super) fn end(&self, end: End) {
        self.state.lock().end.get_or_insert(end);
        self.changed.notify_one();
    }

    /// The next reply, or why there is none. May be given up at any await.
    pub(super) async fn next(&self) -> Result<Reply, End> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(reply) = state.replies.pop_front() {
                    state.bytes -= weight(&reply);
                    return Ok(reply);
                }
                if let Some(end) = &state.end {
                    return Err(end.clone());
                }
            }
            self.changed.notified().await;
        }
    }
}

fn weight(reply: &Reply) -> usize {
    let record = |record: &Option<v1::Record>| {
        record
            .as_ref()
            .map_or(0, |it| 64 + it.key.len() + it.value.len())
    };
    let event = |event: &v1::WatchEvent| 32 + record(&event.record) + record(&event.previous);
    match reply {
        Reply::Events(events) => 64 + events.events.iter().map(event).sum::<usize>(),
        Reply::Created(_) | Reply::ProgressRevision(_) | Reply::Ended(_) => 64,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn part(revision: u64, bytes: usize, revision_goes_on: bool) -> Reply {
        let value = Bytes::from(vec![0; bytes]);
        let record = v1::Record {
            value,
            ..v1::Record::default()
        };
        let event = v1::WatchEvent {
            revision,
            record: Some(record),
            ..v1::WatchEvent::default()
        };
        Reply::Events(v1::WatchEvents {
            events: vec![event],
            revision_goes_on,
            ..v1::WatchEvents::default()
        })
    }

    #[tokio::test]
    async fn a_slow_caller_is_cut_off_between_revisions_and_keeps_what_is_there() {
        let inbox = Inbox::default();
        assert!(inbox.put(part(1, 3 << 20, false)));
        assert!(inbox.put(part(2, 100, true)));
        assert!(inbox.put(part(2, 3 << 20, true)), "a revision is never cut");
        assert!(inbox.put(part(2, 3 << 20, false)));
        assert!(!inbox.put(part(3, 100, false)));
        for revision in [1, 2, 2, 2] {
            let Ok(Reply::Events(events)) = inbox.next().await else {
                panic!("what came before is there");
            };
            assert_eq!(events.events[0].revision, revision);
        }
        assert!(matches!(inbox.next().await, Err(End::Full)));
        assert!(matches!(inbox.next().await, Err(End::Full)));
    }

    #[tokio::test]
    async fn one_message_is_taken_however_large() {
        let inbox = Inbox::default();
        assert!(inbox.put(part(1, 9 << 20, false)));
        assert!(inbox.next().await.is_ok());
        assert!(inbox.put(part(2, 9 << 20, false)));
        inbox.end(End::Lost("gone".to_owned()));
        assert!(inbox.next().await.is_ok());
        assert!(matches!(inbox.next().await, Err(End::Lost(_))));
    }
}
