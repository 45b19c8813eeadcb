//! What a caller watches, and is told.

use std::time::Duration;

use bytes::Bytes;

use crate::base::types::Revision;
use crate::base::{Error, Result, limits};
use crate::client::call::ms;
use crate::client::convert::{record, wire_range};
use crate::client::types::{KeyRange, Record};
use crate::proto::v1;
use crate::proto::v1::watch_create::What;

/// What to watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchOptions {
    /// Which keys.
    pub keys: Watched,
    /// The first revision that is of interest; `None`: what comes after now. Excludes
    /// `initial`.
    pub from: Option<Revision>,
    /// Begin with what is there now.
    pub initial: bool,
    /// With the record before each change.
    pub previous: bool,
    /// Which kinds of changes; empty: all that a watch tells. What `initial` begins with is
    /// told whole.
    pub kinds: Vec<EventKind>,
    /// Say how far everything was told after so long without anything told; `None`: 10 s.
    /// At least 100 ms.
    pub progress: Option<Duration>,
}

/// The keys that are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// One key.
    Key(Bytes),
    /// All keys of a range.
    Range(KeyRange),
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A value was written.
    Set,
    /// The key was removed, by a request or by its timer.
    Delete,
    /// The value was dropped, the key remains.
    Expire,
    /// Only timers changed: no watch tells it.
    Touch,
}

/// A change of a key; of the initial state, a key as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// What happened.
    pub kind: EventKind,
    /// The key.
    pub key: Bytes,
    /// The revision of the change.
    pub revision: Revision,
    /// The key after it; `None`: it was removed.
    pub record: Option<Record>,
    /// The key before it, if that was asked for and it was there.
    pub previous: Option<Record>,
}

/// Some of what a watch tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchBatch {
    /// What happened, by revision, all of a revision together; of the initial state, keys
    /// in their order. None in a mark of progress.
    pub events: Vec<WatchEvent>,
    /// Everything up to this revision has been told; a watch from the next one goes on
    /// here. `None` while the initial state is not complete.
    pub through: Option<Revision>,
    /// It is of the initial state.
    pub initial: bool,
    /// The initial state had to begin again: what was told of it before counts no more.
    pub restarted: bool,
}

impl Default for Watched {
    fn default() -> Self {
        Self::Range(KeyRange::all())
    }
}

impl WatchOptions {
    /// One key.
    pub fn key(key: impl Into<Bytes>) -> Self {
        Self {
            keys: Watched::Key(key.into()),
            ..Self::default()
        }
    }

    /// Every key that begins with `prefix`; an empty prefix is all keys.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        Self::range(KeyRange::prefix(prefix))
    }

    /// Every key of a range.
    pub fn range(range: KeyRange) -> Self {
        Self {
            keys: Watched::Range(range),
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if let (Some(from), true) = (self.from, self.initial) {
            return Err(Error::invalid(format!(
                "a watch begins with what is there now (initial) or with revision {from} \
                 (from): leave one of them out"
            )));
        }
        if self.from == Some(Revision(0)) {
            return Err(Error::invalid(
                "there is no revision 0: the first one is 1, and without one a watch begins now",
            ));
        }
        let least = Duration::from_millis(limits::WATCH_PROGRESS_MS_MIN);
        match self.progress {
            Some(progress) if progress < least => Err(Error::invalid(format!(
                "a mark of progress every {progress:?}: at least {least:?} lie between two"
            ))),
            _ => Ok(()),
        }
    }

    /// The request that begins with revision `from`; `None`: now.
    pub(super) fn create(
        &self,
        target: Option<v1::Target>,
        from: Option<Revision>,
    ) -> v1::WatchCreate {
        v1::WatchCreate {
            watch_id: 0,
            target,
            what: Some(match &self.keys {
                Watched::Key(key) => What::Key(key.clone()),
                Watched::Range(range) => What::Range(wire_range(range)),
            }),
            from_revision: from.map_or(0, |from| from.0),
            initial: false,
            previous: self.previous,
            kinds: self.kinds.iter().map(|kind| kind.wire().into()).collect(),
            progress_ms: self.progress.map_or(0, ms),
        }
    }

    /// The keys as a range.
    pub(super) fn as_range(&self) -> KeyRange {
        match &self.keys {
            Watched::Range(range) => range.clone(),
            Watched::Key(key) => KeyRange {
                start: key.clone(),
                end: [&key[..], &[0]].concat().into(),
            },
        }
    }
}

impl EventKind {
    fn wire(self) -> v1::EventKind {
        match self {
            Self::Set => v1::EventKind::Set,
            Self::Delete => v1::EventKind::Delete,
            Self::Expire => v1::EventKind::Expire,
            Self::Touch => v1::EventKind::Touch,
        }
    }

    pub(super) fn of_wire(number: i32) -> Option<Self> {
        match v1::EventKind::try_from(number).ok()? {
            v1::EventKind::Set => Some(Self::Set),
            v1::EventKind::Delete => Some(Self::Delete),
            v1::EventKind::Expire => Some(Self::Expire),
            v1::EventKind::Touch => Some(Self::Touch),
            v1::EventKind::Unspecified => None,
        }
    }
}

impl WatchEvent {
    /// `None` for what breaks the contract of the wire.
    pub(super) fn of_wire(event: v1::WatchEvent) -> Option<Self> {
        let kind = EventKind::of_wire(event.kind)?;
        let after = event.record?;
        let key = after.key.clone();
        Some(Self {
            kind,
            key,
            revision: Revision(event.revision),
            record: (kind != EventKind::Delete).then(|| record(after)),
            previous: event.previous.map(record),
        })
    }

    /// A key that was there when the watch began.
    pub(super) fn initial(record: Record) -> Self {
        Self {
            kind: match record.expired {
                true => EventKind::Expire,
                false => EventKind::Set,
            },
            key: record.key.clone(),
            revision: record.revision,
            record: Some(record),
            previous: None,
        }
    }
}
