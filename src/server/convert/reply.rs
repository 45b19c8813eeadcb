//! Answers, as the wire says them.

use bytes::Bytes;

use super::call::Kind;
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::kv::Record;
use crate::lock::Lock;
use crate::machine::{Applied, OutcomeKind, ScanPage};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::server::cursor::Cursor;
use crate::server::service::{Answer, Consistency, Service, Shard};

/// What every reply begins with.
pub(in crate::server) fn header(
    service: &Service,
    shard: &Shard,
    revision: Revision,
    consistency: Consistency,
) -> v1::Header {
    let lead = shard.store.lead();
    let replicated = shard.store.replicated();
    let stale = replicated.filter(|_| consistency == Consistency::Stale);
    v1::Header {
        node: service.node_bytes(),
        shard: shard.id.0,
        identity: shard.identity.clone(),
        revision: revision.0,
        term: lead.term,
        leader: lead.address,
        local: replicated.is_none(),
        stale: stale.is_some(),
        age_ms: stale.and_then(|shard| {
            let age = shard.age()?;
            Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
        }),
    }
}

/// The revision a reply's header names.
pub(in crate::server) fn revision_of(answer: &Answer) -> Revision {
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
pub(in crate::server) fn reply(kind: Kind, header: v1::Header, answer: Answer) -> Result<Reply> {
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

fn applied_reply(kind: Kind, header: Option<v1::Header>, applied: Applied) -> Result<Reply> {
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
    let records: Vec<_> = page
        .records
        .into_iter()
        .map(|(key, record)| wire_record(key, record, now))
        .collect();
    v1::ScanReply {
        header,
        count: records.len() as u64,
        records,
        cursor,
    }
}

pub(super) fn wire_record(key: Bytes, record: Record, now: MachineTime) -> v1::Record {
    let remaining = |at: Option<MachineTime>| at.map(|at| at.remaining_ms(now));
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
            .map(|until| until.remaining_ms(now)),
        waiters: lock.queue.len() as u64,
    }
}
