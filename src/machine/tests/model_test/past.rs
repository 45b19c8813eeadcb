//! All ways to read: pages up and down, counts, many keys at once, by revision and by moment,
//! and what a key went through.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{HISTORY_MS, Pair, everything, in_bucket};
use crate::base::ErrorKind;
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::kv::Record;
use crate::machine::tests::drawing::Dice;
use crate::machine::{Event, Machine, ScanQuery};

type Records = Vec<(Bytes, Record)>;

impl Pair {
    /// Reads at a random moment of a random bucket, in every way.
    pub(super) fn check_all_pasts(&mut self, place: &str) {
        let bucket = ["", "users"][self.dice.roll(2) as usize];
        let moment = self
            .model
            .now
            .saturating_sub(self.dice.roll(2 * HISTORY_MS));
        let at = self.revision_at(moment, place);
        // That a bucket was not there yet, or keeps no history, is for `check_past`.
        let revision = at.unwrap_or(self.model.revision);
        let bucket = match self.model.past_of(bucket, revision) {
            Ok(()) => bucket,
            Err(_) => "",
        };
        let keys = at.map_or(&self.model.keys, |at| self.keys_at(at));
        let then = in_bucket(keys, bucket);
        let query = query(&mut self.dice, bucket, at);
        for machine in [&self.steady, &self.crashing] {
            assert_pages(machine, &query, &then, place);
            assert_many(machine, bucket, at, &then, place);
        }
        self.check_changes(bucket, place);
    }

    /// The revision of a moment, if it is still known: both machines must say so.
    fn revision_at(&self, moment: u64, place: &str) -> Option<u64> {
        let until = |event: &&Event| event.now.0 <= moment;
        let last = self.model.events.iter().take_while(until).last();
        let expected = last.map_or(0, |event| event.revision.0);
        let floor = self.steady.history().floor().0;
        for machine in [&self.steady, &self.crashing] {
            match machine.revision_at(MachineTime(moment)) {
                Ok(revision) => assert_eq!(revision.0, expected, "moment {moment} at {place}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Compacted);
                    assert!(expected < floor, "moment {moment} is known at {place}");
                }
            }
        }
        let found = self.steady.revision_at(MachineTime(moment));
        assert_eq!(
            found.is_ok(),
            expected + 1 >= floor,
            "a machine that never stopped knows all it can: moment {moment} at {place}"
        );
        found.ok().map(|revision| revision.0)
    }

    fn keys_at(&self, revision: u64) -> &BTreeMap<(usize, String, Bytes), Record> {
        let past = self.model.past.range(..=revision).next_back();
        past.expect("revision 0 is there").1
    }

    fn check_changes(&mut self, bucket: &str, place: &str) {
        let key = self.dice.word("abcdef");
        let before = self.dice.roll(self.model.revision + 3);
        let before = Some(before).filter(|before| *before > 0).map(Revision);
        let limit = 1 + self.dice.roll(4) as usize;
        for machine in [&self.steady, &self.crashing] {
            let begins = self.model.past_begins(bucket);
            let floor = machine.history().floor().max(begins);
            let of_key = self.model.events.iter().rev().filter(|event| {
                event.revision >= floor
                    && before.is_none_or(|before| event.revision < before)
                    && (&*event.bucket, &event.key) == (bucket, &key)
            });
            let expected: Vec<_> = of_key.collect();
            let changes = machine.changes(bucket, &key, before, limit).unwrap();
            let events: Vec<_> = changes.events.iter().map(Arc::as_ref).collect();
            let newest = &expected[..expected.len().min(limit)];
            assert_eq!(events, newest, "changes of {key:?} at {place}");
            assert_eq!(changes.more, expected.len() > limit, "{place}");
            assert_eq!(changes.floor, floor, "{place}");
        }
    }
}

fn query(dice: &mut Dice, bucket: &str, at: Option<u64>) -> ScanQuery {
    let mut bound = || Some(dice.word("abcdefg")).filter(|_| dice.roll(3) > 0);
    let (start, end) = (bound().unwrap_or_default(), bound());
    ScanQuery {
        start,
        end,
        reverse: dice.roll(2) == 0,
        limit: 1 + dice.roll(5) as usize,
        keys_max: 1 + dice.roll(5) as usize,
        keys_only: dice.roll(3) == 0,
        include_expired: dice.roll(2) == 0,
        ..everything(bucket, at)
    }
}

/// All pages of a scan, and all of a count, give what was there.
fn assert_pages(machine: &Machine, query: &ScanQuery, then: &Records, place: &str) {
    let is_in = |key: &Bytes| *key >= query.start && query.end.as_ref().is_none_or(|end| key < end);
    let shown = |record: &Record| query.include_expired || !record.is_expired();
    let mut expected: Records = then.clone();
    expected.retain(|(key, record)| is_in(key) && shown(record));
    if query.keys_only {
        for (_, record) in &mut expected {
            record.value = record.value.as_ref().map(|_| Bytes::new());
        }
    }
    if query.reverse {
        expected.reverse();
    }
    for count_only in [false, true] {
        let mut found = Vec::new();
        let mut count = 0;
        let mut next = ScanQuery {
            count_only,
            ..query.clone()
        };
        loop {
            let page = machine.scan(&next).unwrap();
            assert!(page.count <= query.limit, "{place}");
            assert!(count_only || page.count == page.records.len(), "{place}");
            count += page.count;
            found.extend(page.records);
            next.at = Some(page.revision);
            next.after = Some(page.last);
            if !page.more {
                break;
            }
        }
        assert_eq!(count, expected.len(), "a count of {query:?} at {place}");
        if !count_only {
            assert_eq!(found, expected, "{query:?} at {place}");
        }
    }
}

fn assert_many(machine: &Machine, bucket: &str, at: Option<u64>, then: &Records, place: &str) {
    let keys = ["c", "a", "zz", "a", "f"].map(Bytes::from);
    let found = machine.get_many(bucket, &keys, at.map(Revision)).unwrap();
    let of = |key: &Bytes| then.iter().find(|(known, _)| known == key);
    let expected = keys
        .iter()
        .map(|key| of(key).map(|(_, record)| record.clone()));
    assert_eq!(found, expected.collect::<Vec<_>>(), "many at {place}");
}
