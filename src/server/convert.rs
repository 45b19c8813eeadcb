//! Wire to domain and back, with every check of shape.

use std::time::Duration;

use bytes::Bytes;

use super::cursor::Cursor;
use super::service::{Answer, Operation, Query, Service, Shard};
use crate::base::time::{MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, OwnerId, RequestId, Revision, ShardId};
use crate::base::{Error, Result, limits};
use crate::kv::{Condition, KvCommand, Record, Set};
use crate::lock::{Lock, LockCommand};
use crate::machine::{Command, Fence, Op, OutcomeKind, ScanPage, ScanQuery};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

/// The shard of a request that names none.
const DEFAULT_SHARD: u32 = 100;

/// Longer keys and values stay slices of the message they came in; shorter ones are
/// copied out, so that keeping one does not keep the whole message.
const COPY_BYTES_MAX: usize = 64 << 10;

/// A request, checked, with what its reply needs to know.
pub(super) struct Call {
    pub(super) shard: ShardId,
    pub(super) kind: Kind,
    pub(super) operation: Operation,
}

/// Which reply a request gets.
pub(super) enum Kind {
    /// With the key, if the previous record was asked for.
    Set(Option<Bytes>),
    Get(Bytes),
    Has,
    Delete,
    Expire,
    Touch,
    Persist,
    Scan,
    Acquire,
    Renew,
    Release,
    Info(Bytes),
    List,
    Revoke,
}

/// Checks a request and says what it asks for.
///
/// # Errors
/// `Invalid` or `LimitExceeded`, saying what is wrong with which field.
pub(super) fn call(request: Request, value_bytes_max: usize) -> Result<Call> {
    match request {
        Request::Set(request) => set(request, value_bytes_max),
        Request::Get(request) => {
            let (shard, bucket) = target(request.target)?;
            let key = key(&request.key)?;
            let query = Query::Get {
                bucket,
                key: key.clone(),
            };
            Ok(Call {
                shard,
                kind: Kind::Get(key),
                operation: Operation::Read(query),
            })
        }
        Request::Has(request) => {
            let (shard, bucket) = target(request.target)?;
            let query = Query::Get {
                bucket,
                key: key(&request.key)?,
            };
            Ok(Call {
                shard,
                kind: Kind::Has,
                operation: Operation::Read(query),
            })
        }
        Request::Delete(request) => delete(request),
        Request::Expire(request) => {
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
        Request::Touch(request) => {
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
        Request::Persist(request) => {
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
        Request::Scan(request) => scan(request),
        Request::Acquire(request) => acquire(request),
        Request::Renew(request) => {
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
        Request::Release(request) => {
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
        Request::Revoke(request) => {
            let command = LockCommand::Revoke;
            lock_write(
                request.target,
                request.request_id,
                &request.name,
                command,
                Kind::Revoke,
            )
        }
        Request::Info(request) => {
            let (shard, _) = target(request.target)?;
            let name = lock_name(&request.name)?;
            let operation = Operation::Read(Query::Lock { name: name.clone() });
            Ok(Call {
                shard,
                kind: Kind::Info(name),
                operation,
            })
        }
        Request::List(request) => list(&request),
    }
}

fn set(request: v1::SetRequest, value_bytes_max: usize) -> Result<Call> {
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

fn delete(request: v1::DeleteRequest) -> Result<Call> {
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

fn scan(request: v1::ScanRequest) -> Result<Call> {
    let (shard, bucket) = target(request.target)?;
    let (start, end) = range(&request.range.unwrap_or_default())?;
    let (at, after) = match &*request.cursor {
        [] => (None, None),
        bytes => {
            let cursor = Cursor::decode(bytes)?;
            (Some(cursor.revision), Some(cursor.after))
        }
    };
    let limit = match usize::try_from(request.limit).unwrap_or(usize::MAX) {
        0 => limits::SCAN_PAGE_RECORDS,
        limit => limit.min(limits::SCAN_PAGE_RECORDS_MAX),
    };
    let query = ScanQuery {
        bucket,
        start,
        end,
        after,
        limit,
        bytes_max: limits::SCAN_PAGE_BYTES,
        keys_only: request.keys_only,
        include_expired: request.include_expired,
        at,
    };
    Ok(Call {
        shard,
        kind: Kind::Scan,
        operation: Operation::Read(Query::Scan(query)),
    })
}

fn acquire(request: v1::AcquireRequest) -> Result<Call> {
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

fn list(request: &v1::ListRequest) -> Result<Call> {
    let (shard, _) = target(request.target.clone())?;
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
        operation: Operation::Read(query),
    })
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
        request: request_id.map(self::request_id).transpose()?,
        fence: fence.map(|fence| self::fence(&fence)).transpose()?,
        op: Op::Kv { bucket, command },
    };
    Ok(Call {
        shard,
        kind,
        operation: Operation::Write(command),
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
        request: request_id.map(self::request_id).transpose()?,
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

fn target(target: Option<v1::Target>) -> Result<(ShardId, String)> {
    let target = target.unwrap_or_default();
    let shard = if target.shard == 0 {
        DEFAULT_SHARD
    } else {
        target.shard
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if target.bucket.len() > limits::BUCKET_BYTES_MAX || !target.bucket.chars().all(legal) {
        return Err(Error::invalid(format!(
            "`{}` is not a bucket name: 1 to {} of letters, digits and `._:-`",
            target.bucket.escape_debug(),
            limits::BUCKET_BYTES_MAX
        )));
    }
    Ok((ShardId(shard), target.bucket))
}

fn key(bytes: &Bytes) -> Result<Bytes> {
    if bytes.is_empty() {
        return Err(Error::invalid(
            "the key is empty: a key has 1 to 4096 bytes",
        ));
    }
    bounded("the key", bytes, limits::KEY_BYTES_MAX)
}

fn lock_name(bytes: &Bytes) -> Result<Bytes> {
    if bytes.is_empty() {
        return Err(Error::invalid(
            "the lock's name is empty: a name has 1 to 4096 bytes",
        ));
    }
    bounded("the lock's name", bytes, limits::LOCK_NAME_BYTES_MAX)
}

fn bounded(what: &str, bytes: &Bytes, bytes_max: usize) -> Result<Bytes> {
    if bytes.len() > bytes_max {
        let length = bytes.len();
        return Err(Error::invalid(format!(
            "{what} is {length} bytes; at most {bytes_max} fit"
        )));
    }
    Ok(own(bytes))
}

fn own(bytes: &Bytes) -> Bytes {
    if bytes.len() <= COPY_BYTES_MAX {
        Bytes::copy_from_slice(bytes)
    } else {
        bytes.clone()
    }
}

fn range(range: &v1::KeyRange) -> Result<(Bytes, Option<Bytes>)> {
    // A bound may be the successor of the longest key, one byte more.
    let start = bounded("the range's start", &range.start, limits::KEY_BYTES_MAX + 1)?;
    let end = bounded("the range's end", &range.end, limits::KEY_BYTES_MAX + 1)?;
    if !end.is_empty() && start > end {
        return Err(Error::invalid("the range's start is after its end"));
    }
    Ok((start, (!end.is_empty()).then_some(end)))
}

fn duration(what: &str, ms: u64) -> Result<u64> {
    if ms > limits::DURATION_MS_MAX {
        return Err(Error::invalid(format!(
            "{what} is {ms} ms, which is longer than 100 years"
        )));
    }
    Ok(ms)
}

fn timer(what: &str, ms: u64) -> Result<Timer> {
    Ok(match duration(what, ms)? {
        0 => Timer::Never,
        ms => Timer::InMs(ms),
    })
}

fn id16(what: &str, bytes: &[u8]) -> Result<[u8; 16]> {
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| Error::invalid(format!("{what} has {length} bytes instead of 16")))
}

fn owner(bytes: &Bytes) -> Result<OwnerId> {
    id16("the owner id", bytes).map(OwnerId)
}

fn request_id(wire: v1::RequestId) -> Result<RequestId> {
    let client = ClientId(id16("request_id.client", &wire.client)?);
    let v1::RequestId {
        sequence,
        acked_below,
        attempt,
        ..
    } = wire;
    if sequence == 0 || acked_below > sequence {
        return Err(Error::invalid(format!(
            "request_id: sequence {sequence} must be at least 1 and at least acked_below \
             ({acked_below})"
        )));
    }
    Ok(RequestId {
        client,
        sequence,
        acked_below,
        attempt,
    })
}

fn fence(wire: &v1::Fence) -> Result<Fence> {
    Ok(Fence {
        name: lock_name(&wire.name)?,
        token: FenceToken(wire.token),
    })
}

/// What every reply begins with.
pub(super) fn header(service: &Service, shard: &Shard, revision: Revision) -> v1::Header {
    v1::Header {
        node: service.node_bytes(),
        shard: shard.id.0,
        identity: shard.identity.clone(),
        revision: revision.0,
        term: 0,
        leader: String::new(),
        local: true,
    }
}

/// The revision a reply's header names.
pub(super) fn revision_of(answer: &Answer) -> Revision {
    match answer {
        Answer::Applied(applied) => applied.outcome.revision,
        Answer::Page(page, _) => page.revision,
        Answer::Deleted(_, revision)
        | Answer::Record(_, _, revision)
        | Answer::Lock(_, _, revision)
        | Answer::Locks(_, _, _, revision) => *revision,
    }
}

/// Writes the reply of a request.
///
/// # Errors
/// `Internal` when the answer does not fit the request: a defect.
pub(super) fn reply(kind: Kind, header: v1::Header, answer: Answer) -> Result<Reply> {
    let header = Some(header);
    match answer {
        Answer::Applied(applied) => applied_reply(kind, header, applied),
        Answer::Deleted(deleted, _) => Ok(Reply::Delete(v1::DeleteReply { header, deleted })),
        Answer::Record(record, now, _) => match kind {
            Kind::Has => Ok(Reply::Has(v1::HasReply {
                header,
                found: record.is_some(),
            })),
            Kind::Get(key) => {
                let live = record.filter(|record| !record.is_expired());
                let record = live.map(|record| wire_record(key, record, now));
                Ok(Reply::Get(v1::GetReply { header, record }))
            }
            _ => Err(misfit()),
        },
        Answer::Page(page, now) => Ok(Reply::Scan(scan_reply(header, page, now))),
        Answer::Lock(lock, now, _) => match kind {
            Kind::Info(name) => {
                let lock = lock.map(|lock| wire_lock(name, &lock, now));
                Ok(Reply::Info(v1::InfoReply { header, lock }))
            }
            _ => Err(misfit()),
        },
        Answer::Locks(locks, more, now, _) => {
            let locks = locks
                .into_iter()
                .map(|(name, lock)| wire_lock(name, &lock, now))
                .collect();
            Ok(Reply::List(v1::ListReply {
                header,
                locks,
                more,
            }))
        }
    }
}

fn applied_reply(
    kind: Kind,
    header: Option<v1::Header>,
    applied: crate::machine::Applied,
) -> Result<Reply> {
    let outcome = applied.outcome;
    let is = |wanted: OutcomeKind| outcome.kind == wanted;
    Ok(match kind {
        Kind::Set(key) => Reply::Set(v1::SetReply {
            header,
            written: is(OutcomeKind::Written),
            previous_unavailable: key.is_some() && applied.repeated,
            previous: applied
                .previous
                .map(|record| wire_record(key.unwrap_or_default(), record, MachineTime(0))),
        }),
        Kind::Delete => Reply::Delete(v1::DeleteReply {
            header,
            deleted: outcome.count,
        }),
        Kind::Expire => Reply::Expire(v1::ExpireReply {
            header,
            expired: is(OutcomeKind::Expired),
        }),
        Kind::Touch => Reply::Touch(v1::TouchReply {
            header,
            touched: is(OutcomeKind::Touched),
        }),
        Kind::Persist => {
            let persisted = is(OutcomeKind::Persisted);
            Reply::Persist(v1::PersistReply { header, persisted })
        }
        Kind::Acquire => {
            let acquired = is(OutcomeKind::Granted);
            let fence = if acquired { outcome.count } else { 0 };
            Reply::Acquire(v1::AcquireReply {
                header,
                acquired,
                fence,
            })
        }
        Kind::Renew => {
            let renewed = is(OutcomeKind::Renewed);
            let fence = if renewed { outcome.count } else { 0 };
            Reply::Renew(v1::RenewReply {
                header,
                renewed,
                fence,
            })
        }
        Kind::Release => {
            let released = is(OutcomeKind::Released);
            Reply::Release(v1::ReleaseReply { header, released })
        }
        Kind::Revoke => Reply::Revoke(v1::RevokeReply {
            header,
            revoked: is(OutcomeKind::Revoked),
        }),
        Kind::Get(_) | Kind::Has | Kind::Scan | Kind::Info(_) | Kind::List => return Err(misfit()),
    })
}

fn misfit() -> Error {
    Error::internal("an answer does not fit its request")
}

fn scan_reply(header: Option<v1::Header>, page: ScanPage, now: MachineTime) -> v1::ScanReply {
    let cursor = match page.records.last() {
        Some((last, _)) if page.more => Cursor {
            revision: page.revision,
            after: last.clone(),
        }
        .encode(),
        _ => Bytes::new(),
    };
    let records = page
        .records
        .into_iter()
        .map(|(key, record)| wire_record(key, record, now))
        .collect();
    v1::ScanReply {
        header,
        records,
        cursor,
    }
}

fn wire_record(key: Bytes, record: Record, now: MachineTime) -> v1::Record {
    let remaining = |at: Option<MachineTime>| at.map(|at| at.since_ms(now));
    v1::Record {
        key,
        expired: record.is_expired(),
        revision: record.revision.0,
        create_revision: record.create_revision.0,
        version: record.version,
        expire_in_ms: remaining(record.expire_at.filter(|_| record.value.is_some())),
        delete_in_ms: remaining(record.delete_at),
        value: record.value.unwrap_or_default(),
    }
}

fn wire_lock(name: Bytes, lock: &Lock, now: MachineTime) -> v1::LockInfo {
    v1::LockInfo {
        name,
        owner: Bytes::copy_from_slice(&lock.owner.0),
        fence: lock.fence.0,
        age_ms: now.since_ms(lock.granted_at),
        remaining_ms: lock
            .claim_by
            .or(lock.lease_until)
            .map(|until| until.since_ms(now)),
        waiters: lock.queue.len() as u64,
    }
}
