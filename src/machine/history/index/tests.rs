//! What the chains say is what a walk over all events says.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::base::time::MachineTime;
use crate::kv::Record;
use crate::machine::outcome::EventKind;

/// The seed under which all rows hash alike.
pub(super) const ALL_ALIKE: u64 = 0;

fn record(revision: u64) -> Record {
    Record {
        value: None,
        create_revision: Revision(1),
        revision: Revision(revision),
        version: 1,
        expire_at: None,
        delete_at: None,
    }
}

/// An index, its events, and what each key is now.
#[derive(Default)]
struct Rows {
    index: Index,
    events: Events,
    present: std::collections::BTreeMap<u8, Record>,
    revision: u64,
}

impl Rows {
    fn change(&mut self, key: u8, is_set: bool) {
        let previous = self.present.remove(&key);
        if !is_set && previous.is_none() {
            return;
        }
        self.revision += 1;
        let record = is_set.then(|| record(self.revision));
        self.present
            .extend(record.clone().map(|record| (key, record)));
        let event = Event {
            revision: Revision(self.revision),
            sub: 0,
            now: MachineTime(1),
            kind: if is_set {
                EventKind::Set
            } else {
                EventKind::Delete
            },
            bucket: if key.is_multiple_of(2) {
                "even".to_owned()
            } else {
                String::new()
            },
            key: Bytes::copy_from_slice(&[key]),
            record,
            previous,
        };
        self.index.push(&event);
        self.events.push_back(Arc::new(event));
    }

    fn drop_first(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.index.drop_first(&event, &self.events);
        }
    }

    fn row(key: u8) -> Bytes {
        keys::data(if key.is_multiple_of(2) { "even" } else { "" }, &[key])
    }

    fn check(&self) {
        for key in 0..6 {
            let row = Self::row(key);
            for revision in 0..=self.revision + 1 {
                let revision = Revision(revision);
                let found = self.index.first_after(&row, revision, &self.events);
                let mut walked = self.events.iter().filter(|event| is_of(event, &row));
                let expected = walked.find(|event| event.revision > revision);
                assert_eq!(
                    found,
                    expected.map(|event| &**event),
                    "{key} after {revision}"
                );
            }
            let last = self.events.iter().rfind(|event| is_of(event, &row));
            assert_eq!(
                self.index.gone.contains(&row),
                last.is_some_and(|event| event.record.is_none()),
                "whether {key} is gone"
            );
        }
    }
}

proptest! {
    #[test]
    fn chains_find_what_a_walk_finds(
        steps in vec((0..6_u8, 0..4_u8, 0..3_u8), 1..120), all_alike: bool,
    ) {
        let mut rows = Rows::default();
        if all_alike {
            rows.index.seed = ALL_ALIKE;
        }
        for (key, what, drops) in steps {
            match what {
                0 => rows.change(key, false),
                1 if drops > 0 => (0..drops).for_each(|_| rows.drop_first()),
                _ => rows.change(key, true),
            }
            rows.check();
        }
        while !rows.events.is_empty() {
            rows.drop_first();
        }
        prop_assert_eq!(rows.index.len(), (0, 0), "nothing is left behind");
    }
}

/// How many links a search for the oldest of `events` changes of one key follows.
fn links_followed(events: u64, drops: u64) -> usize {
    let mut rows = Rows::default();
    (0..events).for_each(|_| rows.change(1, true));
    (0..drops).for_each(|_| rows.drop_first());
    let index = &rows.index;
    let mut at = events - 1;
    let mut followed = 0;
    while let Some(link) = index.link(at) {
        let earlier = [link.jump, link.before];
        let Some(next) = earlier.into_iter().find(|at| index.link(*at).is_some()) else {
            break;
        };
        at = next;
        followed += 1;
    }
    assert_eq!(at, drops, "the search ends at the oldest");
    followed
}

#[test]
fn the_past_of_a_hot_key_is_a_logarithm_away() {
    for drops in [0, 1, 1_000, 50_000, 99_990] {
        let followed = links_followed(100_000, drops);
        assert!(followed <= 64, "{followed} links with {drops} dropped");
    }
}
