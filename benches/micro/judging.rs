//! The checkers of histories: how long a verdict on a live server takes.

use std::collections::HashMap;

use divan::Bencher;
use divan::counter::ItemsCount;
use dkv::check::dice::Dice;
use dkv::check::history::{Action, Condition, Consistency, Found, Operation, Outcome};
use dkv::check::{judge, replay, search};

use crate::is_measured;

/// Clients that ask at once; each answer is given while all of them wait for one.
const CLIENTS: u64 = 8;
const STEP_NS: u64 = 1_000;

/// A history of so many operations on so many keys at once, each left after 200 operations on
/// it, or never. Of a hundred writes, so many were never answered.
struct History {
    operations: u64,
    keys: u64,
    per_key: u64,
    unanswered_percent: u64,
}

/// What a key holds, and since which revision.
type Keys = HashMap<String, Found>;

impl History {
    /// Plays it: one change after the other, as a linearizable store does.
    fn played(&self) -> Vec<Operation> {
        let mut dice = Dice::new(7);
        let mut keys = Keys::new();
        let mut revision = 0;
        let played = (0..self.operations).map(|at| {
            let generation = at / (self.keys * self.per_key);
            let key = format!("{generation}-{}", dice.below(self.keys));
            let action = draw(&mut dice, at, key, &keys);
            let outcome = apply(&action, &mut keys, &mut revision);
            let is_write = !matches!(action, Action::Get { .. });
            let is_lost = is_write && dice.percent(self.unanswered_percent);
            let why = "no answer".to_owned();
            Operation {
                client: (at % CLIENTS) as u32,
                node: "node-1".to_owned(),
                invoked_ns: at * STEP_NS,
                returned_ns: (at + CLIENTS) * STEP_NS - 1,
                action,
                outcome: if is_lost {
                    Outcome::Unknown { why }
                } else {
                    outcome
                },
            }
        });
        played.collect()
    }
}

fn draw(dice: &mut Dice, at: u64, key: String, keys: &Keys) -> Action {
    let set = |key: String, condition| Action::Set {
        key,
        value: format!("v{at}"),
        condition,
        fence: None,
    };
    match dice.below(100) {
        0..=39 => Action::Get {
            key,
            consistency: Consistency::Linearizable,
        },
        40..=64 => set(key, None),
        65..=79 => {
            let unchanged = keys.get(&key).map(|found| Condition::Unchanged {
                revision: found.revision,
                value: found.value.clone(),
            });
            set(key, Some(unchanged.unwrap_or(Condition::Absent)))
        }
        80..=87 => set(key, Some(Condition::Absent)),
        _ => Action::Delete { key, fence: None },
    }
}

fn apply(action: &Action, keys: &mut Keys, revision: &mut u64) -> Outcome {
    match action {
        Action::Set {
            key,
            value,
            condition,
            ..
        } => {
            if *condition == Some(Condition::Absent) && keys.contains_key(key) {
                let revision = Some(*revision);
                return Outcome::NotWritten { revision };
            }
            *revision += 1;
            let found = Found {
                value: value.clone(),
                revision: *revision,
            };
            keys.insert(key.clone(), found);
            Outcome::Written {
                revision: *revision,
            }
        }
        Action::Delete { key, .. } => match keys.remove(key) {
            Some(_) => {
                *revision += 1;
                Outcome::Deleted {
                    revision: *revision,
                }
            }
            None => Outcome::NotDeleted {
                revision: Some(*revision),
            },
        },
        Action::Get { key, .. } => Outcome::Read {
            found: keys.get(key).cloned(),
            revision: Some(*revision),
        },
        other => unreachable!("{other:?} is not drawn"),
    }
}

/// What a run of 8 clients leaves behind.
fn of_many_keys() -> Vec<Operation> {
    let history = History {
        operations: if is_measured() { 1_000_000 } else { 5_000 },
        keys: 8,
        per_key: 200,
        unanswered_percent: 0,
    };
    history.played()
}

/// Replays a million operations by their revisions. An item is an operation.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn replay_million(bencher: Bencher) {
    let history = of_many_keys();
    assert!(replay::check(&history, 0).is_empty());
    bencher
        .counter(ItemsCount::new(history.len()))
        .bench_local(|| replay::check_among_others(&history));
}

/// The whole verdict on the same: the replay, and the search of every key. An item is an
/// operation.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn judge_million(bencher: Bencher) {
    let history = of_many_keys();
    let judged = judge(&history);
    assert!(judged.violations.is_empty() && judged.undecided.is_empty());
    bencher
        .counter(ItemsCount::new(history.len()))
        .bench_local(|| judge(&history));
}

/// Searches one key, of whose writes 1 % were never answered. An item is an operation.
#[divan::bench(args = [200, 2_000, 10_000], sample_count = 3, sample_size = 1)]
fn search_key(bencher: Bencher, operations: u64) {
    let history = History {
        operations: if is_measured() { operations } else { 200 },
        keys: 1,
        per_key: u64::MAX,
        unanswered_percent: 1,
    };
    let history = history.played();
    let searched = search::check(&history);
    assert!(searched.violations.is_empty(), "{}", searched.violations[0]);
    assert!(searched.undecided.is_empty());
    bencher
        .counter(ItemsCount::new(history.len()))
        .bench_local(|| search::check(&history));
}
