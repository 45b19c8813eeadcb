//! Watches of the library, in the words of those who check what was told.

use dkv::base::types::Revision;
use dkv::client::{EventKind, KeyRange, WatchBatch, WatchEvent, WatchOptions, Watched};

use super::{bytes, text};
use crate::check::watched::told::{Begin, Event, Kind, State, Told, Wanted};

/// What is asked of the library for a stream that begins so.
pub(crate) fn options(wanted: &Wanted, begin: Begin) -> WatchOptions {
    let kind = |kind: &Kind| match kind {
        Kind::Set => EventKind::Set,
        Kind::Delete => EventKind::Delete,
        Kind::Expire => EventKind::Expire,
    };
    WatchOptions {
        keys: Watched::Range(KeyRange {
            start: bytes(&wanted.start),
            end: bytes(wanted.end.as_deref().unwrap_or_default()),
        }),
        from: match begin {
            Begin::From(from) => Some(Revision(from)),
            _ => None,
        },
        initial: begin == Begin::Initial,
        previous: wanted.previous,
        kinds: wanted.kinds.iter().map(kind).collect(),
        ..WatchOptions::default()
    }
}

/// What a batch tells, and up to which revision everything has been told with it.
pub(crate) fn message(batch: &WatchBatch) -> (Told, Option<u64>) {
    let through = batch.through.map(|Revision(through)| through);
    let told = match batch.initial {
        true => Told::Initial {
            keys: batch.events.iter().map(initial).collect(),
            through,
            restarted: batch.restarted,
        },
        false => Told::Changes {
            events: batch.events.iter().map(event).collect(),
            through: through.expect("only an initial state is incomplete"),
        },
    };
    (told, through)
}

fn initial(event: &WatchEvent) -> (String, State) {
    let revision = event.revision.0;
    let value = event
        .record
        .as_ref()
        .filter(|_| event.kind == EventKind::Set);
    let value = value.map(|record| text(&record.value));
    (text(&event.key), State { value, revision })
}

fn event(event: &WatchEvent) -> Event {
    let kind = match event.kind {
        EventKind::Set => Kind::Set,
        EventKind::Delete => Kind::Delete,
        EventKind::Expire => Kind::Expire,
        EventKind::Touch => panic!("no watch tells that timers changed"),
    };
    let value = event.record.as_ref().filter(|_| kind == Kind::Set);
    Event {
        revision: event.revision.0,
        kind,
        key: text(&event.key),
        value: value.map(|record| text(&record.value)),
        previous: event.previous.as_ref().map(|record| State {
            value: (!record.expired).then(|| text(&record.value)),
            revision: record.revision.0,
        }),
    }
}
