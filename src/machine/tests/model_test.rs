//! Random entries, given to the machine and to the model. After each the two must
//! agree on replies, events, grants, revisions, rows, deadlines and the past; and a
//! second machine, which crashes and reopens at random, must have the same hash.

mod past;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::drawing::{self, Dice};
use super::engine::MapEngine;
use super::model::{Compared, Model, lock_due, record_due};
use crate::base::ErrorKind;
use crate::base::types::{LogIndex, Revision};
use crate::engine::conformance::disk::TestDisk;
use crate::engine::memory::MemoryEngine;
use crate::engine::redb::{RedbEngine, RedbOptions};
use crate::engine::{CheckpointJob, Engine, Table};
use crate::kv::Record;
use crate::machine::history::HistoryLimits;
use crate::machine::sessions::SessionLimits;
use crate::machine::{Entry, Event, Machine, OutcomeKind, ScanQuery, codec, query};

const ROUNDS: u64 = 60;
const ENTRIES: u64 = 250;
const HISTORY_MS: u64 = 3_000;

const SESSIONS: SessionLimits = SessionLimits {
    clients: 4,
    outcomes_per_client: 5,
    outcomes: 12,
    held_ms: 600,
    idle_ms: 2_500,
};

#[test]
fn the_machine_does_what_the_model_does() {
    let (mut seen, mut compared) = (HashSet::new(), HashSet::new());
    for seed in 0..ROUNDS {
        let mut pair = Pair::begin(seed);
        for _ in 0..ENTRIES {
            seen.extend(pair.step());
        }
        pair.replay_everything();
        compared.extend(pair.model.compared);
    }
    check_compares(&compared);
    // These take more keys or waiters than the drawing has: other tests make them.
    let rare = [
        OutcomeKind::DeletedMore,
        OutcomeKind::SweptMore,
        OutcomeKind::QueueFull,
        OutcomeKind::TooManyKeys,
        OutcomeKind::TooManyBytes,
        OutcomeKind::BucketDroppedMore,
        OutcomeKind::BucketDropping,
        OutcomeKind::BucketsFull,
    ];
    for kind in OutcomeKind::ALL {
        let common = seen.contains(&(kind, false));
        assert!(
            common || rare.contains(&kind),
            "the drawing never gave {kind:?}"
        );
    }
    assert!(
        seen.contains(&(OutcomeKind::Granted, true)),
        "no request was repeated"
    );
}

/// Every relation was asked of everything, held, and did not.
fn check_compares(compared: &HashSet<Compared>) {
    for (subject, given, ..) in compared {
        let relations = if given.ends_with("there") { 1 } else { 6 };
        for relation in 0..relations {
            for held in [false, true] {
                let compare = (*subject, *given, relation, held);
                assert!(compared.contains(&compare), "never drawn: {compare:?}");
            }
        }
    }
    assert_eq!(compared.len(), 2 * (2 * 4 * 6 + 6 + 6 + 2 * 2));
}

/// A machine that lives on, one that crashes, and the model.
struct Pair {
    seed: u64,
    dice: Dice,
    model: Model,
    steady: Machine,
    crashing: Machine,
    disk: TestDisk,
    /// The history the crashing machine wrote with its last checkpoint.
    saved: (Revision, Vec<Arc<Event>>),
    /// A checkpoint that was begun, with the history that goes with it.
    begun: Option<(CheckpointJob, (Revision, Vec<Arc<Event>>))>,
    log: Vec<Entry>,
}

fn open(engine: Box<dyn Engine>) -> Machine {
    let limits = HistoryLimits {
        age_ms: HISTORY_MS,
        bytes_max: usize::MAX,
    };
    Machine::open_with(engine, limits, SESSIONS).unwrap()
}

fn steady() -> Machine {
    open(Box::new(MapEngine::default()))
}

/// The other engines, so that they also prove that the engine does not matter.
fn crashing(seed: u64, disk: &TestDisk) -> Machine {
    let disk = Arc::new(disk.clone());
    if seed.is_multiple_of(2) {
        return open(Box::new(
            MemoryEngine::open(disk, "/engine".into()).unwrap(),
        ));
    }
    let options = RedbOptions {
        cache_bytes: 1 << 20,
        rewrite_bytes_min: 0,
        rewrite_step_bytes: 200,
    };
    open(Box::new(
        RedbEngine::open(disk, "/engine".into(), options).unwrap(),
    ))
}

impl Pair {
    fn begin(seed: u64) -> Self {
        let disk = TestDisk::default();
        Self {
            seed,
            dice: Dice(seed),
            model: Model::new(SESSIONS),
            steady: steady(),
            crashing: crashing(seed, &disk),
            disk,
            saved: (Revision(1), Vec::new()),
            begun: None,
            log: Vec::new(),
        }
    }

    /// Gives the kinds of its replies, and whether they were repetitions.
    fn step(&mut self) -> Vec<(OutcomeKind, bool)> {
        let entry = drawing::entry(&mut self.dice, &self.model);
        self.log.push(entry.clone());
        let index = LogIndex(self.log.len() as u64);
        let place = format!("seed {}, entry {index}: {entry:#?}", self.seed);

        let caused = self.model.apply(&entry);
        let effects = self.steady.apply(index, &entry).unwrap();
        assert_eq!(effects.replies, caused.replies, "replies at {place}");
        let made = effects.events.iter().map(|event| (**event).clone());
        assert_eq!(made.collect::<Vec<_>>(), caused.events, "events at {place}");
        assert_eq!(effects.grants, caused.grants, "grants at {place}");
        assert_eq!(
            effects.near_quota, caused.near_quota,
            "buckets near their quota at {place}"
        );

        let stored = codec::decode_entry(codec::encode_entry(&entry)).unwrap();
        assert_eq!(stored, entry, "the log gives back another entry at {place}");
        self.crashing.apply(index, &stored).unwrap();
        self.maybe_crash();
        assert_eq!(
            self.crashing.state(),
            self.steady.state(),
            "states at {place}"
        );

        self.check_state(&place);
        self.check_rows(&place);
        self.check_past(&place);
        self.check_all_pasts(&place);
        let kinds = caused.replies.iter().flat_map(|reply| {
            let results = reply.results.iter().map(|result| (result.kind, false));
            std::iter::once((reply.outcome.kind, reply.repeated)).chain(results)
        });
        kinds.collect()
    }

    fn maybe_crash(&mut self) {
        match self.dice.roll(20) {
            0 => {
                let covers = self.crashing.state().applied;
                let history = self.crashing.history();
                let floor = history.floor();
                let events = history.events_from(floor).unwrap().cloned().collect();
                let job = self.crashing.engine_mut().checkpoint(covers);
                self.begun = Some((job, (floor, events)));
            }
            1 | 2 => {
                if let Some((job, history)) = self.begun.take() {
                    job().unwrap();
                    self.saved = history;
                }
            }
            3..6 => {
                if let Some(job) = self.crashing.engine().upkeep() {
                    job().unwrap();
                }
            }
            6 => {
                self.begun = None;
                self.crashing = steady();
                self.crashing = crashing(self.seed, &self.disk);
                let state = *self.crashing.state();
                let (floor, events) = self.saved.clone();
                let history = self.crashing.history_mut();
                history.load(floor, state.revision, events).unwrap();
                // Replay begins too early: what was applied must not count twice.
                let first = state.applied.0.saturating_sub(3);
                for (index, entry) in (1..).zip(&self.log).skip(first as usize) {
                    self.crashing.apply(LogIndex(index), entry).unwrap();
                }
            }
            _ => {}
        }
    }

    fn check_state(&self, place: &str) {
        let state = self.steady.state();
        assert_eq!(state.now.0, self.model.now, "machine time at {place}");
        assert_eq!(state.revision.0, self.model.revision, "revision at {place}");
        assert_eq!(state.keys, self.model.keys.len() as u64, "keys at {place}");
        assert_eq!(
            state.locks,
            self.model.locks.len() as u64,
            "locks at {place}"
        );
        assert_eq!(
            state.buckets,
            self.model.buckets.len() as u64,
            "buckets at {place}"
        );
        let stored = query::state(&*self.steady.view()).unwrap();
        assert_eq!(stored, *state, "the stored state at {place}");
    }

    fn check_rows(&self, place: &str) {
        for machine in [&self.steady, &self.crashing] {
            self.check_rows_of(machine, place);
        }
    }

    fn check_rows_of(&self, machine: &Machine, place: &str) {
        let view = machine.view();
        let buckets = query::buckets(&*view, "", "", 99).unwrap();
        assert_eq!(buckets, self.model.listed(), "buckets at {place}");
        let names = buckets.iter().map(|(name, _)| name.as_str());
        for bucket in names.chain([""]) {
            let page = crate::machine::scan::scan(&*view, &everything(bucket, None)).unwrap();
            assert_eq!(
                page.records,
                in_bucket(&self.model.keys, bucket),
                "keys at {place}"
            );
        }
        let locks: Vec<_> = self.model.locks.clone().into_iter().collect();
        assert_eq!(
            query::locks(&*view, b"", None, 99).unwrap(),
            locks,
            "locks at {place}"
        );

        let keys_due = self.model.keys.values().filter_map(record_due);
        let due: Vec<u64> = keys_due
            .chain(self.model.locks.values().filter_map(lock_due))
            .collect();
        let mut deadlines = 0;
        view.scan(Table::Deadlines, &[], None, &mut |_, _| {
            deadlines += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(deadlines, due.len(), "deadlines at {place}");

        let clients = self.model.clients.values();
        let idle = clients.map(|client| client.last_used + SESSIONS.idle_ms);
        let next = machine.next_deadline().unwrap().map(|due| due.0);
        assert_eq!(
            next,
            due.into_iter().chain(idle).min(),
            "the next deadline at {place}"
        );
    }

    fn check_past(&mut self, place: &str) {
        let too_old = |event: &&Event| self.model.now - event.now.0 > HISTORY_MS;
        let trimmed = self.model.events.iter().filter(too_old);
        let floor = trimmed.map(|event| event.revision.0 + 1).max().unwrap_or(1);
        let revision = self.dice.roll(self.model.revision + 2);
        let bucket = self.dice.one_of(&["", "users", "orders"]);
        let known = self.model.past_of(bucket, revision);
        for machine in [&self.steady, &self.crashing] {
            assert_eq!(machine.history().floor().0, floor, "the floor at {place}");
            let page = machine.scan(&everything(bucket, Some(revision)));
            let one = machine.get(bucket, b"c", Some(Revision(revision)));
            if revision > self.model.revision {
                assert_eq!(page.unwrap_err().kind(), ErrorKind::Invalid, "{place}");
            } else if let Err(begins) = known {
                let error = page.unwrap_err();
                let kind = match begins {
                    Some(_) => ErrorKind::Compacted,
                    None => ErrorKind::NotFound,
                };
                assert_eq!(error.kind(), kind, "{bucket} at {revision}, {place}");
                assert_eq!(error.compacted_floor(), begins.map(Revision), "{place}");
                assert_eq!(one.unwrap_err().kind(), kind, "{bucket}, {place}");
            } else if revision + 1 < floor {
                let error = page.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Compacted, "{place}");
                assert_eq!(error.compacted_floor(), Some(Revision(floor)), "{place}");
            } else {
                let (_, keys) = self.model.past.range(..=revision).next_back().unwrap();
                let then = in_bucket(keys, bucket);
                assert_eq!(
                    page.unwrap().records,
                    then,
                    "revision {revision} at {place}"
                );
                let key_c = then.into_iter().find(|(key, _)| key == "c");
                assert_eq!(one.unwrap(), key_c.map(|(_, record)| record), "{place}");
            }
        }
    }

    fn replay_everything(&mut self) {
        let before = *self.steady.state();
        let mut again = steady();
        for (index, entry) in (1..).zip(&self.log) {
            let nothing = self.steady.apply(LogIndex(index), entry).unwrap();
            assert_eq!(nothing, crate::machine::Effects::default());
            again.apply(LogIndex(index), entry).unwrap();
        }
        assert_eq!(*self.steady.state(), before, "old entries change nothing");
        assert_eq!(
            *again.state(),
            before,
            "the same entries give the same state"
        );
    }
}

fn everything(bucket: &str, at: Option<u64>) -> ScanQuery {
    ScanQuery {
        bucket: bucket.to_owned(),
        start: Bytes::new(),
        end: None,
        after: None,
        reverse: false,
        limit: 1_000,
        bytes_max: usize::MAX,
        keys_max: usize::MAX,
        count_only: false,
        keys_only: false,
        include_expired: true,
        at: at.map(Revision),
    }
}

fn in_bucket(
    keys: &std::collections::BTreeMap<(usize, String, Bytes), Record>,
    bucket: &str,
) -> Vec<(Bytes, Record)> {
    let within = keys.iter().filter(|((_, name, _), _)| name == bucket);
    within
        .map(|((.., key), record)| (key.clone(), record.clone()))
        .collect()
}
