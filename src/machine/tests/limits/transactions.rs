//! What is too much for one transaction; and that one which is refused changed nothing but
//! what was due anyway.

use super::{apply, fill, kv, machine, set, summary};
use crate::base::limits::{COMMAND_KEYS_MAX, REQUEST_BYTES_MAX};
use crate::base::time::{MachineTime, Timer};
use crate::kv::{Incr, KvCommand};
use crate::machine::{
    Command, Compare, Effects, EventKind, Given, Machine, Op, OutcomeKind, Relation, Subject,
    Transaction, TxnOp,
};
use bytes::Bytes;

fn transaction(compares: Vec<Compare>, then: Vec<TxnOp>) -> Command {
    let transaction = Transaction {
        compares,
        then,
        otherwise: Vec::new(),
    };
    transaction.check().unwrap();
    Command {
        request: None,
        fence: None,
        op: Op::Transaction {
            bucket: String::new(),
            transaction,
        },
    }
}

fn write(command: Command) -> TxnOp {
    let Op::Kv { command, .. } = command.op else {
        panic!("a write is about a key");
    };
    TxnOp::Write(command)
}

fn remove(start: &str, end: Option<&str>) -> TxnOp {
    TxnOp::Write(KvCommand::DeleteRange {
        start: Bytes::copy_from_slice(start.as_bytes()),
        end: end.map(|end| Bytes::copy_from_slice(end.as_bytes())),
    })
}

fn get(key: &'static str) -> TxnOp {
    let key = Bytes::from_static(key.as_bytes());
    TxnOp::Get { key }
}

fn incr(key: &'static str) -> TxnOp {
    TxnOp::Write(KvCommand::Incr(Incr {
        key: Bytes::from_static(key.as_bytes()),
        by: 1,
        expire: Timer::Never,
        delete: Timer::Never,
    }))
}

fn there_are(start: &'static str, end: Option<&'static str>, count: usize) -> Compare {
    Compare {
        subject: Subject::Range {
            start: Bytes::from_static(start.as_bytes()),
            end: end.map(|end| Bytes::from_static(end.as_bytes())),
        },
        relation: Relation::Equal,
        given: Given::Count(count as u64),
    }
}

/// The kind and the count of a transaction that is refused, after which all is as before.
#[track_caller]
fn refused(machine: &mut Machine, now: u64, command: Command) -> (OutcomeKind, u64) {
    let before = *machine.state();
    let effects = apply(machine, now, vec![command]);
    assert_eq!(effects.events, []);
    let after = *machine.state();
    assert_eq!(
        (after.revision, after.keys),
        (before.revision, before.keys),
        "a refused transaction changed something"
    );
    let reply = &effects.replies[0];
    assert_eq!(reply.results, []);
    (reply.outcome.kind, reply.outcome.count)
}

#[test]
fn a_transaction_touches_as_many_keys_as_a_command_may_and_no_more() {
    let mut machine = machine();
    let most = COMMAND_KEYS_MAX;
    fill(&mut machine, most + 1, Timer::Never);
    let x = || write(set("x", "1", Timer::Never));
    let all = transaction(vec![], vec![x(), remove("", Some("w"))]);
    let (kind, at) = refused(&mut machine, 2, all);
    assert_eq!((kind, at), (OutcomeKind::TooManyKeys, 1));

    let compare = there_are("", None, most + 1);
    let (kind, _) = refused(&mut machine, 2, transaction(vec![compare], vec![x()]));
    assert_eq!(kind, OutcomeKind::TooManyKeys);

    let halves = vec![remove("", Some("005000")), remove("005000", Some("w"))];
    let (kind, at) = refused(&mut machine, 2, transaction(vec![], halves));
    assert_eq!(
        (kind, at),
        (OutcomeKind::TooManyKeys, 1),
        "they count together"
    );

    let before = machine.state().revision.0;
    let but_one = transaction(vec![], vec![remove("000001", Some("w")), x()]);
    let effects = apply(&mut machine, 2, vec![but_one]);
    let changes = most as u64 + 1;
    assert_eq!(
        summary(&effects.replies[0]),
        (OutcomeKind::Succeeded, changes, before + 1)
    );
    let last = effects.events.last().unwrap();
    assert_eq!((last.revision.0, last.sub), (before + 1, most as u32));
    assert_eq!(machine.state().keys, 2);
}

/// Three values of which a request could hold two.
fn large(machine: &mut Machine, timer: Timer) {
    let value = Bytes::from(vec![b'v'; REQUEST_BYTES_MAX / 5 * 2]);
    for key in ["a", "b", "c"] {
        apply(machine, 1, vec![set(key, value.clone(), timer)]);
    }
}

#[test]
fn a_transaction_reads_and_replaces_as_much_as_a_request_may_hold() {
    let mut machine = machine();
    large(&mut machine, Timer::Never);
    let x = || write(set("x", "1", Timer::Never));
    let small = |key: &'static str| write(set(key, "1", Timer::Never));
    let too_much = [
        vec![x(), get("a"), get("b"), get("c")],
        vec![x(), small("a"), small("b"), small("c")],
        vec![x(), get("a"), get("b"), remove("c", Some("d"))],
    ];
    for ops in too_much {
        let (kind, at) = refused(&mut machine, 2, transaction(vec![], ops));
        assert_eq!((kind, at), (OutcomeKind::TooManyBytes, 3));
    }
    // Counting them takes none of their values, comparing them does.
    let count = there_are("a", Some("d"), 3);
    let effects = apply(
        &mut machine,
        2,
        vec![transaction(vec![count.clone()], vec![])],
    );
    assert_eq!(summary(&effects.replies[0]).0, OutcomeKind::Succeeded);
    let compare = Compare {
        relation: Relation::Greater,
        given: Given::Value(Bytes::new()),
        ..count
    };
    let (kind, _) = refused(&mut machine, 2, transaction(vec![compare], vec![x()]));
    assert_eq!(kind, OutcomeKind::TooManyBytes);

    let two = transaction(vec![], vec![x(), get("a"), small("b")]);
    let effects = apply(&mut machine, 2, vec![two]);
    assert_eq!(summary(&effects.replies[0]).0, OutcomeKind::Succeeded);
}

/// The key that was due is gone, whatever becomes of the transaction that met it.
fn met(effects: &Effects) -> Vec<(EventKind, &[u8])> {
    let events = effects.events.iter();
    events.map(|event| (event.kind, &event.key[..])).collect()
}

#[test]
fn a_refused_transaction_leaves_only_what_was_due() {
    let mut machine = machine();
    let text = set("text", "no number", Timer::Never);
    let due = set("due", "1", Timer::At(MachineTime(50)));
    apply(&mut machine, 1, vec![text, due]);
    let ops = vec![
        write(set("x", "1", Timer::Never)),
        incr("text"),
        incr("due"),
    ];
    let effects = apply(&mut machine, 50, vec![transaction(vec![], ops)]);
    assert_eq!(
        summary(&effects.replies[0]),
        (OutcomeKind::NotInteger, 1, 3)
    );
    assert_eq!(met(&effects), [(EventKind::Delete, &b"due"[..])]);
    assert_eq!(machine.state().keys, 1);
}

/// Each value that is due goes into an event: one transaction of many small operations
/// must not make the entry larger than a sweep could.
#[test]
fn what_is_due_on_the_keys_of_a_transaction_is_bounded_too() {
    let persist = |key: &'static str| {
        let key = Bytes::from_static(key.as_bytes());
        write(kv(KvCommand::Persist { key }))
    };
    let is_there = |key: &'static str| Compare {
        subject: Subject::Key(Bytes::from_static(key.as_bytes())),
        relation: Relation::Equal,
        given: Given::Exists(false),
    };
    let keys = ["a", "b", "c", "d"];
    let by_ops = transaction(vec![], keys.map(persist).to_vec());
    let by_compares = transaction(keys.map(is_there).to_vec(), vec![]);
    for command in [by_ops, by_compares] {
        let mut machine = machine();
        large(&mut machine, Timer::At(MachineTime(50)));
        let d = set("d", "1", Timer::At(MachineTime(50)));
        apply(&mut machine, 1, vec![d]);
        let effects = apply(&mut machine, 50, vec![command.clone(), command]);
        let kinds = effects.replies.iter().map(|reply| reply.outcome.kind);
        assert_eq!(
            kinds.collect::<Vec<_>>(),
            [OutcomeKind::TooManyBytes, OutcomeKind::Succeeded],
            "what was due is gone, and the next try succeeds"
        );
        assert_eq!(machine.state().keys, 0);
    }
}

/// What an optimistic transaction asks of a range that it has read: two things. They counted
/// twice, so that more than half of what is allowed could never be committed.
#[test]
fn a_range_that_two_compares_ask_of_counted_twice() {
    let mut machine = machine();
    fill(&mut machine, COMMAND_KEYS_MAX, Timer::Never);
    let revision = machine.state().revision;
    let unchanged = Compare {
        relation: Relation::LessOrEqual,
        given: Given::Revision(revision),
        ..there_are("", None, 0)
    };
    let compares = vec![unchanged, there_are("", None, COMMAND_KEYS_MAX)];
    let effects = apply(&mut machine, 0, vec![transaction(compares, Vec::new())]);
    assert_eq!(effects.replies[0].outcome.kind, OutcomeKind::Succeeded);
}
