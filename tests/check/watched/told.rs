//! What one watcher asked for, and what it was told, stream by stream.

use serde::{Deserialize, Serialize};

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Set,
    Delete,
    Expire,
}

/// A key that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// `None`: it is expired.
    pub(crate) value: Option<String>,
    /// Of its last change.
    pub(crate) revision: u64,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) revision: u64,
    pub(crate) kind: Kind,
    pub(crate) key: String,
    /// Of a set.
    pub(crate) value: Option<String>,
    /// The key before it, if that was asked for and it was there.
    pub(crate) previous: Option<State>,
}

/// What is of interest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The first key, and the first one behind; `None`: all that come.
    pub(crate) start: String,
    pub(crate) end: Option<String>,
    /// Empty: all.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) previous: bool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// Keys as they are at the beginning. `through`: this was the last of them, and they were so
    /// at this revision.
    Initial {
        keys: Vec<(String, State)>,
        through: Option<u64>,
        /// What was told of it before counts no more.
        restarted: bool,
    },
    /// Changes, or none; everything up to `through` has been told.
    Changes { events: Vec<Event>, through: u64 },
    /// The history begins with this revision by now: the stream is over.
    Compacted { first: u64 },
}

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Begin {
    /// With this revision.
    From(u64),
    /// With what is there.
    Initial,
    /// With what comes: everything after this revision at least, which was there when the
    /// watch was.
    Now { at_most_after: u64 },
}

/// One watch, from when it was asked for to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) begin: Begin,
    pub(crate) told: Vec<Told>,
}

/// A watcher, that may have begun anew several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watcher {
    pub(crate) name: String,
    pub(crate) wanted: Wanted,
    pub(crate) streams: Vec<Stream>,
}

impl Wanted {
    pub(crate) fn has_key(&self, key: &str) -> bool {
        *key >= *self.start && self.end.as_ref().is_none_or(|end| key < end.as_str())
    }

    pub(crate) fn has(&self, event: &Event) -> bool {
        self.has_key(&event.key) && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
    }
}

impl Stream {
    /// The revision up to which everything has been told.
    pub(crate) fn through(&self) -> Option<u64> {
        self.told.iter().rev().find_map(|told| match told {
            Told::Initial { through, .. } => *through,
            Told::Changes { through, .. } => Some(*through),
            Told::Compacted { .. } => None,
        })
    }

    /// Every change that was told, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.told.iter().flat_map(|told| match told {
            Told::Changes { events, .. } => events.as_slice(),
            _ => &[],
        })
    }
}
