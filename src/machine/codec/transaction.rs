//! Transactions in log entries.

use bytes::Bytes;

use super::entry::{BOUND_BYTES_MAX, ms, read_set, store_set, timer};
use super::{CodecError, Result, at_most, bounded, read_bucket, read_key, read_name, read_value};
use crate::base::limits::TXN_OPS_MAX;
use crate::base::types::Revision;
use crate::kv::{Incr, KvCommand};
use crate::machine::command::Op;
use crate::machine::transaction::{Compare, Given, Relation, Subject, Transaction, TxnOp};
use crate::proto::storage;
use crate::proto::storage::compare::{Given as StoredGiven, Subject as StoredSubject};
use crate::proto::storage::txn_op::Op as StoredTxnOp;

pub(super) fn store_transaction(bucket: String, transaction: &Transaction) -> storage::Txn {
    storage::Txn {
        bucket,
        compares: transaction.compares.iter().map(store_compare).collect(),
        then: transaction.then.iter().map(store_op).collect(),
        otherwise: transaction.otherwise.iter().map(store_op).collect(),
    }
}

pub(super) fn read_transaction(stored: storage::Txn) -> Result<Op> {
    let length = stored.compares.len() + stored.then.len() + stored.otherwise.len();
    at_most("parts of a transaction", length, TXN_OPS_MAX)?;
    let transaction = Transaction {
        compares: all(stored.compares, read_compare)?,
        then: all(stored.then, read_op)?,
        otherwise: all(stored.otherwise, read_op)?,
    };
    if transaction.check().is_err() {
        let what = "a transaction that its own rules forbid";
        return Err(CodecError::Impossible { what });
    }
    let bucket = read_bucket(stored.bucket)?;
    Ok(Op::Transaction {
        bucket,
        transaction,
    })
}

fn all<T, U>(stored: Vec<T>, read: fn(T) -> Result<U>) -> Result<Vec<U>> {
    stored.into_iter().map(read).collect()
}

pub(super) fn store_incr(bucket: String, incr: &Incr) -> storage::Incr {
    storage::Incr {
        bucket,
        key: incr.key.clone(),
        by: incr.by,
        expire_at_ms: ms(incr.expire),
        delete_at_ms: ms(incr.delete),
    }
}

pub(super) fn read_incr(stored: storage::Incr) -> Result<KvCommand> {
    Ok(KvCommand::Incr(Incr {
        key: read_key(stored.key)?,
        by: stored.by,
        expire: timer(stored.expire_at_ms),
        delete: timer(stored.delete_at_ms),
    }))
}

fn store_op(op: &TxnOp) -> storage::TxnOp {
    let bucket = String::new();
    let op = match op {
        TxnOp::Get { key } => StoredTxnOp::Get(key.clone()),
        TxnOp::Write(command) => match command.clone() {
            KvCommand::Set(set) => StoredTxnOp::Set(store_set(bucket, set)),
            KvCommand::Delete { key } => StoredTxnOp::Delete(key),
            KvCommand::DeleteRange { start, end } => {
                StoredTxnOp::DeleteRange(storage::KeyRange { start, end })
            }
            KvCommand::Expire { key } => StoredTxnOp::Expire(key),
            KvCommand::Touch {
                key,
                expire,
                delete,
            } => StoredTxnOp::Touch(storage::Touch {
                bucket,
                key,
                expire_at_ms: ms(expire),
                delete_at_ms: ms(delete),
            }),
            KvCommand::Persist { key } => StoredTxnOp::Persist(key),
            KvCommand::Incr(incr) => StoredTxnOp::Incr(store_incr(bucket, &incr)),
        },
    };
    storage::TxnOp { op: Some(op) }
}

fn read_op(stored: storage::TxnOp) -> Result<TxnOp> {
    let unknown = CodecError::Unknown {
        what: "operation of a transaction",
    };
    let command = match stored.op.ok_or(unknown)? {
        StoredTxnOp::Get(key) => {
            let key = read_key(key)?;
            return Ok(TxnOp::Get { key });
        }
        StoredTxnOp::Set(set) => KvCommand::Set(read_set(set)?),
        StoredTxnOp::Delete(key) => KvCommand::Delete {
            key: read_key(key)?,
        },
        StoredTxnOp::DeleteRange(range) => {
            let (start, end) = read_range(range)?;
            KvCommand::DeleteRange { start, end }
        }
        StoredTxnOp::Expire(key) => KvCommand::Expire {
            key: read_key(key)?,
        },
        StoredTxnOp::Touch(touch) => KvCommand::Touch {
            key: read_key(touch.key)?,
            expire: timer(touch.expire_at_ms),
            delete: timer(touch.delete_at_ms),
        },
        StoredTxnOp::Persist(key) => KvCommand::Persist {
            key: read_key(key)?,
        },
        StoredTxnOp::Incr(incr) => read_incr(incr)?,
    };
    Ok(TxnOp::Write(command))
}

fn read_range(range: storage::KeyRange) -> Result<(Bytes, Option<Bytes>)> {
    let start = bounded("range start", range.start, 0, BOUND_BYTES_MAX)?;
    let end = range
        .end
        .map(|end| bounded("range end", end, 0, BOUND_BYTES_MAX));
    Ok((start, end.transpose()?))
}

fn store_compare(compare: &Compare) -> storage::Compare {
    let subject = match compare.subject.clone() {
        Subject::Key(key) => StoredSubject::Key(key),
        Subject::Range { start, end } => StoredSubject::Range(storage::KeyRange { start, end }),
        Subject::Lock(name) => StoredSubject::Lock(name),
    };
    let given = match compare.given.clone() {
        Given::Exists(exists) => StoredGiven::Exists(exists),
        Given::Value(value) => StoredGiven::Value(value),
        Given::Version(version) => StoredGiven::Version(version),
        Given::CreateRevision(revision) => StoredGiven::CreateRevision(revision.0),
        Given::Revision(revision) => StoredGiven::Revision(revision.0),
        Given::Count(count) => StoredGiven::Count(count),
        Given::Fence(fence) => StoredGiven::Fence(fence),
    };
    storage::Compare {
        subject: Some(subject),
        relation: compare.relation as u32,
        given: Some(given),
    }
}

fn read_compare(stored: storage::Compare) -> Result<Compare> {
    let unknown = |what| CodecError::Unknown { what };
    let subject = match stored.subject.ok_or(unknown("subject of a compare"))? {
        StoredSubject::Key(key) => Subject::Key(read_key(key)?),
        StoredSubject::Range(range) => {
            let (start, end) = read_range(range)?;
            Subject::Range { start, end }
        }
        StoredSubject::Lock(name) => Subject::Lock(read_name(name)?),
    };
    let relation = Relation::ALL
        .into_iter()
        .find(|relation| *relation as u32 == stored.relation)
        .ok_or(unknown("relation of a compare"))?;
    let given = match stored.given.ok_or(unknown("compare"))? {
        StoredGiven::Exists(exists) => Given::Exists(exists),
        StoredGiven::Value(value) => Given::Value(read_value(value)?),
        StoredGiven::Version(version) => Given::Version(version),
        StoredGiven::CreateRevision(revision) => Given::CreateRevision(Revision(revision)),
        StoredGiven::Revision(revision) => Given::Revision(Revision(revision)),
        StoredGiven::Count(count) => Given::Count(count),
        StoredGiven::Fence(fence) => Given::Fence(fence),
    };
    Ok(Compare {
        subject,
        relation,
        given,
    })
}
