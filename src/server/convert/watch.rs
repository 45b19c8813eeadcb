//! Watches, as the wire says them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::fields;
use super::reply::wire_record;
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::base::{Error, Result, limits};
use crate::kv::Record;
use crate::machine::{Event, EventKind};
use crate::proto::v1;
use crate::proto::v1::watch_create::What;
use crate::server::watch::{Ask, Begin};
use crate::store::Interest;
use crate::store::watch::{Kinds, Span};

/// Kinds that a request may name: far more than there are, and repeated ones do no harm.
const KINDS_MAX: usize = 16;

/// Checks a request and says what it asks for.
///
/// # Errors
/// `Invalid`, saying what is wrong with which field.
pub(in crate::server) fn watch(create: v1::WatchCreate) -> Result<Ask> {
    let consistency = fields::consistency(create.target.as_ref());
    let (shard, bucket) = fields::target(create.target)?;
    let span = match create.what {
        Some(What::Key(key)) => Span::Key(fields::key(&key)?),
        Some(What::Range(range)) => {
            let (start, end) = fields::range(&range)?;
            Span::Range { start, end }
        }
        None => Span::Range {
            start: Bytes::new(),
            end: None,
        },
    };
    let begin = match (create.from_revision, create.initial) {
        (0, false) => Begin::Now,
        (0, true) => Begin::Initial,
        (from, false) => Begin::From(Revision(from)),
        (from, true) => {
            return Err(Error::invalid(format!(
                "a watch begins with what is there now (initial) or with revision {from} \
                 (from_revision): leave one of them out"
            )));
        }
    };
    Ok(Ask {
        shard,
        interest: Interest {
            bucket,
            span,
            kinds: kinds(&create.kinds)?,
        },
        begin,
        progress: progress(create.progress_ms)?,
        consistency,
    })
}

fn kinds(wire: &[i32]) -> Result<Kinds> {
    if wire.len() > KINDS_MAX {
        let given = wire.len();
        return Err(Error::invalid(format!(
            "{given} kinds; there are three: SET, DELETE and EXPIRE"
        )));
    }
    let kinds = wire.iter().map(|number| {
        Ok(match v1::EventKind::try_from(*number) {
            Ok(v1::EventKind::Set) => EventKind::Set,
            Ok(v1::EventKind::Delete) => EventKind::Delete,
            Ok(v1::EventKind::Expire) => EventKind::Expire,
            Ok(v1::EventKind::Touch) => {
                return Err(Error::invalid(
                    "no watch tells TOUCH: watch SET, DELETE or EXPIRE, and ask for the \
                     history of a key",
                ));
            }
            Ok(v1::EventKind::Unspecified) | Err(_) => {
                return Err(Error::invalid(format!(
                    "{number} is not a kind of event: there are SET (1), DELETE (2) and EXPIRE (3)"
                )));
            }
        })
    });
    Ok(Kinds::of(&kinds.collect::<Result<Vec<_>>>()?))
}

fn progress(ms: u64) -> Result<Duration> {
    let ms = match fields::duration("progress_ms", ms)? {
        0 => limits::WATCH_PROGRESS_MS,
        ms if ms < limits::WATCH_PROGRESS_MS_MIN => {
            return Err(Error::invalid(format!(
                "progress_ms is {ms}; at least {} ms lie between two marks",
                limits::WATCH_PROGRESS_MS_MIN
            )));
        }
        ms => ms,
    };
    Ok(Duration::from_millis(ms))
}

/// True if telling this event needs the shard's clock.
pub(in crate::server) fn is_timed(event: &Event) -> bool {
    let timed = |record: &Option<Record>| record.as_ref().is_some_and(|it| it.due_at().is_some());
    timed(&event.record) || timed(&event.previous)
}

/// Takes the first of these events, as many as one message has: the event that crosses the
/// bound is its last.
pub(in crate::server) fn message(
    events: &mut VecDeque<Arc<Event>>,
    previous: bool,
    now: MachineTime,
) -> v1::WatchEvents {
    let mut message = v1::WatchEvents::default();
    let mut bytes = 0;
    while bytes < limits::WATCH_MESSAGE_BYTES {
        let Some(event) = events.pop_front() else {
            return message;
        };
        let event = wire_event(&event, previous, now);
        bytes += weight(&event);
        message.events.push(event);
    }
    let last = message.events.last().map(|last| last.revision);
    message.revision_goes_on = events.front().map(|next| next.revision.0) == last;
    message
}

/// What was there when a watch began, as messages, at least one.
pub(in crate::server) fn initial(
    records: Vec<(Bytes, Record)>,
    is_complete: bool,
    now: MachineTime,
) -> VecDeque<v1::WatchEvents> {
    let wire = records.into_iter().map(|(key, record)| v1::WatchEvent {
        kind: match record.is_expired() {
            true => v1::EventKind::Expire.into(),
            false => v1::EventKind::Set.into(),
        },
        revision: record.revision.0,
        record: Some(wire_record(key, record, now)),
        previous: None,
    });
    let mut parts = VecDeque::from([v1::WatchEvents::default()]);
    let mut bytes = 0;
    for event in wire {
        if bytes >= limits::WATCH_MESSAGE_BYTES {
            parts.push_back(v1::WatchEvents::default());
            bytes = 0;
        }
        bytes += weight(&event);
        let part = parts.back_mut().expect("there is one from the beginning");
        part.events.push(event);
    }
    for part in &mut parts {
        part.initial = true;
    }
    if let Some(last) = parts.back_mut() {
        last.initial_is_complete = is_complete;
    }
    parts
}

fn weight(event: &v1::WatchEvent) -> usize {
    let record = |record: &Option<v1::Record>| {
        record
            .as_ref()
            .map_or(0, |it| 64 + it.key.len() + it.value.len())
    };
    32 + record(&event.record) + record(&event.previous)
}

fn wire_event(event: &Event, previous: bool, now: MachineTime) -> v1::WatchEvent {
    let record = match &event.record {
        Some(record) => wire_record(event.key.clone(), record.clone(), now),
        // What is gone has a key, and nothing else.
        None => v1::Record {
            key: event.key.clone(),
            ..v1::Record::default()
        },
    };
    let before = event.previous.as_ref().filter(|_| previous);
    v1::WatchEvent {
        kind: match event.kind {
            EventKind::Set => v1::EventKind::Set.into(),
            EventKind::Delete => v1::EventKind::Delete.into(),
            EventKind::Expire => v1::EventKind::Expire.into(),
            EventKind::Touch => v1::EventKind::Touch.into(),
        },
        revision: event.revision.0,
        record: Some(record),
        previous: before.map(|record| wire_record(event.key.clone(), record.clone(), now)),
    }
}
