//! Everything that happened, as it is known in the end.

use std::collections::BTreeMap;

use super::told::{Event, Kind, State, Wanted};

/// All changes from a revision on, by revision and key, each with the key before it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// What happened before this revision is not known whole.
    pub(crate) from: u64,
    events: BTreeMap<(u64, String), Event>,
}

impl Log {
    /// A log of all changes since a revision, in any order, and maybe some before; `previous` is
    /// found here.
    pub(crate) fn new(from: u64, changes: impl IntoIterator<Item = Event>) -> Self {
        let place = |event: Event| ((event.revision, event.key.clone()), event);
        let mut events: BTreeMap<_, _> = changes.into_iter().map(place).collect();
        let mut states: BTreeMap<String, State> = BTreeMap::new();
        for event in events.values_mut() {
            event.previous = states.remove(&event.key);
            if event.kind != Kind::Delete {
                let (value, revision) = (event.value.clone(), event.revision);
                states.insert(event.key.clone(), State { value, revision });
            }
        }
        Self { from, events }
    }

    pub(crate) fn get(&self, revision: u64, key: &str) -> Option<&Event> {
        self.events.get(&(revision, key.to_owned()))
    }

    /// What a watcher wants of the revisions behind `after`, up to `through`.
    pub(crate) fn between<'a>(
        &'a self,
        after: u64,
        through: u64,
        wanted: &'a Wanted,
    ) -> impl Iterator<Item = &'a Event> {
        let from = (after + 1).max(self.from);
        let to = (through + 1).max(from);
        let range = (from, String::new())..(to, String::new());
        let events = self.events.range(range).map(|(_, event)| event);
        events.filter(|event| wanted.has(event))
    }

    /// True if the record before it is known: it came later than the beginning of the log.
    pub(crate) fn knows_before(&self, event: &Event) -> bool {
        self.from <= 1
            || event
                .previous
                .as_ref()
                .is_some_and(|it| it.revision >= self.from)
    }

    /// What there was at a revision, of the keys a watcher wants, if the log begins early enough
    /// to tell.
    pub(crate) fn states_at(
        &self,
        revision: u64,
        wanted: &Wanted,
    ) -> Option<BTreeMap<&str, State>> {
        if self.from > 1 {
            return None;
        }
        let mut states = BTreeMap::new();
        let until = (revision + 1, String::new());
        for event in self.events.range(..until).map(|(_, event)| event) {
            if event.kind == Kind::Delete {
                states.remove(event.key.as_str());
            } else if wanted.has_key(&event.key) {
                let (value, revision) = (event.value.clone(), event.revision);
                states.insert(event.key.as_str(), State { value, revision });
            }
        }
        Some(states)
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }
}
