//! One function for each promise of a watch.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::log::Log;
use super::told::{Begin, Event, State, Stream, Told, Watcher};

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// Only what was asked for.
    Filter,
    /// By revision.
    Ordered,
    /// Each change once.
    Unique,
    /// The changes of a revision together.
    Atomic,
    /// No gap.
    Reliable,
    /// Nothing before the revision it was resumed from.
    Resumable,
    /// Nothing comes that was said to have been told.
    Progress,
    /// The record before a change is the one that was.
    Previous,
    /// What is told happened, so.
    True,
    /// The initial state is that of its revision.
    Initial,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: Promise,
    pub(crate) message: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watch, {:?}: {}", self.promise, self.message)
    }
}

/// What all validators say of a watcher, and how many events they looked at.
pub(crate) fn check(watcher: &Watcher, log: &Log) -> (Vec<Broken>, usize) {
    let mut broken = Vec::new();
    let mut events = 0;
    for stream in &watcher.streams {
        events += stream.events().count();
        let all: [(Promise, Option<String>); 10] = [
            (Promise::Filter, filter(watcher, stream)),
            (Promise::Ordered, ordered(stream)),
            (Promise::Unique, unique(stream)),
            (Promise::Atomic, atomic(stream)),
            (Promise::Reliable, reliable(watcher, stream, log)),
            (Promise::Resumable, resumable(stream)),
            (Promise::Progress, progress(stream)),
            (Promise::Previous, previous(watcher, stream, log)),
            (Promise::True, is_true(stream, log)),
            (Promise::Initial, initial(watcher, stream, log)),
        ];
        for (promise, message) in all {
            let begin = stream.begin;
            let name = &watcher.name;
            broken.extend(message.map(|message| Broken {
                promise,
                message: format!("{name}, {begin:?}: {message}"),
            }));
        }
    }
    (broken, events)
}

fn filter(watcher: &Watcher, stream: &Stream) -> Option<String> {
    let mut unwanted = stream.events().filter(|it| !watcher.wanted.has(it));
    let initial = stream.told.iter().find_map(|told| match told {
        Told::Initial { keys, .. } => keys.iter().find(|it| !watcher.wanted.has_key(&it.0)),
        _ => None,
    });
    let unwanted = unwanted
        .next()
        .map(|it| format!("{it:?} was not asked for"));
    unwanted.or_else(|| initial.map(|it| format!("{it:?} was not asked for")))
}

fn ordered(stream: &Stream) -> Option<String> {
    let mut last = 0;
    for event in stream.events() {
        if event.revision < last {
            return Some(format!("{event:?} was told after the revision {last}"));
        }
        last = event.revision;
    }
    None
}

fn unique(stream: &Stream) -> Option<String> {
    let mut told = BTreeSet::new();
    let mut events = stream.events();
    let twice = events.find(|it| !told.insert((it.revision, it.key.as_str())));
    twice.map(|it| format!("{it:?} was told twice"))
}

/// Each revision is in one message. That none of its changes is missing is for [`reliable`].
fn atomic(stream: &Stream) -> Option<String> {
    let mut before: BTreeSet<u64> = BTreeSet::new();
    for told in &stream.told {
        let Told::Changes { events, .. } = told else {
            continue;
        };
        let here: BTreeSet<u64> = events.iter().map(|it| it.revision).collect();
        if let Some(revision) = here.iter().find(|it| before.contains(it)) {
            return Some(format!("the revision {revision} is in two messages"));
        }
        before.extend(here);
    }
    None
}

fn reliable(watcher: &Watcher, stream: &Stream, log: &Log) -> Option<String> {
    let through = stream.through()?;
    let after = match stream.begin {
        Begin::From(from) => from - 1,
        Begin::Initial => stream.told.iter().find_map(|told| match told {
            Told::Initial { through, .. } => *through,
            _ => None,
        })?,
        Begin::Now { at_most_after } => {
            let first = stream.events().map(|it| it.revision).min();
            first.map_or(at_most_after, |first| at_most_after.min(first - 1))
        }
    };
    let told: BTreeSet<(u64, &str)> = stream
        .events()
        .map(|it| (it.revision, it.key.as_str()))
        .collect();
    let is_missing = |it: &&Event| !told.contains(&(it.revision, it.key.as_str()));
    let missing = log
        .between(after, through, &watcher.wanted)
        .find(is_missing);
    missing.map(|it| format!("{it:?} is missing between {after} and {through}"))
}

fn resumable(stream: &Stream) -> Option<String> {
    let Begin::From(from) = stream.begin else {
        return None;
    };
    let mut early = stream.events().filter(|it| it.revision < from);
    early.next().map(|it| format!("{it:?} is before {from}"))
}

fn progress(stream: &Stream) -> Option<String> {
    let mut done = 0;
    for told in &stream.told {
        let (first, last, through) = match told {
            Told::Changes { events, through } => {
                let revisions = || events.iter().map(|it| it.revision);
                (revisions().min(), revisions().max(), Some(*through))
            }
            Told::Initial { through, .. } => (None, None, *through),
            Told::Compacted { .. } => continue,
        };
        if let Some(first) = first.filter(|first| *first <= done) {
            return Some(format!(
                "{first} was told after everything up to {done} had been"
            ));
        }
        let Some(through) = through else { continue };
        if through < done || last.is_some_and(|last| last > through) {
            return Some(format!(
                "it went to {through} from {done}, and told of {last:?}"
            ));
        }
        done = through;
    }
    None
}

fn previous(watcher: &Watcher, stream: &Stream, log: &Log) -> Option<String> {
    for event in stream.events() {
        let known = log.get(event.revision, &event.key);
        let Some(known) = known.filter(|it| log.knows_before(it)) else {
            continue;
        };
        let expected = known.previous.as_ref().filter(|_| watcher.wanted.previous);
        if event.previous.as_ref() != expected {
            return Some(format!("{event:?} should have come after {expected:?}"));
        }
    }
    None
}

fn is_true(stream: &Stream, log: &Log) -> Option<String> {
    let mut false_ones = stream.events().filter(|event| {
        let known = log.get(event.revision, &event.key);
        let is_known = event.revision >= log.from || known.is_some();
        is_known && known.is_none_or(|known| known.kind != event.kind || known.value != event.value)
    });
    let event = false_ones.next()?;
    let known = log.get(event.revision, &event.key);
    Some(format!("{event:?} is not what happened: {known:?}"))
}

fn initial(watcher: &Watcher, stream: &Stream, log: &Log) -> Option<String> {
    let mut found: BTreeMap<&str, State> = BTreeMap::new();
    let mut last: Option<&str> = None;
    for told in &stream.told {
        let Told::Initial {
            keys,
            through,
            restarted,
        } = told
        else {
            continue;
        };
        if *restarted {
            found.clear();
            last = None;
        }
        for (key, state) in keys {
            if last.is_some_and(|last| last >= key.as_str()) {
                return Some(format!("{key} came after {last:?}"));
            }
            last = Some(key);
            found.insert(key, state.clone());
        }
        if let Some(through) = through {
            let expected = log.states_at(*through, &watcher.wanted)?;
            if found != expected {
                let differs = |key: &&str| found.get(*key) != expected.get(*key);
                let key = *found.keys().chain(expected.keys()).find(|it| differs(it))?;
                let (found, expected) = (found.get(key), expected.get(key));
                return Some(format!(
                    "{key} was {expected:?} at {through}, not {found:?}"
                ));
            }
        }
    }
    None
}
