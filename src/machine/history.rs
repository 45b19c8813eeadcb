//! What happened lately: the events of a shard, in memory, indexed by key, so that
//! reads at a past revision and watches cost a logarithm and not a walk.
//!
//! Invariant: all events of a revision are here, or none of them, and from the floor
//! on none is missing. It belongs to the node: it is in no snapshot and no hash.

mod index;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use self::index::Index;
use crate::base::limits::{HISTORY_AGE_MS, HISTORY_BYTES_MAX};
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result, mutant};
use crate::kv::Record;
use crate::machine::keys;
use crate::machine::outcome::Event;

/// How much is kept: what is older or beyond the bytes goes, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Milliseconds of machine time.
    pub age_ms: u64,
    /// Bytes of memory, about.
    pub bytes_max: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            age_ms: HISTORY_AGE_MS,
            bytes_max: HISTORY_BYTES_MAX,
        }
    }
}

/// The recent events of a shard.
#[derive(Debug)]
pub struct History {
    limits: HistoryLimits,
    /// By (revision, sub).
    events: VecDeque<Arc<Event>>,
    index: Index,
    floor: Revision,
    /// From this moment on it is known what the revision was.
    begins: MachineTime,
    /// Events up to this revision are in files.
    persisted: Revision,
    bytes: usize,
}

impl History {
    /// An empty history of a shard that was at `current` at `now`: what was before is not
    /// known.
    pub fn new(limits: HistoryLimits, current: Revision, now: MachineTime) -> Self {
        Self {
            limits,
            events: VecDeque::new(),
            index: Index::default(),
            floor: current.next(),
            begins: now,
            persisted: current,
            bytes: 0,
        }
    }

    /// Forgets everything: the shard was at `current` at `now`, and nobody knows how it came
    /// there.
    pub(super) fn begin_anew(&mut self, current: Revision, now: MachineTime) {
        *self = Self::new(self.limits, current, now);
    }

    /// The first revision from which on no event is missing. What a key was can be
    /// told for each revision from the one before the floor on.
    pub fn floor(&self) -> Revision {
        self.floor
    }

    /// Bytes of memory it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many events it holds.
    pub fn events_len(&self) -> usize {
        self.events.len()
    }

    /// Fills the history of a machine that was just opened at `current` with events
    /// from files. The caller vouches that from `floor` to `current` none is missing;
    /// those after `current` are left out, as the log is about to make them again.
    ///
    /// # Errors
    /// `Corrupt` if they are out of order or begin before their floor; the history
    /// stays empty then.
    ///
    /// # Panics
    /// If events were already pushed.
    pub fn load(
        &mut self,
        floor: Revision,
        current: Revision,
        mut events: Vec<Arc<Event>>,
    ) -> Result<()> {
        assert!(
            self.events.is_empty() && self.floor == current.next(),
            "history is loaded before anything is applied"
        );
        events.retain(|event| event.revision <= current);
        let place = |event: &Arc<Event>| (event.revision, event.sub);
        let in_order = events.is_sorted_by(|a, b| place(a) < place(b));
        if !in_order || events.first().is_some_and(|first| first.revision < floor) {
            return Err(Error::corrupt(format!(
                "{} events of history from revision {floor} on are out of order",
                events.len()
            )));
        }
        self.floor = floor.min(current.next());
        if self.floor == Revision(0).next() {
            self.begins = MachineTime(0);
        } else if let Some(first) = events.first() {
            self.begins = self.begins.min(first.now);
        }
        events.into_iter().for_each(|event| self.add(event));
        Ok(())
    }

    /// Adds what an entry caused.
    ///
    /// # Panics
    /// If an event is not newer than all before it.
    pub fn push(&mut self, events: &[Arc<Event>]) {
        for event in events {
            let newest = self.events.back().map(|last| (last.revision, last.sub));
            assert!(
                event.revision >= self.floor
                    && newest.is_none_or(|newest| newest < (event.revision, event.sub)),
                "events come in order: {newest:?} before {:?}",
                (event.revision, event.sub)
            );
            self.add(event.clone());
        }
    }

    fn add(&mut self, event: Arc<Event>) {
        self.bytes += weight(&event);
        self.index.push(&event);
        self.events.push_back(event);
    }

    /// Drops what is too old at `now`, or too much.
    pub fn trim(&mut self, now: MachineTime) {
        while let Some(first) = self.events.front() {
            let too_old = now.since_ms(first.now) > self.limits.age_ms;
            if !too_old && self.bytes <= self.limits.bytes_max {
                return;
            }
            let revision = first.revision;
            self.begins = first.now;
            while self
                .events
                .front()
                .is_some_and(|event| event.revision == revision)
            {
                self.drop_first();
            }
            self.floor = revision.next();
        }
    }

    /// What a key was at a past revision, given what it is now.
    pub fn at(
        &self,
        bucket: &str,
        key: &[u8],
        revision: Revision,
        current: Option<Record>,
    ) -> Option<Record> {
        match self.past(&keys::data(bucket, key), revision) {
            Some(record) => record.cloned(),
            None => current,
        }
    }

    /// What a row was at a past revision; `None` if it has not changed since.
    pub(super) fn past(&self, row: &[u8], revision: Revision) -> Option<Option<&Record>> {
        if !self.has_changed_since(revision) {
            return None;
        }
        let revision = match mutant::is_on("past-of-the-next-revision") {
            true => revision.next(),
            false => revision,
        };
        let event = self.index.first_after(row, revision, &self.events)?;
        Some(event.previous.as_ref())
    }

    fn has_changed_since(&self, revision: Revision) -> bool {
        let last = self.events.back();
        last.is_some_and(|last| last.revision > revision)
    }

    /// The rows of a range that are not there any more, in order, with what they were at a
    /// past revision; `None` if they were gone then, too.
    pub(super) fn gone_in<'a>(
        &'a self,
        start: &[u8],
        end: &[u8],
        revision: Revision,
    ) -> impl DoubleEndedIterator<Item = (&'a Bytes, Option<&'a Record>)> + use<'a> {
        let gone = self.index.gone_in(start, end);
        gone.map(move |row| (row, self.past(row, revision).flatten()))
    }

    /// The last revision that was there at a moment; 0 is the empty shard.
    ///
    /// # Errors
    /// `Compacted` if that is not known any more.
    pub fn revision_at(&self, moment: MachineTime) -> Result<Revision> {
        let until = self.events.partition_point(|event| event.now <= moment);
        match until.checked_sub(1) {
            Some(last) => Ok(self.events[last].revision),
            None if moment >= self.begins => Ok(Revision(self.floor.0 - 1)),
            None => {
                let floor = self.floor;
                let message = format!(
                    "what was so long ago is gone: the history begins with revision {floor}"
                );
                Err(Error::new(ErrorKind::Compacted, message).with_compacted_floor(floor))
            }
        }
    }

    /// The events of a key, newest first; `before`: only those of earlier revisions.
    pub(super) fn changes<'a>(
        &'a self,
        row: &'a [u8],
        before: Option<Revision>,
    ) -> impl Iterator<Item = &'a Arc<Event>> {
        self.index.newest_first(row, before, &self.events)
    }

    /// The events from a revision on, in order.
    ///
    /// # Errors
    /// `Compacted` below the floor.
    pub fn events_from(&self, revision: Revision) -> Result<impl Iterator<Item = &Arc<Event>>> {
        if revision < self.floor && !mutant::is_on("gap-untold") {
            return Err(self.compacted(revision));
        }
        Ok(self.suffix(revision))
    }

    /// The events that are in no file yet. If the floor is above
    /// [`persisted`](Self::persisted) by more than one, some are gone already and a
    /// file that goes on has a gap: start a new one.
    pub fn unpersisted(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.suffix(self.persisted.next())
    }

    /// The last revision whose events are in files.
    pub fn persisted(&self) -> Revision {
        self.persisted
    }

    /// Notes that the events up to a revision are in files.
    pub fn mark_persisted(&mut self, through: Revision) {
        self.persisted = self.persisted.max(through);
    }

    /// Errs if what keys were at a revision is not known any more.
    pub(super) fn check_readable(&self, revision: Revision) -> Result<()> {
        if revision.next() < self.floor {
            return Err(self.compacted(revision));
        }
        Ok(())
    }

    fn compacted(&self, revision: Revision) -> Error {
        let floor = self.floor;
        let message = format!("revision {revision} is gone: the history begins with {floor}");
        Error::new(ErrorKind::Compacted, message).with_compacted_floor(floor)
    }

    fn suffix(&self, revision: Revision) -> impl Iterator<Item = &Arc<Event>> {
        let first = self
            .events
            .partition_point(|event| event.revision < revision);
        self.events.range(first..)
    }

    fn drop_first(&mut self) {
        let event = self.events.pop_front().expect("there is an event to drop");
        self.index.drop_first(&event, &self.events);
        self.bytes -= weight(&event);
    }
}

/// What keeping one event takes beside itself, bytes: its counts and its place, a link, and
/// an entry of a hash map.
const INDEX_BYTES: usize = 96;

/// What the place of a key that is gone takes beside the key, bytes.
const GONE_BYTES: usize = 64;

/// Bytes an event takes, about, with its place in the index.
fn weight(event: &Event) -> usize {
    let record = |record: &Option<Record>| record.as_ref().map_or(0, Record::weight);
    let name = event.bucket.len() + event.key.len();
    // The row of a key that is gone is kept in order, too.
    let gone = event.record.as_ref().map_or(name + GONE_BYTES, |_| 0);
    size_of::<Event>() + name + gone + record(&event.record) + record(&event.previous) + INDEX_BYTES
}

#[cfg(test)]
mod tests;
