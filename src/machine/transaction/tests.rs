//! What a transaction may be, and when a compare holds.

use super::*;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn delete(key: &'static str) -> TxnOp {
    TxnOp::Write(KvCommand::Delete { key: bytes(key) })
}

fn delete_range(start: &'static str, end: Option<&'static str>) -> TxnOp {
    TxnOp::Write(KvCommand::DeleteRange {
        start: bytes(start),
        end: end.map(bytes),
    })
}

fn check(then: &[TxnOp]) -> Result<(), TxnProblem> {
    let transaction = Transaction {
        then: then.to_vec(),
        ..Transaction::default()
    };
    let other_branch = Transaction {
        otherwise: then.to_vec(),
        ..Transaction::default()
    };
    assert_eq!(transaction.check(), other_branch.check());
    transaction.check()
}

fn twice(key: &'static str) -> Result<(), TxnProblem> {
    Err(TxnProblem::WrittenTwice(bytes(key)))
}

#[test]
fn a_branch_writes_a_key_once() {
    assert_eq!(check(&[delete("a"), delete("b")]), Ok(()));
    assert_eq!(check(&[delete("a"), delete("b"), delete("a")]), twice("a"));
    let get = TxnOp::Get { key: bytes("a") };
    assert_eq!(check(&[get.clone(), delete("a"), get]), Ok(()));
    let both = Transaction {
        then: vec![delete("a")],
        otherwise: vec![delete("a")],
        ..Transaction::default()
    };
    assert_eq!(both.check(), Ok(()), "one of them is applied");
}

#[test]
fn a_key_in_a_range_is_written_with_it() {
    let range = delete_range("b", Some("d"));
    assert_eq!(check(&[delete("a"), range.clone(), delete("d")]), Ok(()));
    assert_eq!(check(&[delete("b"), range.clone()]), twice("b"));
    assert_eq!(
        check(&[delete("a"), delete("czz"), range.clone()]),
        twice("czz")
    );
    assert_eq!(check(&[range.clone(), delete_range("d", None)]), Ok(()));
    assert_eq!(check(&[range.clone(), delete_range("c", None)]), twice("c"));
    assert_eq!(check(&[delete_range("", None), range.clone()]), twice("b"));
    assert_eq!(check(&[range.clone(), range.clone()]), twice("b"));
    assert_eq!(check(&[delete_range("", None), delete("z")]), twice("z"));
    assert_eq!(
        check(&[range, delete_range("c", Some("c"))]),
        Ok(()),
        "empty"
    );
}

#[test]
fn a_range_between_two_others_does_not_hide_the_overlap() {
    let wide = delete_range("a", Some("z"));
    let narrow = delete_range("b", Some("c"));
    assert_eq!(check(&[wide, narrow, delete("y")]), twice("b"));
}

#[test]
fn a_compare_asks_what_its_subject_has() {
    let compare = |subject, relation, given| Transaction {
        compares: vec![Compare {
            subject,
            relation,
            given,
        }],
        ..Transaction::default()
    };
    let key = || Subject::Key(bytes("a"));
    let range = || Subject::Range {
        start: bytes("a"),
        end: None,
    };
    let lock = || Subject::Lock(bytes("a"));
    let misfit = Err(TxnProblem::Misfit(0));
    let equal = Relation::Equal;
    assert_eq!(compare(key(), equal, Given::Fence(1)).check(), misfit);
    assert_eq!(compare(key(), equal, Given::Count(1)).check(), misfit);
    assert_eq!(compare(lock(), equal, Given::Version(1)).check(), misfit);
    assert_eq!(compare(range(), equal, Given::Fence(1)).check(), misfit);
    let less = Relation::Less;
    assert_eq!(compare(key(), less, Given::Exists(true)).check(), misfit);
    for good in [
        compare(key(), less, Given::Value(bytes("v"))),
        compare(range(), less, Given::Count(3)),
        compare(lock(), Relation::NotEqual, Given::Fence(0)),
        compare(range(), equal, Given::Exists(false)),
    ] {
        assert_eq!(good.check(), Ok(()), "{good:?}");
    }
}

#[test]
fn too_many_operations_are_counted_together() {
    let mut transaction = Transaction::default();
    let get = || TxnOp::Get { key: bytes("a") };
    transaction.then = (0..TXN_OPS_MAX).map(|_| get()).collect();
    assert_eq!(transaction.check(), Ok(()));
    transaction.otherwise.push(get());
    assert_eq!(
        transaction.check(),
        Err(TxnProblem::TooLong(TXN_OPS_MAX + 1))
    );
}

#[test]
fn what_is_not_there_has_numbers_of_0_and_no_value() {
    let compare = |relation, given| Compare {
        subject: Subject::Key(bytes("a")),
        relation,
        given,
    };
    let gone = |relation, given| compare(relation, given).holds_for(None);
    assert!(gone(Relation::Equal, Given::Version(0)));
    assert!(gone(Relation::Less, Given::Revision(Revision(1))));
    assert!(gone(Relation::Equal, Given::Exists(false)));
    assert!(!gone(Relation::NotEqual, Given::Value(bytes("v"))));
    let expired = Record {
        value: None,
        create_revision: Revision(2),
        revision: Revision(5),
        version: 3,
        expire_at: None,
        delete_at: None,
    };
    let holds = |relation, given| compare(relation, given).holds_for(Some(&expired));
    assert!(holds(Relation::Equal, Given::Exists(true)));
    assert!(!holds(Relation::NotEqual, Given::Value(bytes("v"))));
    assert!(holds(Relation::GreaterOrEqual, Given::Version(3)));
    assert!(holds(
        Relation::NotEqual,
        Given::CreateRevision(Revision(5))
    ));
}
