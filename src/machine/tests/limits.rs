//! What takes more keys, bytes or waiters than the model draws, and what happens when
//! something below fails.

mod buckets;
mod transactions;

use bytes::Bytes;

use super::engine::{Durable, MapEngine};
use crate::base::ErrorKind;
use crate::base::limits::{COMMAND_KEYS_MAX, KEY_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{LogIndex, OwnerId, Revision};
use crate::engine::{Batch, Engine, Table};
use crate::kv::{KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::{
    Applied, Command, Effects, Entry, HistoryLimits, Machine, Op, OutcomeKind, keys, query,
};

fn machine() -> Machine {
    open(&Durable::default())
}

fn open(durable: &Durable) -> Machine {
    Machine::open(Box::new(MapEngine::open(durable)), HistoryLimits::default()).unwrap()
}

fn kv(command: KvCommand) -> Command {
    Command {
        request: None,
        fence: None,
        op: Op::Kv {
            bucket: String::new(),
            command,
        },
    }
}

fn set(key: impl Into<Bytes>, value: impl Into<Bytes>, delete: Timer) -> Command {
    kv(KvCommand::Set(Set {
        key: key.into(),
        value: value.into(),
        expire: Timer::Never,
        delete,
        keep_timers: false,
        condition: None,
        return_previous: false,
    }))
}

const SWEEP: Command = Command {
    request: None,
    fence: None,
    op: Op::Sweep,
};

fn delete_all() -> Command {
    kv(KvCommand::DeleteRange {
        start: Bytes::new(),
        end: None,
    })
}

fn apply(machine: &mut Machine, now: u64, commands: Vec<Command>) -> Effects {
    let index = machine.state().applied.next();
    let entry = Entry {
        now: MachineTime(now),
        boot: BootStamp::default(),
        commands,
    };
    machine.apply(index, &entry).unwrap()
}

fn summary(reply: &Applied) -> (OutcomeKind, u64, u64) {
    (
        reply.outcome.kind,
        reply.outcome.count,
        reply.outcome.revision.0,
    )
}

fn fill(machine: &mut Machine, count: usize, timer: Timer) {
    let key = |number: usize| format!("{number:06}");
    let commands = (0..count).map(|number| set(key(number), "v", timer));
    apply(machine, 1, commands.collect());
}

#[test]
fn a_large_range_goes_in_pieces_of_one_revision_each() {
    let mut machine = machine();
    fill(&mut machine, COMMAND_KEYS_MAX + 5, Timer::Never);
    let before = machine.state().revision.0;
    let effects = apply(
        &mut machine,
        2,
        vec![delete_all(), delete_all(), delete_all()],
    );
    let replies: Vec<_> = effects.replies.iter().map(summary).collect();
    let piece = COMMAND_KEYS_MAX as u64;
    assert_eq!(
        replies,
        [
            (OutcomeKind::DeletedMore, piece, before + 1),
            (OutcomeKind::Deleted, 5, before + 2),
            (OutcomeKind::Deleted, 0, before + 2),
        ]
    );
    let last = &effects.events[COMMAND_KEYS_MAX - 1];
    assert_eq!(
        (last.revision.0, u64::from(last.sub)),
        (before + 1, piece - 1)
    );
    assert_eq!(machine.state().keys, 0);
}

#[test]
fn a_sweep_takes_no_more_than_a_command_may() {
    let mut machine = machine();
    fill(
        &mut machine,
        COMMAND_KEYS_MAX + 5,
        Timer::At(MachineTime(50)),
    );
    let effects = apply(&mut machine, 50, vec![SWEEP, SWEEP, SWEEP]);
    let replies: Vec<_> = effects
        .replies
        .iter()
        .map(|reply| summary(reply).0)
        .collect();
    assert_eq!(
        replies,
        [
            OutcomeKind::SweptMore,
            OutcomeKind::Swept,
            OutcomeKind::Swept
        ]
    );
    assert_eq!(machine.state().keys, 0);
    assert_eq!(machine.next_deadline().unwrap(), None);
}

#[test]
fn large_values_make_smaller_pieces() {
    let value = Bytes::from(vec![0; REQUEST_BYTES_MAX / 2]);
    let mut machine = machine();
    for timer in [Timer::Never, Timer::At(MachineTime(50))] {
        for key in ["a", "b", "c"] {
            apply(&mut machine, 1, vec![set(key, value.clone(), timer)]);
        }
        let (now, command, more, all) = match timer {
            Timer::Never => (
                2,
                delete_all(),
                OutcomeKind::DeletedMore,
                OutcomeKind::Deleted,
            ),
            _ => (50, SWEEP, OutcomeKind::SweptMore, OutcomeKind::Swept),
        };
        let effects = apply(&mut machine, now, vec![command.clone(), command]);
        let replies = effects
            .replies
            .iter()
            .map(|reply| (reply.outcome.kind, reply.outcome.count));
        assert_eq!(replies.collect::<Vec<_>>(), [(more, 2), (all, 1)]);
    }
}

#[test]
fn the_longest_key_works_and_has_an_end_behind_it() {
    let mut machine = machine();
    let key = Bytes::from(vec![0xff; KEY_BYTES_MAX]);
    apply(&mut machine, 1, vec![set(key.clone(), "v", Timer::Never)]);
    let behind = [&key[..], &[0]].concat().into();
    let only_it = kv(KvCommand::DeleteRange {
        start: key,
        end: Some(behind),
    });
    let effects = apply(&mut machine, 1, vec![only_it]);
    assert_eq!(summary(&effects.replies[0]), (OutcomeKind::Deleted, 1, 2));
}

#[test]
fn an_empty_entry_moves_the_index_and_the_time() {
    let mut machine = machine();
    assert_eq!(apply(&mut machine, 77, vec![]), Effects::default());
    let state = machine.state();
    assert_eq!((state.applied, state.now), (LogIndex(1), MachineTime(77)));
    assert_ne!(state.hash, 0);
}

#[test]
#[should_panic(expected = "one after the other")]
fn a_skipped_index_is_a_defect() {
    let entry = Entry {
        now: MachineTime(1),
        boot: BootStamp::default(),
        commands: vec![],
    };
    let _ = machine().apply(LogIndex(2), &entry);
}

#[test]
fn a_view_does_not_change_and_knows_its_revision() {
    let mut machine = machine();
    apply(&mut machine, 1, vec![set("a", "1", Timer::Never)]);
    let view = machine.view();
    apply(&mut machine, 1, vec![set("a", "2", Timer::Never)]);
    assert_eq!(query::state(&*view).unwrap().revision, Revision(1));
    let then = query::get(&*view, "", b"a").unwrap().unwrap();
    assert_eq!(then.value.unwrap(), "1");
}

#[test]
fn locks_are_listed_by_prefix_and_page() {
    let mut machine = machine();
    let acquire = |name: &'static str| Command {
        request: None,
        fence: None,
        op: Op::Lock {
            name: Bytes::from_static(name.as_bytes()),
            command: LockCommand::Acquire {
                owner: OwnerId([1; 16]),
                ttl_ms: 0,
                wait: Timer::Never,
            },
        },
    };
    let names = ["a", "job/1", "job/2", "job/3", "jobs", "z"];
    apply(&mut machine, 1, names.map(acquire).to_vec());
    let list = |prefix: &str, after: Option<&str>, limit| {
        let after = after.map(str::as_bytes);
        let locks = query::locks(&*machine.view(), prefix.as_bytes(), after, limit).unwrap();
        let names = locks
            .into_iter()
            .map(|(name, _)| String::from_utf8(name.to_vec()).unwrap());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list("", None, 99), "a job/1 job/2 job/3 jobs z");
    assert_eq!(list("job/", None, 99), "job/1 job/2 job/3");
    assert_eq!(list("job/", Some("job/1"), 1), "job/2");
    assert_eq!(list("job/", Some("a"), 1), "job/1");
    assert_eq!(list("job/", Some("z"), 9), "");
    assert_eq!(list("job", Some("job/2"), 9), "job/3 jobs");
    assert_eq!(list("", None, 0), "");
}

#[test]
fn the_hash_tells_any_two_courses_apart() {
    let course = |now, commands| {
        let mut machine = machine();
        apply(&mut machine, now, commands);
        machine.state().hash
    };
    let hashes = [
        course(1, vec![]),
        course(2, vec![]),
        course(1, vec![set("a", "1", Timer::Never)]),
        course(1, vec![set("a1", "", Timer::Never)]),
        course(1, vec![set("a", "2", Timer::Never)]),
        course(
            1,
            vec![set("a", "2", Timer::Never), set("a", "1", Timer::Never)],
        ),
        course(1, vec![delete_all()]),
        course(1, vec![SWEEP]),
    ];
    for (place, hash) in hashes.iter().enumerate() {
        assert!(
            !hashes[..place].contains(hash),
            "course {place} has the hash of another"
        );
    }
}

/// Damages one row of a machine that holds the key `a`, then touches it.
fn after_damage(table: Table, key: Bytes, value: &'static [u8]) -> Machine {
    let mut machine = machine();
    apply(
        &mut machine,
        1,
        vec![set("a", "1", Timer::At(MachineTime(9)))],
    );
    let mut batch = Batch::default();
    batch.put(table, key, value);
    machine.engine_mut().commit(batch).unwrap();
    machine
}

#[test]
fn a_damaged_row_stops_the_machine() {
    let mut machine = after_damage(Table::Data, keys::data("", b"a"), b"\xff\xff");
    let before = *machine.state();
    let entry = Entry {
        now: MachineTime(2),
        boot: BootStamp::default(),
        commands: vec![set("b", "1", Timer::Never), set("a", "2", Timer::Never)],
    };
    let error = machine.apply(LogIndex(2), &entry).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(*machine.state(), before, "nothing of the entry was applied");
    assert_eq!(machine.get("", b"b", None).unwrap(), None);
    let error = machine.apply(LogIndex(2), &entry).unwrap_err();
    assert!(error.message().contains("stopped"), "{error}");
}

#[test]
fn a_deadline_without_its_key_is_corruption_and_no_endless_sweep() {
    let stray = keys::deadline(MachineTime(3), keys::Domain::Key, &keys::data("", b"gone"));
    let mut machine = after_damage(Table::Deadlines, stray, b"");
    let entry = Entry {
        now: MachineTime(5),
        boot: BootStamp::default(),
        commands: vec![SWEEP],
    };
    let error = machine.apply(LogIndex(2), &entry).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn damaged_rows_of_sessions_and_meta_are_found_at_opening() {
    for (table, key) in [
        (Table::Sessions, &[1; 16][..]),
        (Table::Sessions, b"short"),
        (Table::Meta, keys::STATE),
    ] {
        let durable = Durable::default();
        let mut engine = MapEngine::open(&durable);
        let mut batch = Batch::default();
        batch.put(table, Bytes::copy_from_slice(key), &b"\xff"[..]);
        engine.commit(batch).unwrap();
        engine.checkpoint(LogIndex(0))().unwrap();
        let opened = Machine::open(
            Box::new(MapEngine::open(&durable)),
            HistoryLimits::default(),
        );
        assert_eq!(
            opened.err().map(|error| error.kind()),
            Some(ErrorKind::Corrupt)
        );
    }
}
