//! Random transactions. What is compared with is mostly what is there, or next to it, so
//! that every relation both holds and does not.

use bytes::Bytes;

use super::super::model::Model;
use super::{Dice, VALUES, kv};
use crate::base::types::Revision;
use crate::kv::{KvCommand, Record, Set};
use crate::machine::{Compare, Given, Relation, Subject, Transaction, TxnOp};

/// A transaction that can be.
pub(super) fn transaction(dice: &mut Dice, model: &Model, bucket: &str) -> Transaction {
    let compares = dice.one_of(&[0, 1, 1, 2, 2, 3]);
    let compares = (0..compares)
        .map(|_| compare(dice, model, bucket))
        .collect();
    let transaction = Transaction {
        compares,
        then: branch(dice, model),
        otherwise: branch(dice, model),
    };
    transaction.check().unwrap();
    transaction
}

/// Operations, without those that would write a key a second time.
fn branch(dice: &mut Dice, model: &Model) -> Vec<TxnOp> {
    let mut branch = Transaction::default();
    for _ in 0..dice.roll(5) {
        branch.then.push(op(dice, model));
        if branch.check().is_err() {
            branch.then.pop();
        }
    }
    branch.then
}

fn op(dice: &mut Dice, model: &Model) -> TxnOp {
    if dice.one_in(4) {
        let key = dice.word("abcdef");
        return TxnOp::Get { key };
    }
    TxnOp::Write(match kv(dice, model) {
        KvCommand::Set(set) => KvCommand::Set(Set {
            condition: None,
            ..set
        }),
        KvCommand::DeleteRange { start, .. } if start.is_empty() => KvCommand::DeleteRange {
            start,
            end: Some(dice.word("abc")),
        },
        other => other,
    })
}

fn compare(dice: &mut Dice, model: &Model, bucket: &str) -> Compare {
    let relation = dice.one_of(&Relation::ALL);
    let subject = match dice.roll(6) {
        0 => Subject::Lock(dice.word("xy")),
        1 | 2 => {
            let start = dice.word("abcdef");
            // Often of one key: a relation rarely holds for many, or for none of them.
            let end = match dice.roll(4) {
                0 => None,
                1 => Some(dice.word("bcdefg")),
                _ => Some([&start[..], b"0"].concat().into()),
            };
            Subject::Range { start, end }
        }
        _ => Subject::Key(dice.word("abcdef")),
    };
    let given = match &subject {
        Subject::Lock(name) => {
            let held = model.locks.get(name).map_or(0, |lock| lock.fence.0);
            Given::Fence(near(dice, held))
        }
        Subject::Range { .. } if dice.one_in(4) => Given::Count(dice.roll(5)),
        Subject::Range { start: key, .. } | Subject::Key(key) => of_key(dice, model, bucket, key),
    };
    let relation = match given {
        Given::Exists(_) => Relation::Equal,
        _ => relation,
    };
    Compare {
        subject,
        relation,
        given,
    }
}

fn near(dice: &mut Dice, number: u64) -> u64 {
    match dice.roll(6) {
        0 | 1 => number + 1,
        2 | 3 => number.saturating_sub(1),
        _ => number,
    }
}

/// What a key has, or almost.
fn of_key(dice: &mut Dice, model: &Model, bucket: &str, key: &Bytes) -> Given {
    let place = (bucket.len(), bucket.to_owned(), key.clone());
    let found = model.keys.get(&place);
    let number = |of: fn(&Record) -> u64| found.map_or(0, of);
    match dice.roll(5) {
        0 => Given::Exists(dice.one_in(2)),
        1 => Given::Value(dice.word(VALUES)),
        2 => Given::Version(near(dice, number(|record| record.version))),
        3 => {
            let created = number(|record| record.create_revision.0);
            Given::CreateRevision(Revision(near(dice, created)))
        }
        _ => Given::Revision(Revision(near(dice, number(|record| record.revision.0)))),
    }
}
