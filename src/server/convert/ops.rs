//! Batches and transactions: many operations in one request.

use bytes::Bytes;

use super::call::{Call, Kind};
use super::fields::{
    fence, key, lock_name, own, range, request_id, request_ids, set_of, target, timer,
};
use crate::base::{Error, Result, limits};
use crate::kv::{Incr, KvCommand};
use crate::machine::{
    Command, Compare, Given, Op, Relation, Subject, Transaction, TxnOp, TxnProblem,
};
use crate::proto::v1;
use crate::server::service::Operation;

/// Which result an operation gets.
#[derive(Debug, Clone)]
pub(in crate::server) enum OpKind {
    /// With the key, if the previous record was asked for.
    Set(Option<Bytes>),
    Delete,
    Expire,
    Touch,
    Persist,
    Incr,
    Get(Bytes),
}

pub(super) fn batch(request: v1::BatchRequest, value_bytes_max: usize) -> Result<Call> {
    let count = request.ops.len();
    if count == 0 || count > limits::BATCH_OPS_MAX {
        return Err(Error::invalid(format!(
            "the batch has {count} operations; it should have 1 to {}",
            limits::BATCH_OPS_MAX
        )));
    }
    let (shard, bucket) = target(request.target)?;
    let mut ids = request_ids(request.request_id.as_ref(), count)?;
    let fence = request.fence.as_ref().map(fence).transpose()?;
    let mut kinds = Vec::with_capacity(count);
    let mut commands = Vec::with_capacity(count);
    for (at, wire) in request.ops.into_iter().enumerate() {
        let (kind, op) = op(wire, value_bytes_max).map_err(|error| of_operation(at, &error))?;
        let command = match op {
            TxnOp::Write(KvCommand::DeleteRange { .. }) => {
                return Err(no_such_op(at, "a range is deleted by itself"));
            }
            TxnOp::Get { .. } => return Err(no_such_op(at, "keys are read with GetMany")),
            TxnOp::Write(command) => command,
        };
        kinds.push(kind);
        commands.push(Command {
            request: ids.next(),
            fence: fence.clone(),
            op: Op::Kv {
                bucket: bucket.clone(),
                command,
            },
        });
    }
    Ok(Call {
        shard,
        kind: Kind::Batch(kinds),
        operation: Operation::Batch(commands),
    })
}

fn no_such_op(at: usize, instead: &str) -> Error {
    Error::invalid(format!(
        "operation {}: a batch has writes to single keys only; {instead}",
        at + 1
    ))
}

pub(super) fn txn(request: v1::TxnRequest, value_bytes_max: usize) -> Result<Call> {
    let (shard, bucket) = target(request.target)?;
    let length = request.compares.len() + request.then.len() + request.otherwise.len();
    if length > limits::TXN_OPS_MAX {
        return Err(problem(&TxnProblem::TooLong(length)));
    }
    let compares = request.compares.into_iter().enumerate().map(|(at, wire)| {
        compare(wire).map_err(|error| prefixed(&format!("compare {}", at + 1), &error))
    });
    let compares = compares.collect::<Result<_>>()?;
    let (then_kinds, then) = branch(request.then, value_bytes_max)?;
    let (otherwise_kinds, otherwise) = branch(request.otherwise, value_bytes_max)?;
    let transaction = Transaction {
        compares,
        then,
        otherwise,
    };
    transaction.check().map_err(|found| problem(&found))?;
    let command = Command {
        request: request.request_id.as_ref().map(request_id).transpose()?,
        fence: request.fence.as_ref().map(fence).transpose()?,
        op: Op::Transaction {
            bucket,
            transaction,
        },
    };
    Ok(Call {
        shard,
        kind: Kind::Txn {
            then: then_kinds,
            otherwise: otherwise_kinds,
        },
        operation: Operation::Write(command),
    })
}

fn branch(ops: Vec<v1::Op>, value_bytes_max: usize) -> Result<(Vec<OpKind>, Vec<TxnOp>)> {
    let read = |(at, wire)| op(wire, value_bytes_max).map_err(|error| of_operation(at, &error));
    ops.into_iter().enumerate().map(read).collect()
}

fn op(wire: v1::Op, value_bytes_max: usize) -> Result<(OpKind, TxnOp)> {
    use v1::op::Op as Wire;
    let nothing = || Error::invalid("it has no operation that this node knows");
    let (kind, command) = match wire.op.ok_or_else(nothing)? {
        Wire::Set(wire) => {
            let set = set_of(wire, value_bytes_max)?;
            let previous_of = set.return_previous.then(|| set.key.clone());
            (OpKind::Set(previous_of), KvCommand::Set(set))
        }
        Wire::Delete(wire) => (OpKind::Delete, KvCommand::Delete { key: key(&wire)? }),
        Wire::DeleteRange(wire) => {
            let (start, end) = range(&wire)?;
            (OpKind::Delete, KvCommand::DeleteRange { start, end })
        }
        Wire::Expire(wire) => (OpKind::Expire, KvCommand::Expire { key: key(&wire)? }),
        Wire::Touch(wire) => {
            let command = KvCommand::Touch {
                key: key(&wire.key)?,
                expire: timer("expire_in_ms", wire.expire_in_ms)?,
                delete: timer("delete_in_ms", wire.delete_in_ms)?,
            };
            (OpKind::Touch, command)
        }
        Wire::Persist(wire) => (OpKind::Persist, KvCommand::Persist { key: key(&wire)? }),
        Wire::Incr(wire) => (OpKind::Incr, KvCommand::Incr(incr_of(&wire)?)),
        Wire::Get(wire) => {
            let key = key(&wire)?;
            return Ok((OpKind::Get(key.clone()), TxnOp::Get { key }));
        }
    };
    Ok((kind, TxnOp::Write(command)))
}

pub(super) fn incr_of(wire: &v1::IncrOp) -> Result<Incr> {
    Ok(Incr {
        key: key(&wire.key)?,
        by: wire.by,
        expire: timer("expire_in_ms", wire.expire_in_ms)?,
        delete: timer("delete_in_ms", wire.delete_in_ms)?,
    })
}

fn compare(wire: v1::Compare) -> Result<Compare> {
    use v1::compare::{Given as WireGiven, Relation as WireRelation, Subject as WireSubject};
    let relation = match wire.relation() {
        WireRelation::Equal => Relation::Equal,
        WireRelation::NotEqual => Relation::NotEqual,
        WireRelation::Less => Relation::Less,
        WireRelation::LessOrEqual => Relation::LessOrEqual,
        WireRelation::Greater => Relation::Greater,
        WireRelation::GreaterOrEqual => Relation::GreaterOrEqual,
    };
    if WireRelation::try_from(wire.relation).is_err() {
        let number = wire.relation;
        return Err(Error::invalid(format!("there is no relation {number}")));
    }
    let subject = match wire.subject {
        None => return Err(Error::invalid("it names no key, range or lock")),
        Some(WireSubject::Key(wire)) => Subject::Key(key(&wire)?),
        Some(WireSubject::Range(wire)) => {
            let (start, end) = range(&wire)?;
            Subject::Range { start, end }
        }
        Some(WireSubject::Lock(wire)) => Subject::Lock(lock_name(&wire)?),
    };
    use crate::base::types::Revision;
    let given = match wire.given {
        None => return Err(Error::invalid("it gives nothing to compare with")),
        Some(WireGiven::Exists(exists)) => Given::Exists(exists),
        Some(WireGiven::Value(value)) => Given::Value(own(&value)),
        Some(WireGiven::Version(version)) => Given::Version(version),
        Some(WireGiven::CreateRevision(revision)) => Given::CreateRevision(Revision(revision)),
        Some(WireGiven::Revision(revision)) => Given::Revision(Revision(revision)),
        Some(WireGiven::Count(count)) => Given::Count(count),
        Some(WireGiven::Fence(fence)) => Given::Fence(fence),
    };
    Ok(Compare {
        subject,
        relation,
        given,
    })
}

fn problem(found: &TxnProblem) -> Error {
    Error::invalid(match found {
        TxnProblem::TooLong(length) => format!(
            "the transaction has {length} compares and operations; at most {} fit",
            limits::TXN_OPS_MAX
        ),
        TxnProblem::WrittenTwice(key) => format!(
            "the key `{}` is written more than once in one branch: a transaction writes a key once",
            key.escape_ascii()
        ),
        TxnProblem::HasCondition => {
            "a set in a transaction has no condition of its own: put it among the compares"
                .to_owned()
        }
        TxnProblem::Misfit(at) => format!(
            "compare {}: a key has `exists`, `value`, `version`, `create_revision` and \
             `revision`, a range `count` as well, a lock `fence` alone; `exists` is compared \
             with `=` only",
            at + 1
        ),
    })
}

fn of_operation(at: usize, error: &Error) -> Error {
    prefixed(&format!("operation {}", at + 1), error)
}

fn prefixed(place: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("{place}: {error}"))
}
