//! Watchers of a random log that are told the truth, and one lie for each promise.

use crate::check::dice::Dice;
use crate::check::history::Outcome;
use crate::check::txn::told::{End, Step, Transaction};
use crate::check::watched::acked;
use crate::check::watched::log::Log;
use crate::check::watched::told::{Begin, Event, Kind, State, Stream, Told, Wanted, Watcher};
use crate::check::watched::validate::{Promise, check};
use crate::tale::{delete, op, set};

const REVISIONS: u64 = 60;

/// Changes of a few keys; now and then several at one revision.
fn log(dice: &mut Dice) -> Log {
    let mut events = Vec::new();
    for revision in 1..=REVISIONS {
        let many = if dice.percent(30) { 3 } else { 1 };
        for key in 0..many {
            let kind = *dice.pick(&[Kind::Set, Kind::Set, Kind::Set, Kind::Delete, Kind::Expire]);
            let key = (key + dice.below(2) * 3) % 6;
            events.push(Event {
                revision,
                kind,
                key: format!("k{key}"),
                value: (kind == Kind::Set).then(|| format!("v{revision}")),
                previous: None,
            });
        }
    }
    Log::new(1, events)
}

/// A watcher that asks for some of it in one way or another, and is told the truth.
fn watcher(log: &Log, dice: &mut Dice, begin: Begin, previous: bool) -> Watcher {
    let wanted = Wanted {
        start: "k1".to_owned(),
        end: Some("k5".to_owned()),
        kinds: match dice.percent(50) {
            true => Vec::new(),
            false => vec![Kind::Set, Kind::Delete],
        },
        previous,
    };
    let mut told = Vec::new();
    let mut after = match begin {
        Begin::From(from) => from - 1,
        Begin::Now { at_most_after } => at_most_after,
        Begin::Initial => {
            let after = dice.within(5, 20);
            let keys = log.states_at(after, &wanted).unwrap().into_iter();
            let keys: Vec<_> = keys.map(|(key, it)| (key.to_owned(), it)).collect();
            let (first, second) = keys.split_at(keys.len() / 2);
            for (keys, through) in [(first, None), (second, Some(after))] {
                told.push(Told::Initial {
                    keys: keys.to_vec(),
                    through,
                    restarted: false,
                });
            }
            after
        }
    };
    while after < REVISIONS {
        let through = REVISIONS.min(after + dice.within(1, 6));
        let shown = |event: &Event| Event {
            previous: event.previous.clone().filter(|_| previous),
            ..event.clone()
        };
        let events = log.between(after, through, &wanted).map(shown).collect();
        told.push(Told::Changes { events, through });
        after = through;
    }
    let streams = vec![Stream { begin, told }];
    let name = "alice".to_owned();
    Watcher {
        name,
        wanted,
        streams,
    }
}

const BEGINNINGS: [Begin; 3] = [
    Begin::From(7),
    Begin::Initial,
    Begin::Now { at_most_after: 9 },
];

fn promises(watcher: &Watcher, log: &Log) -> Vec<Promise> {
    let (broken, _) = check(watcher, log);
    broken.iter().map(|it| it.promise).collect()
}

#[test]
fn the_truth_is_believed() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let log = log(&mut dice);
        for begin in BEGINNINGS {
            let previous = dice.percent(50);
            let watcher = watcher(&log, &mut dice, begin, previous);
            let (broken, events) = check(&watcher, &log);
            assert_eq!(broken, [], "seed {seed}");
            assert!(events > 10);
        }
    }
}

/// A watch that begins now may have begun a little earlier.
#[test]
fn a_watch_may_begin_before_it_was_known_to() {
    let mut dice = Dice::new(1);
    let log = log(&mut dice);
    let mut watcher = watcher(&log, &mut dice, Begin::From(5), true);
    watcher.streams[0].begin = Begin::Now { at_most_after: 20 };
    assert_eq!(promises(&watcher, &log), []);
}

/// Changes the messages with changes in them, and says which promises are seen broken.
fn lied(promise: Promise, begin: Begin, lie: impl Fn(&mut Vec<(Vec<Event>, u64)>, &mut Dice)) {
    for seed in 0..30 {
        let mut dice = Dice::new(seed);
        let log = log(&mut dice);
        let mut watcher = watcher(&log, &mut dice, begin, true);
        let told = &mut watcher.streams[0].told;
        let mut changes = Vec::new();
        told.retain(|told| match told {
            Told::Changes { events, through } if !events.is_empty() => {
                changes.push((events.clone(), *through));
                false
            }
            Told::Changes { .. } => false,
            _ => true,
        });
        lie(&mut changes, &mut dice);
        let changes = changes.into_iter();
        told.extend(changes.map(|(events, through)| Told::Changes { events, through }));
        let seen = promises(&watcher, &log);
        assert!(
            seen.contains(&promise),
            "seed {seed}: {promise:?} not in {seen:?}"
        );
    }
}

#[test]
fn every_broken_promise_is_seen() {
    let from = Begin::From(7);
    lied(Promise::Filter, from, |told, _| {
        told[1].0[0].key = "k0".to_owned();
    });
    lied(Promise::Ordered, from, |told, _| {
        let last = told[3].0.pop().unwrap();
        told[2].0.insert(0, last);
    });
    lied(Promise::Unique, from, |told, _| {
        let again = told[1].0[0].clone();
        told[1].0.insert(0, again);
    });
    lied(Promise::Atomic, from, |told, _| {
        let split = told[2].0.last().unwrap().clone();
        told[3].0.insert(0, split);
    });
    for begin in BEGINNINGS {
        lied(Promise::Reliable, begin, |told, dice| {
            let at = dice.within(1, 3) as usize;
            told[at].0.pop();
        });
    }
    lied(Promise::Resumable, from, |told, _| {
        told[0].0[0].revision = 6;
    });
    lied(Promise::Progress, from, |told, _| {
        told[2].1 = told[3].0[0].revision;
    });
    lied(Promise::Previous, from, |told, _| {
        let previous = &mut told[2].0[0].previous;
        *previous = match previous {
            Some(_) => None,
            None => Some(State {
                value: None,
                revision: 1,
            }),
        };
    });
    lied(Promise::True, from, |told, _| {
        told[2].0[0].value = Some("never".to_owned());
    });
}

/// The first changes of a stream are missing: nothing shows that but the log.
#[test]
fn a_gap_at_the_beginning_is_seen() {
    lied(Promise::Reliable, Begin::From(7), |told, _| {
        told.remove(0);
    });
}

#[test]
fn a_wrong_initial_state_is_seen() {
    for seed in 0..30 {
        let mut dice = Dice::new(seed);
        let log = log(&mut dice);
        let truth = watcher(&log, &mut dice, Begin::Initial, false);
        let mut lies = truth.clone();
        let Told::Initial { through, .. } = &mut lies.streams[0].told[1] else {
            panic!("it comes second");
        };
        *through = None;
        assert_eq!(promises(&lies, &log), [], "not complete, it says nothing");
        let mut lies = truth.clone();
        let Told::Initial { keys, .. } = &mut lies.streams[0].told[1] else {
            panic!("it comes second");
        };
        if keys.pop().is_some() {
            assert!(
                promises(&lies, &log).contains(&Promise::Initial),
                "seed {seed}"
            );
        }
    }
}

/// A log without what was confirmed to have happened is not the log.
#[test]
fn what_was_acknowledged_is_in_the_log() {
    let set = |revision, key: &str, value: &str| Event {
        revision,
        kind: Kind::Set,
        key: key.to_owned(),
        value: Some(value.to_owned()),
        previous: None,
    };
    let did = |revision, step| Transaction {
        client: 1,
        invoked_ns: 0,
        returned_ns: 9,
        steps: vec![step],
        revision: Some(revision),
        end: End::Committed,
    };
    let list = "list".to_owned();
    let counter = "counter".to_owned();
    let pair = "pair-0".to_owned();
    let history = [
        did(1, Step::Append { list, element: 7 }),
        did(
            2,
            Step::Added {
                counter,
                by: 2,
                now: Some(5),
            },
        ),
        did(
            3,
            Step::Posted {
                pair,
                is_left: true,
                is_there: true,
            },
        ),
    ];
    let events = [
        set(1, "list", "3,7"),
        set(2, "counter", "5"),
        set(3, "pair-0-left", "1"),
    ];
    assert_eq!(acked::missing(&history, &Log::new(1, events.clone())), None);
    for at in 0..3 {
        let mut fewer = events.to_vec();
        fewer.remove(at);
        assert!(
            acked::missing(&history, &Log::new(1, fewer)).is_some(),
            "{at}"
        );
        let mut other = events.to_vec();
        other[at].value = None;
        other[at].kind = Kind::Delete;
        assert!(
            acked::missing(&history, &Log::new(1, other)).is_some(),
            "{at}"
        );
    }
}

#[test]
fn what_was_acknowledged_of_single_writes_is_in_the_log() {
    let event = |revision, kind, value: Option<&str>| Event {
        revision,
        kind,
        key: "key".to_owned(),
        value: value.map(str::to_owned),
        previous: None,
    };
    let history = [
        op(1, 0, 1, set("key", "a"), Outcome::Written { revision: 1 }),
        op(1, 2, 3, delete("key"), Outcome::Deleted { revision: 2 }),
        op(
            1,
            4,
            5,
            delete("key"),
            Outcome::NotDeleted { revision: None },
        ),
    ];
    let (brought, gone) = (event(1, Kind::Set, Some("a")), event(2, Kind::Delete, None));
    let missing = |from, events: &[&Event]| {
        let log = Log::new(from, events.iter().copied().cloned());
        acked::missing_write(&history, &log)
    };
    assert_eq!(missing(1, &[&brought, &gone]), None);
    assert_eq!(missing(2, &[&gone]), None, "what was before is not known");
    assert!(missing(1, &[&gone]).is_some());
    assert!(missing(1, &[&brought]).is_some());
    assert!(missing(1, &[&event(1, Kind::Set, Some("b")), &gone]).is_some());
}
