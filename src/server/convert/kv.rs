//! Requests about keys.

use bytes::Bytes;

use super::call::{Call, Kind};
use super::fields::{consistency, fence, key, own, range, request_id, target, timer};
use super::past;
use crate::base::time::Timer;
use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::kv::{Condition, KvCommand, Set};
use crate::machine::{Command, Op};
use crate::proto::v1;
use crate::server::service::{At, Operation, Query};

pub(super) fn get(request: v1::GetRequest) -> Result<Call> {
    let key = key(&request.key)?;
    let at = past::at(request.at)?;
    look(request.target, key.clone(), at, Kind::Get(key))
}

pub(super) fn has(request: v1::HasRequest) -> Result<Call> {
    look(request.target, key(&request.key)?, None, Kind::Has)
}

fn look(wire_target: Option<v1::Target>, key: Bytes, at: Option<At>, kind: Kind) -> Result<Call> {
    let consistency = consistency(wire_target.as_ref());
    let (shard, bucket) = target(wire_target)?;
    let operation = Operation::Read(Query::Get { bucket, key, at }, consistency);
    Ok(Call {
        shard,
        kind,
        operation,
    })
}

pub(super) fn set(request: v1::SetRequest, value_bytes_max: usize) -> Result<Call> {
    if request.value.len() > value_bytes_max {
        return Err(Error::limit_exceeded(format!(
            "the value is {} bytes; at most {value_bytes_max} are allowed (--max-value-size)",
            request.value.len()
        )));
    }
    let expire = timer("expire_in_ms", request.expire_in_ms)?;
    let delete = timer("delete_in_ms", request.delete_in_ms)?;
    if request.keep_timers && (expire, delete) != (Timer::Never, Timer::Never) {
        return Err(Error::invalid(
            "keep_timers keeps the timers the key has: leave expire_in and delete_in away",
        ));
    }
    let key = key(&request.key)?;
    let previous_of = request.return_previous.then(|| key.clone());
    let command = KvCommand::Set(Set {
        key,
        value: own(&request.value),
        expire,
        delete,
        keep_timers: request.keep_timers,
        condition: condition(request.condition)?,
        return_previous: request.return_previous,
    });
    write(
        request.target,
        request.request_id,
        request.fence,
        command,
        Kind::Set(previous_of),
    )
}

fn condition(condition: Option<v1::Condition>) -> Result<Option<Condition>> {
    let Some(kind) = condition.and_then(|condition| condition.kind) else {
        return Ok(None);
    };
    use v1::condition::Kind as Wire;
    match kind {
        Wire::Absent(true) => Ok(Some(Condition::Absent)),
        Wire::Present(true) => Ok(Some(Condition::Present)),
        Wire::Absent(false) | Wire::Present(false) => Err(Error::invalid(
            "a condition `absent` or `present` is true or left away",
        )),
        Wire::Revision(revision) => Ok(Some(Condition::Revision(Revision(revision)))),
        Wire::Value(value) => Ok(Some(Condition::Value(own(&value)))),
    }
}

pub(super) fn delete(request: v1::DeleteRequest) -> Result<Call> {
    use v1::delete_request::What;
    match request.what {
        None => Err(Error::invalid("delete needs a key or a range")),
        Some(What::Key(bytes)) => {
            let command = KvCommand::Delete { key: key(&bytes)? };
            write(
                request.target,
                request.request_id,
                request.fence,
                command,
                Kind::Delete,
            )
        }
        Some(What::Range(range)) => {
            let (start, end) = self::range(&range)?;
            let command = KvCommand::DeleteRange { start, end };
            let fence = request.fence;
            let call = write(
                request.target,
                request.request_id,
                fence,
                command,
                Kind::Delete,
            )?;
            let Operation::Write(command) = call.operation else {
                return Ok(call);
            };
            Ok(Call {
                operation: Operation::DeleteRange(command),
                ..call
            })
        }
    }
}

pub(super) fn expire(request: v1::ExpireRequest) -> Result<Call> {
    let command = KvCommand::Expire {
        key: key(&request.key)?,
    };
    write(
        request.target,
        request.request_id,
        request.fence,
        command,
        Kind::Expire,
    )
}

pub(super) fn touch(request: v1::TouchRequest) -> Result<Call> {
    let command = KvCommand::Touch {
        key: key(&request.key)?,
        expire: timer("expire_in_ms", request.expire_in_ms)?,
        delete: timer("delete_in_ms", request.delete_in_ms)?,
    };
    write(
        request.target,
        request.request_id,
        request.fence,
        command,
        Kind::Touch,
    )
}

pub(super) fn persist(request: v1::PersistRequest) -> Result<Call> {
    let command = KvCommand::Persist {
        key: key(&request.key)?,
    };
    write(
        request.target,
        request.request_id,
        request.fence,
        command,
        Kind::Persist,
    )
}

fn write(
    wire_target: Option<v1::Target>,
    request_id: Option<v1::RequestId>,
    fence: Option<v1::Fence>,
    command: KvCommand,
    kind: Kind,
) -> Result<Call> {
    let (shard, bucket) = target(wire_target)?;
    let command = Command {
        request: request_id.map(|wire| self::request_id(&wire)).transpose()?,
        fence: fence.map(|fence| self::fence(&fence)).transpose()?,
        op: Op::Kv { bucket, command },
    };
    Ok(Call {
        shard,
        kind,
        operation: Operation::Write(command),
    })
}
