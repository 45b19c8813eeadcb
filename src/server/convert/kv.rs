//! Requests about keys.

use bytes::Bytes;

use super::call::{Call, Kind};
use super::fields::{consistency, fence, key, range, request_id, set_of, target, timer};
use super::ops::incr_of;
use super::past;
use crate::base::{Error, Result};
use crate::kv::KvCommand;
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
    let op = v1::SetOp {
        key: request.key,
        value: request.value,
        expire_in_ms: request.expire_in_ms,
        delete_in_ms: request.delete_in_ms,
        keep_timers: request.keep_timers,
        condition: request.condition,
        return_previous: request.return_previous,
    };
    let set = set_of(op, value_bytes_max)?;
    let previous_of = set.return_previous.then(|| set.key.clone());
    write(
        request.target,
        request.request_id,
        request.fence,
        KvCommand::Set(set),
        Kind::Set(previous_of),
    )
}

pub(super) fn incr(request: v1::IncrRequest) -> Result<Call> {
    let op = v1::IncrOp {
        key: request.key,
        by: request.by,
        expire_in_ms: request.expire_in_ms,
        delete_in_ms: request.delete_in_ms,
    };
    let command = KvCommand::Incr(incr_of(&op)?);
    write(
        request.target,
        request.request_id,
        request.fence,
        command,
        Kind::Incr,
    )
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
                operation: Operation::WriteInPieces(command),
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
