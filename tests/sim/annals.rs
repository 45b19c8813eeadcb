//! Everything that happened, as the members remember it while it is fresh: each forgets some, none
//! may remember it otherwise than another.

use std::collections::BTreeMap;
use std::sync::Arc;

use dkv::base::types::Revision;
use dkv::machine::{self, EventKind, History};

use crate::check::watched::log::Log;
use crate::check::watched::told::{Event, Kind};
use crate::machine::Glimpse;
use crate::stage::Stage;
use crate::words::text;

/// See the module.
pub(crate) struct Annals {
    stage: Arc<Stage>,
    events: BTreeMap<(u64, String), Event>,
    /// When each was first seen, by the fastest of all clocks.
    seen_us: BTreeMap<(u64, String), u64>,
    /// What each member was last seen to remember, ...
    members: BTreeMap<String, Stretch>,
    /// ... and what some did before.
    before: Vec<Stretch>,
}

/// Revisions that a member remembered in one of its lives, all of them.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    life: u64,
    from: u64,
    through: u64,
}

impl Annals {
    pub(crate) fn new(stage: &Arc<Stage>) -> Self {
        Self {
            stage: stage.clone(),
            events: BTreeMap::new(),
            seen_us: BTreeMap::new(),
            members: BTreeMap::new(),
            before: Vec::new(),
        }
    }

    /// Writes down what is new at a member.
    pub(crate) fn look(&mut self, name: &str, glimpse: &Glimpse) {
        let through = glimpse.shard.revision.0;
        let known = self.members.get(name).copied();
        let known = known.filter(|it| it.life == glimpse.life);
        if known.is_some_and(|it| it.through == through) {
            return;
        }
        let (from, fresh) = glimpse
            .store
            .read(|machine| remembered(machine.history(), known.map(|it| it.through)));
        for event in fresh {
            self.add(name, event);
        }
        let goes_on = known.filter(|it| from == it.through + 1);
        let stretch = Stretch {
            life: glimpse.life,
            from: goes_on.map_or(from, |it| it.from),
            through,
        };
        let was = self.members.insert(name.to_owned(), stretch);
        self.before.extend(was.filter(|_| goes_on.is_none()));
    }

    fn add(&mut self, name: &str, event: Event) {
        let place = (event.revision, event.key.clone());
        match self.events.get(&place) {
            Some(known) if *known != event => {
                let wrong = format!("{name} remembers {event:?}, and others {known:?}");
                self.stage.is_wrong(wrong);
            }
            _ => {
                let now_us = self.stage.fastest_us();
                self.seen_us.entry(place.clone()).or_insert(now_us);
                drop(self.events.insert(place, event));
            }
        }
    }

    /// Keys that ended before their time by every clock there is, those of machines that lead
    /// included. `from`: from here on nothing is missing.
    pub(crate) fn ended_early(&self, from: u64) -> Vec<String> {
        let lives = self.stage.lives();
        let known = lives.iter().filter(|life| life.revision >= from);
        let early = known.filter_map(|life| {
            let after = (life.revision + 1, String::new());
            let ((revision, _), end) = self
                .events
                .range(after..)
                .find(|((_, key), _)| *key == life.key)?;
            let seen_us = *self.seen_us.get(&(*revision, life.key.clone()))?;
            let least_us = life.asked_ns / 1_000 + life.ttl_ms * 1_000;
            (end.kind != Kind::Set && seen_us < least_us).then(|| {
                format!(
                    "{} was to live {} ms from {} us on, and ended with revision {revision} at \
                     {seen_us} us by the fastest clock",
                    life.key,
                    life.ttl_ms,
                    life.asked_ns / 1_000
                )
            })
        });
        early.collect()
    }

    /// The last revision that a member was seen at.
    pub(crate) fn through(&self) -> u64 {
        let all = self.stretches().into_iter();
        all.map(|it| it.through).max().unwrap_or(0)
    }

    fn stretches(&self) -> Vec<Stretch> {
        let now = self.members.values();
        now.chain(&self.before).copied().collect()
    }

    /// All of it, from where on nothing is missing.
    pub(crate) fn log(&self) -> Log {
        let mut stretches = self.stretches();
        stretches.sort_by_key(|it| std::cmp::Reverse(it.through));
        let mut from = self.through() + 1;
        for stretch in stretches {
            if stretch.through + 1 < from {
                break;
            }
            from = from.min(stretch.from);
        }
        Log::new(from, self.events.values().cloned())
    }
}

/// What came after a revision, or what there is of it, and with which revision that begins.
fn remembered(history: &History, after: Option<u64>) -> (u64, Vec<Event>) {
    let floor = history.floor();
    let from = after.map_or(floor, |after| Revision(after + 1).max(floor));
    let events = history
        .events_from(from)
        .expect("it is not below the floor");
    (from.0, events.filter_map(|it| shown(it)).collect())
}

/// An event that watchers of the default bucket may be told of.
fn shown(event: &machine::Event) -> Option<Event> {
    let kind = match event.kind {
        EventKind::Set => Kind::Set,
        EventKind::Delete => Kind::Delete,
        EventKind::Expire => Kind::Expire,
        EventKind::Touch => return None,
    };
    let value = event.record.as_ref().and_then(|it| it.value.as_deref());
    event.bucket.is_empty().then(|| Event {
        revision: event.revision.0,
        kind,
        key: text(&event.key),
        value: value.filter(|_| kind == Kind::Set).map(text),
        previous: None,
    })
}
