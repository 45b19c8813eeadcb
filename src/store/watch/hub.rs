//! Who is live, and how far everything was handed on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::interest::Interests;
use super::mailbox::{Mailbox, Standing};
use crate::base::limits::WATCH_MAILBOX_EVENTS_MAX;
use crate::base::mutant;
use crate::base::types::Revision;
use crate::machine::Event;

/// Watchers looked at under one hold of the hub's lock, about, counted for each event: who
/// comes or goes waits meanwhile.
const LOOKED_AT_AT_ONCE: usize = 16_384;

/// The watchers of a shard.
///
/// Lock order: the hub's, then a mailbox's. Nobody takes the machine's lock under either.
#[derive(Default)]
pub(in crate::store) struct Hub {
    /// Somebody is live: entries are worth a note.
    is_watched: AtomicBool,
    news: Notify,
    live: Mutex<Live>,
    /// `live.position`, for those who only look.
    position: AtomicU64,
    pub(super) counts: Counts,
}

/// What the watchers did.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) watchers: AtomicU64,
    pub(super) told: AtomicU64,
    pub(super) fell_behind: AtomicU64,
    pub(super) compacted: AtomicU64,
}

/// How the watchers of a shard are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WatchFigures {
    /// Watchers there are.
    pub watchers: u64,
    /// Those that read the history right now, to catch up.
    pub behind: u64,
    /// Events that were told to watchers.
    pub told: u64,
    /// How often one was too slow for its mailbox.
    pub fell_behind: u64,
    /// How many ended because the history they needed was gone.
    pub compacted: u64,
}

#[derive(Default)]
struct Live {
    is_closed: bool,
    /// The dispatcher is at work.
    is_running: bool,
    /// Every event up to this revision was put into the mailboxes it belongs into.
    /// It never goes back; while nobody is live it stands still.
    position: Revision,
    next_number: u64,
    watchers: HashMap<u64, (Arc<Mailbox>, Revision)>,
    interests: Interests,
}

/// Events handed on under one hold, about: half a mailbox, so that whoever keeps up can fetch
/// them before more come.
const EVENTS_AT_ONCE: usize = WATCH_MAILBOX_EVENTS_MAX / 2;

/// What is on its way to one mailbox.
struct Batch {
    mailbox: Arc<Mailbox>,
    events: Vec<Arc<Event>>,
}

/// What becomes of a watcher that has caught up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It is live; the dispatcher must be started if `start` says so.
    Live { start: bool },
    /// More was handed on meanwhile: it must read that, too.
    NotYet,
    /// The shard has stopped.
    Closed,
}

impl Hub {
    /// Something was applied. Comes after the machine has it, without the machine's lock.
    pub(in crate::store) fn note(&self) {
        // With the fence of `admit`: either this sees that somebody watches, or whoever
        // begins to watch sees what was applied.
        fence(Ordering::SeqCst);
        if self.is_watched.load(Ordering::Relaxed) {
            self.news.notify_one();
        }
    }

    /// Ends every watch: the shard has stopped.
    pub(in crate::store) fn close(&self) {
        let mut live = self.live.lock();
        live.is_closed = true;
        for (_, (mailbox, _)) in live.take_all() {
            mailbox.stand(Standing::Closed);
        }
        drop(live);
        self.news.notify_one();
    }

    /// How the watchers are doing.
    pub(in crate::store) fn figures(&self) -> WatchFigures {
        let live = self.live.lock().watchers.len() as u64;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let watchers = count(&self.counts.watchers);
        WatchFigures {
            watchers,
            behind: watchers.saturating_sub(live),
            told: count(&self.counts.told),
            fell_behind: count(&self.counts.fell_behind),
            compacted: count(&self.counts.compacted),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.live.lock().is_closed
    }

    /// Resolves when something was noted since the last call.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// How far everything was handed on. Look at a mailbox after it, not before: what was
    /// handed on by then is in there.
    pub(super) fn position(&self) -> Revision {
        Revision(self.position.load(Ordering::Acquire))
    }

    /// Makes a watcher live that has read everything up to `through`, if nothing was
    /// handed on after that.
    pub(super) fn admit(&self, mailbox: &Arc<Mailbox>, through: Revision) -> Admitted {
        let mut live = self.live.lock();
        if live.is_closed {
            return Admitted::Closed;
        }
        if through < live.position {
            return Admitted::NotYet;
        }
        if live.watchers.is_empty() {
            self.advance(&mut live, through);
        }
        let number = live.next_number;
        live.next_number += 1;
        live.interests.add(&mailbox.interest, number);
        live.watchers.insert(number, (mailbox.clone(), through));
        mailbox.stand(Standing::Live {
            number,
            since: through,
        });
        let start = !std::mem::replace(&mut live.is_running, true);
        self.is_watched.store(true, Ordering::Relaxed);
        drop(live);
        fence(Ordering::SeqCst);
        // What was applied before this was noted by nobody.
        self.news.notify_one();
        Admitted::Live { start }
    }

    /// A watcher goes away.
    pub(super) fn leave(&self, mailbox: &Mailbox) {
        let mut live = self.live.lock();
        if let Standing::Live { number, .. } = mailbox.standing() {
            live.remove(number);
        }
        let is_last = live.watchers.is_empty();
        drop(live);
        if is_last {
            // The dispatcher has nothing to do any more.
            self.news.notify_one();
        }
    }

    /// Where the dispatcher goes on; `None`: nobody is live, and it ends.
    pub(super) fn goes_on_after(&self) -> Option<Revision> {
        let mut live = self.live.lock();
        if live.watchers.is_empty() {
            live.is_running = false;
            self.is_watched.store(false, Ordering::Relaxed);
            return None;
        }
        Some(live.position)
    }

    /// Hands on the first of these events, whole revisions of them, and says how many.
    pub(super) fn hand_on(&self, events: &[Arc<Event>]) -> usize {
        let mut live = self.live.lock();
        let mut batches = BTreeMap::new();
        let (mut done, mut looked_at) = (0, 0);
        for of_revision in events.chunk_by(|one, next| one.revision == next.revision) {
            if looked_at >= LOOKED_AT_AT_ONCE || done >= EVENTS_AT_ONCE {
                break;
            }
            for event in of_revision {
                looked_at += live.sort(event, &mut batches);
            }
            done += of_revision.len();
        }
        for (number, batch) in batches {
            if !batch.mailbox.put(&batch.events) {
                live.remove(number);
                self.counts.fell_behind.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(last) = events[..done].last() {
            self.advance(&mut live, last.revision);
        }
        done
    }

    /// Everything up to this revision was handed on.
    pub(super) fn handed_on_through(&self, revision: Revision) {
        self.advance(&mut self.live.lock(), revision);
    }

    /// What comes after the position is gone: everybody is behind, and finds out.
    pub(super) fn lost(&self) {
        let mut live = self.live.lock();
        let after = live.position;
        for (_, (mailbox, since)) in live.take_all() {
            let after = after.max(since);
            mailbox.stand(Standing::Behind { after });
        }
    }

    fn advance(&self, live: &mut Live, revision: Revision) {
        live.position = live.position.max(revision);
        self.position.store(live.position.0, Ordering::Release);
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let live = self.live.lock();
        let is_idle = live.watchers.is_empty() && !live.is_running;
        assert!(!is_idle || live.interests.is_empty(), "nobody is forgotten");
        is_idle && !self.is_watched.load(Ordering::Relaxed)
    }
}

impl Live {
    /// Takes every watcher out: in their order, so that a simulation plays the same every
    /// time.
    fn take_all(&mut self) -> Vec<(u64, (Arc<Mailbox>, Revision))> {
        self.interests = Interests::default();
        let mut watchers: Vec<_> = self.watchers.drain().collect();
        watchers.sort_unstable_by_key(|(number, _)| *number);
        watchers
    }

    /// Puts an event into the batches of those who want it, and says how many were looked
    /// at. Whoever has more in its batch than any mailbox takes is live no more: a large
    /// revision costs a mailbox for each watcher, not the revision.
    fn sort(&mut self, event: &Arc<Event>, batches: &mut BTreeMap<u64, Batch>) -> usize {
        let Self {
            interests,
            watchers,
            ..
        } = self;
        let mut full = Vec::new();
        let looked_at = interests.visit(&event.bucket, &event.key, |number| {
            let (mailbox, since) = &watchers[&number];
            if event.revision <= *since || !mailbox.interest.kinds.has(event.kind) {
                return;
            }
            if event.revision.0.is_multiple_of(16) && mutant::is_on("events-dropped") {
                return;
            }
            let batch = batches.entry(number).or_insert_with(|| Batch {
                mailbox: mailbox.clone(),
                events: Vec::new(),
            });
            batch.events.push(event.clone());
            if batch.events.len() > WATCH_MAILBOX_EVENTS_MAX {
                full.push(number);
            }
        });
        // The last of a place goes at the least cost.
        for number in full.into_iter().rev() {
            self.remove(number);
        }
        looked_at
    }

    fn remove(&mut self, number: u64) {
        if let Some((mailbox, _)) = self.watchers.remove(&number) {
            self.interests.remove(&mailbox.interest, number);
        }
    }
}
