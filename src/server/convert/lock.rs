//! Requests about locks.

use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Kind};
use super::fields::{bounded, consistency, duration, lock_name, owner, request_id, target, timer};
use crate::base::time::Timer;
use crate::base::{Result, limits};
use crate::lock::LockCommand;
use crate::machine::{Command, Op};
use crate::proto::v1;
use crate::server::service::{Operation, Query};

pub(super) fn acquire(request: v1::AcquireRequest) -> Result<Call> {
    let owner = owner(&request.owner)?;
    let ttl_ms = duration("ttl_ms", request.ttl_ms)?;
    let wait = timer("wait_ms", request.wait_ms)?;
    let command = LockCommand::Acquire {
        owner,
        ttl_ms,
        wait,
    };
    let target = request.target;
    let call = lock_write(
        target,
        request.request_id,
        &request.name,
        command,
        Kind::Acquire,
    )?;
    match call.operation {
        Operation::Write(command) if wait != Timer::Never => {
            let wait = Duration::from_millis(request.wait_ms);
            Ok(Call {
                operation: Operation::AcquireWaiting(command, wait),
                ..call
            })
        }
        _ => Ok(call),
    }
}

pub(super) fn renew(request: v1::RenewRequest) -> Result<Call> {
    let owner = owner(&request.owner)?;
    let ttl_ms = duration("ttl_ms", request.ttl_ms)?;
    let command = LockCommand::Renew { owner, ttl_ms };
    lock_write(
        request.target,
        request.request_id,
        &request.name,
        command,
        Kind::Renew,
    )
}

pub(super) fn release(request: v1::ReleaseRequest) -> Result<Call> {
    let command = LockCommand::Release {
        owner: owner(&request.owner)?,
    };
    lock_write(
        request.target,
        request.request_id,
        &request.name,
        command,
        Kind::Release,
    )
}

pub(super) fn revoke(request: v1::RevokeRequest) -> Result<Call> {
    let command = LockCommand::Revoke;
    lock_write(
        request.target,
        request.request_id,
        &request.name,
        command,
        Kind::Revoke,
    )
}

pub(super) fn info(request: v1::InfoRequest) -> Result<Call> {
    let consistency = consistency(request.target.as_ref());
    let (shard, _) = target(request.target)?;
    let name = lock_name(&request.name)?;
    let operation = Operation::Read(Query::Lock { name: name.clone() }, consistency);
    Ok(Call {
        shard,
        kind: Kind::Info(name),
        operation,
    })
}

pub(super) fn list(request: v1::ListRequest) -> Result<Call> {
    let consistency = consistency(request.target.as_ref());
    let (shard, _) = target(request.target)?;
    let limit = match usize::try_from(request.limit).unwrap_or(usize::MAX) {
        0 => limits::LOCK_LIST_PAGE,
        limit => limit.min(limits::SCAN_PAGE_RECORDS_MAX),
    };
    let query = Query::Locks {
        prefix: bounded("the prefix", &request.prefix, limits::LOCK_NAME_BYTES_MAX)?,
        after: bounded("after", &request.after, limits::LOCK_NAME_BYTES_MAX)?,
        limit,
    };
    Ok(Call {
        shard,
        kind: Kind::List,
        operation: Operation::Read(query, consistency),
    })
}

fn lock_write(
    wire_target: Option<v1::Target>,
    request_id: Option<v1::RequestId>,
    name: &Bytes,
    command: LockCommand,
    kind: Kind,
) -> Result<Call> {
    let (shard, _) = target(wire_target)?;
    let command = Command {
        request: request_id.map(|wire| self::request_id(&wire)).transpose()?,
        fence: None,
        op: Op::Lock {
            name: lock_name(name)?,
            command,
        },
    };
    Ok(Call {
        shard,
        kind,
        operation: Operation::Write(command),
    })
}
