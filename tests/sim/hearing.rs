//! What one watch was told, and whether it was told in the form that was promised.

use std::collections::VecDeque;

use dkv::proto::v1;
use dkv::proto::v1::watch_reply::Reply;

use crate::check::watched::told::{Begin, Event, Kind, State, Stream, Told};
use crate::words::text;

/// Of marks that follow each other, so many may have been confirmed before the first was read: one
/// is read, one on its way, one held up, one being confirmed, and that which is confirmed then may
/// be given before those who hand on events have heard of it.
const MARKS_ON_THEIR_WAY: usize = 5;

/// Where a watch is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Now,
    Initial,
    From(u64),
}

/// One watch.
pub(crate) struct Hearing {
    pub(crate) start: Start,
    /// Whether it is told by members that belong to those who decide.
    is_strict: bool,
    /// What had been confirmed to clients when it was asked for.
    confirmed: u64,
    /// After this revision it is told of changes.
    after: Option<u64>,
    told: Vec<Told>,
    /// The first parts of a revision.
    pending: Vec<Event>,
    /// What had been confirmed to clients when the last marks came.
    marks: VecDeque<u64>,
}

/// What was heard.
pub(crate) enum Heard {
    Created,
    /// So many keys; and whether these were all.
    Initial(usize, bool),
    Events(usize),
    Mark,
    Ended(v1::Error),
}

impl Hearing {
    pub(crate) fn new(start: Start, is_strict: bool, confirmed: u64) -> Self {
        Self {
            start,
            is_strict,
            confirmed,
            after: None,
            told: Vec::new(),
            pending: Vec::new(),
            marks: VecDeque::new(),
        }
    }

    /// Everything up to this revision was told.
    pub(crate) fn through(&self) -> Option<u64> {
        let through = self.told.iter().rev().find_map(|told| match told {
            Told::Changes { through, .. } => Some(*through),
            Told::Initial { through, .. } => *through,
            Told::Compacted { .. } => None,
        });
        through.or(self.after.filter(|_| self.start != Start::Initial))
    }

    /// True while what was there at first is not whole.
    fn is_initial(&self) -> bool {
        self.start == Start::Initial && self.through().is_none()
    }

    /// It is said to be over: the history begins with this revision.
    pub(crate) fn compacted(&mut self, first: u64) -> Result<(), String> {
        self.told.push(Told::Compacted { first });
        let after = self.through().or(self.after);
        let next = match (after, self.start) {
            (Some(after), _) => after + 1,
            (None, Start::From(from)) => from,
            (None, _) => return Err("it was told that what nobody asked for is gone".to_owned()),
        };
        match first > next {
            true => Ok(()),
            false => Err(format!(
                "{next} is there if the history begins with {first}"
            )),
        }
    }

    /// For those who judge; nothing if it never began.
    pub(crate) fn into_stream(self) -> Option<Stream> {
        let begin = match (self.start, self.after) {
            (Start::Initial, _) => Begin::Initial,
            (Start::From(from), _) => Begin::From(from),
            (Start::Now, after) => Begin::From(after? + 1),
        };
        let told = self.told;
        Some(Stream { begin, told })
    }

    /// Takes a reply, or says what is wrong with it. `confirmed`: what clients know by now.
    pub(crate) fn take(&mut self, reply: Reply, confirmed: u64) -> Result<Heard, String> {
        match (reply, self.after) {
            (Reply::Ended(error), _) => Ok(Heard::Ended(error)),
            (Reply::Created(created), None) => self.begin(created),
            (Reply::Created(_), Some(_)) => Err("it was made twice".to_owned()),
            (_, None) => Err("it was told something before it was there".to_owned()),
            (Reply::Events(message), Some(after)) if message.initial => {
                self.take_initial(message, after)
            }
            (_, Some(_)) if self.is_initial() => Err("what was there is not whole".to_owned()),
            (Reply::Events(message), Some(_)) => self.take_events(message),
            (Reply::ProgressRevision(revision), Some(_)) => self.take_mark(revision, confirmed),
        }
    }

    fn begin(&mut self, created: v1::WatchCreated) -> Result<Heard, String> {
        let after = created.header.unwrap_or_default().revision;
        self.after = Some(after);
        match self.start {
            Start::From(from) if after + 1 != from => Err(format!(
                "it was asked for from {from} on, and begins after {after}"
            )),
            Start::Now | Start::Initial if self.is_strict && after < self.confirmed => {
                Err(format!(
                    "it begins after {after}, and {} had been confirmed",
                    self.confirmed
                ))
            }
            _ => Ok(Heard::Created),
        }
    }

    fn take_initial(&mut self, message: v1::WatchEvents, after: u64) -> Result<Heard, String> {
        if !self.is_initial() {
            return Err("nobody asked for what was there, or all of it was told".to_owned());
        }
        let keys: Vec<_> = message.events.into_iter().map(initial).collect();
        let heard = Heard::Initial(keys.len(), message.initial_is_complete);
        self.told.push(Told::Initial {
            keys,
            through: message.initial_is_complete.then_some(after),
            restarted: false,
        });
        Ok(heard)
    }

    fn take_events(&mut self, message: v1::WatchEvents) -> Result<Heard, String> {
        let events = message.events.into_iter().map(event);
        self.pending.extend(events.collect::<Result<Vec<_>, _>>()?);
        let Some(last) = self.pending.last() else {
            return Err("a message of no events".to_owned());
        };
        if message.revision_goes_on {
            return Ok(Heard::Events(0));
        }
        let through = last.revision;
        let events = std::mem::take(&mut self.pending);
        let heard = Heard::Events(events.len());
        self.told.push(Told::Changes { events, through });
        Ok(heard)
    }

    fn take_mark(&mut self, revision: u64, confirmed: u64) -> Result<Heard, String> {
        if !self.pending.is_empty() {
            return Err(format!("a mark at {revision} in the midst of a revision"));
        }
        self.told.push(Told::Changes {
            events: Vec::new(),
            through: revision,
        });
        self.marks.push_back(confirmed);
        if self.marks.len() <= MARKS_ON_THEIR_WAY {
            return Ok(Heard::Mark);
        }
        match self.marks.pop_front() {
            Some(known) if self.is_strict && revision < known => Err(format!(
                "a mark says {revision}, and clients knew of {known} long before it was given"
            )),
            _ => Ok(Heard::Mark),
        }
    }
}

/// A key that is there.
fn initial(event: v1::WatchEvent) -> (String, State) {
    let record = event.record.unwrap_or_default();
    (text(&record.key), state(&record))
}

fn state(record: &v1::Record) -> State {
    State {
        value: (!record.expired).then(|| text(&record.value)),
        revision: record.revision,
    }
}

fn event(event: v1::WatchEvent) -> Result<Event, String> {
    let kind = match event.kind() {
        v1::EventKind::Set => Kind::Set,
        v1::EventKind::Delete => Kind::Delete,
        v1::EventKind::Expire => Kind::Expire,
        other => return Err(format!("it was told {other:?}")),
    };
    let record = event.record.unwrap_or_default();
    Ok(Event {
        revision: event.revision,
        kind,
        key: text(&record.key),
        value: (kind == Kind::Set).then(|| text(&record.value)),
        previous: event.previous.as_ref().map(state),
    })
}
