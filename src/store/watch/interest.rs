//! What a watcher wants to know, and who wants to know of a key.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::machine::{Event, EventKind};

/// Which events of a shard a watcher wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// The bucket of the keys.
    pub bucket: String,
    /// Its keys.
    pub span: Span,
    /// What happened to them.
    pub kinds: Kinds,
}

/// Keys of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// One key.
    Key(Bytes),
    /// Those from `start` to before `end`; `None`: to the last key.
    Range {
        /// Inclusive; empty: from the first key.
        start: Bytes,
        /// Exclusive.
        end: Option<Bytes>,
    },
}

/// Kinds of events. That only timers changed is told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind that is told.
    pub const ALL: Self =
        Self(bit(EventKind::Set) | bit(EventKind::Delete) | bit(EventKind::Expire));

    /// These kinds; none: all of them.
    pub fn of(kinds: &[EventKind]) -> Self {
        match kinds {
            [] => Self::ALL,
            kinds => Self(kinds.iter().fold(0, |all, kind| all | bit(*kind)) & Self::ALL.0),
        }
    }

    /// True if events of this kind are told.
    pub fn has(self, kind: EventKind) -> bool {
        self.0 & bit(kind) != 0
    }
}

const fn bit(kind: EventKind) -> u8 {
    1 << kind as u8
}

impl Interest {
    /// True if the watcher is told of this event.
    pub fn is_in(&self, event: &Event) -> bool {
        self.kinds.has(event.kind) && self.bucket == event.bucket && self.span.has(&event.key)
    }
}

impl Span {
    /// True if the key is among them.
    pub fn has(&self, key: &[u8]) -> bool {
        match self {
            Self::Key(one) => one == key,
            Self::Range { start, end } => is_between(key, start, end.as_ref()),
        }
    }

    /// What all its keys begin with, if it is every key that begins so.
    fn prefix(&self) -> Option<&Bytes> {
        match self {
            Self::Range { start, end } => {
                (successor(start).as_deref() == end.as_deref()).then_some(start)
            }
            Self::Key(_) => None,
        }
    }
}

fn is_between(key: &[u8], start: &[u8], end: Option<&Bytes>) -> bool {
    key >= start && end.is_none_or(|end| key < &end[..])
}

/// The first key behind all that begin with `prefix`; `None`: there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Watchers by what they watch, so that an event costs what it touches and not what there
/// is. Each has a number; those of one place are in the order of their numbers.
#[derive(Default)]
pub(super) struct Interests {
    buckets: HashMap<String, InBucket>,
}

#[derive(Default)]
struct InBucket {
    keys: HashMap<Bytes, Vec<u64>>,
    /// By the length of the prefix: one look for each length there is.
    prefixes: BTreeMap<usize, HashMap<Bytes, Vec<u64>>>,
    /// Start, end, and whose it is: every one is looked at.
    others: Vec<(u64, Bytes, Option<Bytes>)>,
}

impl Interests {
    /// Adds a watcher. Numbers grow from one to the next.
    pub(super) fn add(&mut self, interest: &Interest, number: u64) {
        let in_bucket = self.buckets.entry(interest.bucket.clone()).or_default();
        let place = match (&interest.span, interest.span.prefix()) {
            (Span::Key(key), _) => in_bucket.keys.entry(key.clone()).or_default(),
            (Span::Range { .. }, Some(prefix)) => in_bucket
                .prefixes
                .entry(prefix.len())
                .or_default()
                .entry(prefix.clone())
                .or_default(),
            (Span::Range { start, end }, None) => {
                in_bucket.others.push((number, start.clone(), end.clone()));
                return;
            }
        };
        place.push(number);
    }

    /// Takes a watcher away that was added with this interest.
    pub(super) fn remove(&mut self, interest: &Interest, number: u64) {
        let Some(in_bucket) = self.buckets.get_mut(&interest.bucket) else {
            return;
        };
        match (&interest.span, interest.span.prefix()) {
            (Span::Key(key), _) => take_out(&mut in_bucket.keys, key, number),
            (Span::Range { .. }, Some(prefix)) => {
                if let Some(of_length) = in_bucket.prefixes.get_mut(&prefix.len()) {
                    take_out(of_length, prefix, number);
                    if of_length.is_empty() {
                        in_bucket.prefixes.remove(&prefix.len());
                    }
                }
            }
            (Span::Range { .. }, None) => {
                let found = in_bucket
                    .others
                    .binary_search_by_key(&number, |other| other.0);
                if let Ok(at) = found {
                    in_bucket.others.remove(at);
                }
            }
        }
        if in_bucket.is_empty() {
            self.buckets.remove(&interest.bucket);
        }
    }

    /// Visits whoever watches a key, each once, and says how many were looked at for that.
    pub(super) fn visit(&self, bucket: &str, key: &[u8], mut visit: impl FnMut(u64)) -> usize {
        let Some(in_bucket) = self.buckets.get(bucket) else {
            return 0;
        };
        let mut looked_at = in_bucket.prefixes.len() + in_bucket.others.len();
        if let Some(numbers) = in_bucket.keys.get(key) {
            looked_at += numbers.len();
            numbers.iter().copied().for_each(&mut visit);
        }
        for (length, of_length) in &in_bucket.prefixes {
            let Some(prefix) = key.get(..*length) else {
                break;
            };
            if let Some(numbers) = of_length.get(prefix) {
                looked_at += numbers.len();
                numbers.iter().copied().for_each(&mut visit);
            }
        }
        for (number, start, end) in &in_bucket.others {
            if is_between(key, start, end.as_ref()) {
                visit(*number);
            }
        }
        looked_at
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

impl InBucket {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty() && self.others.is_empty()
    }
}

fn take_out(places: &mut HashMap<Bytes, Vec<u64>>, place: &[u8], number: u64) {
    let Some(numbers) = places.get_mut(place) else {
        return;
    };
    if let Ok(at) = numbers.binary_search(&number) {
        numbers.remove(at);
    }
    if numbers.is_empty() {
        places.remove(place);
    }
}
