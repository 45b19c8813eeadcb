//! Histories of transactions that cannot be, told by hand, and some that look so and can.

use std::collections::BTreeMap;

use crate::check::txn::told::{Anomaly, End, Kind, Step, Transaction, judge};

/// One transaction: client, from and to, what it did.
fn did(client: u32, from: u64, to: u64, steps: Vec<Step>) -> Transaction {
    Transaction {
        client,
        invoked_ns: from,
        returned_ns: to,
        steps,
        revision: None,
        end: End::Committed,
    }
}

fn aborted(transaction: Transaction) -> Transaction {
    let why = "refused".to_owned();
    let end = End::Aborted { why };
    Transaction { end, ..transaction }
}

fn unknown(transaction: Transaction) -> Transaction {
    let why = "silence".to_owned();
    let end = End::Unknown { why };
    Transaction { end, ..transaction }
}

fn at(revision: u64, transaction: Transaction) -> Transaction {
    let revision = Some(revision);
    Transaction {
        revision,
        ..transaction
    }
}

fn append(list: &str, element: u64) -> Step {
    let list = list.to_owned();
    Step::Append { list, element }
}

fn read(list: &str, elements: &[u64]) -> Step {
    let (list, elements) = (list.to_owned(), elements.to_vec());
    Step::Read { list, elements }
}

fn added(by: i64, now: Option<i64>) -> Step {
    let counter = "c".to_owned();
    Step::Added { counter, by, now }
}

fn counted(value: i64) -> Step {
    let counter = "c".to_owned();
    Step::Counted { counter, value }
}

fn kinds(anomalies: &[Anomaly]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = anomalies.iter().map(|it| it.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[track_caller]
fn is(kind: Kind, history: &[Transaction]) -> String {
    let anomalies = judge(history);
    assert_eq!(kinds(&anomalies), [kind]);
    anomalies[0].to_string()
}

#[track_caller]
fn is_legal(history: &[Transaction]) {
    assert_eq!(kinds(&judge(history)), []);
}

#[test]
fn elements_that_cannot_be_in_a_list() {
    is(Kind::Invented, &[did(1, 0, 9, vec![read("a", &[1])])]);
    is(
        Kind::AbortedRead,
        &[
            aborted(did(1, 0, 9, vec![append("a", 1)])),
            did(2, 10, 19, vec![read("a", &[1])]),
        ],
    );
    is(
        Kind::Future,
        &[
            did(2, 0, 9, vec![read("a", &[1])]),
            did(1, 10, 19, vec![append("a", 1)]),
        ],
    );
    is(
        Kind::Duplicated,
        &[
            unknown(did(1, 0, 9, vec![append("a", 1)])),
            did(2, 10, 19, vec![read("a", &[1, 1])]),
        ],
    );
    is(
        Kind::IntermediateRead,
        &[
            did(1, 0, 30, vec![append("a", 1), append("a", 2)]),
            did(2, 10, 19, vec![read("a", &[1])]),
        ],
    );
    is(
        Kind::Internal,
        &[did(1, 0, 9, vec![append("a", 1), read("a", &[])])],
    );
}

#[test]
fn orders_that_cannot_be() {
    let appended = [
        did(1, 0, 30, vec![append("a", 1)]),
        did(2, 0, 30, vec![append("a", 2)]),
    ];
    let reads = [
        did(3, 40, 49, vec![read("a", &[1, 2])]),
        did(4, 40, 49, vec![read("a", &[2, 1])]),
    ];
    is_legal(&[&appended[..], &reads[..1]].concat());
    is(Kind::TwoOrders, &[&appended[..], &reads[..]].concat());
}

#[test]
fn an_append_that_is_lost() {
    let history = [
        did(1, 0, 9, vec![append("a", 1)]),
        did(2, 10, 19, vec![append("a", 2)]),
        did(3, 20, 29, vec![read("a", &[2])]),
    ];
    is(Kind::Lost, &history);
    // Nobody knows whether the first took place.
    let mut legal = history;
    legal[0] = unknown(legal[0].clone());
    is_legal(&legal);
}

/// G0: the writes of two transactions are mixed.
#[test]
fn a_cycle_of_writes() {
    let history = [
        did(1, 0, 30, vec![append("a", 1), append("b", 1)]),
        did(2, 0, 30, vec![append("a", 2), append("b", 2)]),
        did(3, 10, 50, vec![read("a", &[1, 2])]),
        did(4, 10, 50, vec![read("b", &[2, 1])]),
    ];
    let said = is(Kind::Cycle, &history);
    assert!(said.contains("G0,"), "{said}");
    assert!(said.contains("T1 appended to a before (ww) T2"), "{said}");
    assert!(said.contains("T2 appended to b before (ww) T1"), "{said}");
}

/// G1c: each of two reads what the other wrote.
#[test]
fn a_cycle_of_reads() {
    let history = [
        did(1, 0, 30, vec![append("a", 1), read("b", &[2])]),
        did(2, 0, 30, vec![append("b", 2), read("a", &[1])]),
    ];
    assert!(is(Kind::Cycle, &history).contains("G1c,"));
}

/// G-single: a read that sees half of a transaction.
#[test]
fn a_read_that_sees_half() {
    let history = [
        did(1, 0, 30, vec![append("a", 1), append("b", 2)]),
        did(2, 0, 30, vec![read("a", &[1]), read("b", &[])]),
        did(3, 40, 50, vec![read("a", &[1]), read("b", &[2])]),
    ];
    assert!(is(Kind::Cycle, &history).contains("G-single,"));
}

/// G2: write skew. Each reads what the other then changes.
#[test]
fn a_cycle_of_reads_of_the_past() {
    let history = [
        did(1, 0, 30, vec![read("b", &[]), append("a", 1)]),
        did(2, 0, 30, vec![read("a", &[]), append("b", 2)]),
        did(3, 40, 50, vec![read("a", &[1]), read("b", &[2])]),
    ];
    assert!(is(Kind::Cycle, &history).contains("G2,"));
    // One after the other: the second would have seen the first.
    let mut legal = history;
    legal[1].steps[0] = read("a", &[1]);
    is_legal(&legal);
}

/// What nobody has read so far comes after all that was read.
#[test]
fn a_write_that_nobody_saw_has_its_place_too() {
    let history = [
        did(1, 0, 30, vec![read("b", &[]), append("a", 1)]),
        did(2, 0, 30, vec![read("a", &[]), append("b", 2)]),
    ];
    assert!(is(Kind::Cycle, &history).contains("G2,"));
    let mut legal = history;
    legal[1] = unknown(legal[1].clone());
    is_legal(&legal);
}

/// A read of the past is serializable, and not strictly.
#[test]
fn a_cycle_through_real_time() {
    let history = [
        unknown(did(1, 0, 90, vec![append("a", 1)])),
        did(2, 10, 19, vec![read("a", &[1])]),
        did(3, 20, 29, vec![read("a", &[])]),
    ];
    let said = is(Kind::Cycle, &history);
    assert!(said.contains("G-single with real time,"), "{said}");
}

#[test]
fn a_cycle_through_revisions() {
    let history = [
        at(7, did(1, 0, 30, vec![append("a", 1)])),
        at(6, did(2, 0, 30, vec![append("a", 2)])),
        did(3, 40, 50, vec![read("a", &[1, 2])]),
    ];
    let said = is(Kind::Cycle, &history);
    assert!(said.contains("G0 with revisions,"), "{said}");
}

#[test]
fn money_that_comes_or_goes() {
    let balances = |last: i64| {
        let mut all: BTreeMap<String, i64> = (0..7).map(|it| (it.to_string(), 100)).collect();
        all.insert("7".to_owned(), last);
        vec![Step::Balances { all }]
    };
    is_legal(&[did(1, 0, 9, balances(100))]);
    is(Kind::Sum, &[did(1, 0, 9, balances(99))]);
    let mut overdrawn = balances(-1);
    let Step::Balances { all } = &mut overdrawn[0] else {
        unreachable!("it was just made");
    };
    all.insert("0".to_owned(), 201);
    is(Kind::Overdrawn, &[did(1, 0, 9, overdrawn)]);
}

#[test]
fn both_of_two() {
    let pair = |left: Option<&str>, right: Option<&str>| {
        vec![Step::Pair {
            pair: "p".to_owned(),
            left: left.map(str::to_owned),
            right: right.map(str::to_owned),
        }]
    };
    is_legal(&[did(1, 0, 9, pair(Some("x"), None))]);
    is(Kind::Skew, &[did(1, 0, 9, pair(Some("x"), Some("y")))]);
    let posted = |is_left, is_there| {
        let pair = "p".to_owned();
        vec![Step::Posted {
            pair,
            is_left,
            is_there,
        }]
    };
    let both = [
        at(1, did(1, 0, 9, posted(true, true))),
        at(2, did(2, 0, 9, posted(false, true))),
    ];
    is(Kind::Skew, &both);
    let cleared = unknown(did(3, 0, 9, posted(true, false)));
    is_legal(&[&both[..], &[cleared]].concat());
}

#[test]
fn counters_have_bounds() {
    let history = [
        did(1, 0, 9, vec![added(2, Some(2))]),
        unknown(did(2, 0, 9, vec![added(3, None)])),
        aborted(did(3, 0, 9, vec![added(10, None)])),
    ];
    for (value, is_right) in [(1, false), (2, true), (5, true), (6, false), (12, false)] {
        let read = did(4, 20, 29, vec![counted(value)]);
        let found = kinds(&judge(&[&history[..], &[read]].concat()));
        assert_eq!(found.is_empty(), is_right, "{value}: {found:?}");
    }
}

#[test]
fn counters_only_grow() {
    is(
        Kind::Backwards,
        &[
            did(1, 0, 30, vec![added(1, Some(1))]),
            did(2, 0, 30, vec![added(1, Some(1))]),
        ],
    );
    is(
        Kind::Backwards,
        &[
            unknown(did(1, 0, 9, vec![added(1, None)])),
            did(2, 10, 19, vec![counted(1)]),
            did(2, 20, 29, vec![counted(0)]),
        ],
    );
}

#[test]
fn own_writes_are_seen() {
    let bucket = || "own".to_owned();
    let value = |value: Option<&str>| value.map(str::to_owned);
    let key = || "k".to_owned();
    let made = did(1, 0, 1, vec![Step::Made { bucket: bucket() }]);
    let put = |from, it| {
        let step = Step::Put {
            bucket: bucket(),
            key: key(),
            value: value(it),
        };
        did(1, from, from + 1, vec![step])
    };
    let got = |from, it| {
        let step = Step::Got {
            bucket: bucket(),
            key: key(),
            value: value(it),
        };
        did(1, from, from + 1, vec![step])
    };
    let x = Some("x");
    is_legal(&[made.clone(), put(2, x), got(4, x)]);
    is(Kind::OwnWrite, &[made.clone(), put(2, x), got(4, None)]);
    is_legal(&[made.clone(), unknown(put(2, x)), got(4, None), got(6, x)]);
    let back = [made.clone(), unknown(put(2, x)), got(4, x), got(6, None)];
    is(Kind::OwnWrite, &back);
    let dropped = did(1, 4, 5, vec![Step::Dropped { bucket: bucket() }]);
    let again = did(1, 6, 7, vec![Step::Made { bucket: bucket() }]);
    let kept = [made.clone(), put(2, x), dropped.clone(), again, got(8, x)];
    is(Kind::OwnWrite, &kept);
    let gone = did(1, 6, 7, vec![Step::NoBucket { bucket: bucket() }]);
    is_legal(&[made.clone(), dropped, gone.clone()]);
    is(Kind::OwnWrite, &[made, gone]);
}

#[test]
fn a_client_sees_its_own_appends() {
    let history = [
        did(1, 0, 9, vec![append("a", 1)]),
        did(1, 10, 19, vec![read("a", &[])]),
    ];
    let found = kinds(&judge(&history));
    assert!(found.contains(&Kind::OwnWrite), "{found:?}");
}
