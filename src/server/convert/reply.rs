//! Answers, as the wire says them.

use std::sync::Arc;

use bytes::Bytes;

use super::call::Kind;
use super::results;
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::kv::Record;
use crate::lock::Lock;
use crate::machine::{Applied, Changes, Event, EventKind, OutcomeKind, ScanPage};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::server::cursor::{Cursor, Origin};
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
fn revision_of(answer: &Answer) -> Revision {
    match answer {
        Answer::Applied(applied) => applied.outcome.revision,
        Answer::Page(page, _) => page.revision,
        Answer::Record(_, _, revision)
        | Answer::Records(_, _, revision)
        | Answer::Changes(_, _, revision)
        | Answer::Batch(_, revision)
        | Answer::Buckets(_, _, revision)
        | Answer::Lock(_, _, revision)
        | Answer::Locks(_, _, _, revision) => *revision,
    }
}

/// Writes the reply of a request.
///
/// # Errors
/// `Internal` when the answer does not fit the request: a defect.
pub(in crate::server) fn reply(
    service: &Service,
    shard: &Shard,
    kind: Kind,
    consistency: Consistency,
    answer: Answer,
) -> Result<Reply> {
    let revision = revision_of(&answer);
    let header = Some(header(service, shard, revision, consistency));
    // Asked only by whoever has a record with timers to tell of.
    let now = || shard.store.now();
    match answer {
        Answer::Applied(applied) => applied_reply(kind, header, applied, &now),
        Answer::Batch(outcomes, _) => match kind {
            Kind::Batch(kinds) => Ok(Reply::Batch(v1::BatchReply {
                header,
                results: results::batch(&kinds, outcomes, &now)?,
            })),
            _ => Err(misfit()),
        },
        Answer::Buckets(buckets, more, _) => Ok(Reply::ListBuckets(v1::ListBucketsReply {
            header,
            buckets: buckets.into_iter().map(results::bucket).collect(),
            more,
        })),
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
        Answer::Records(records, now, _) => match kind {
            Kind::GetMany(keys) => Ok(Reply::GetMany(get_many_reply(header, keys, records, now))),
            _ => Err(misfit()),
        },
        Answer::Changes(changes, now, _) => match kind {
            Kind::History(key) => Ok(Reply::History(history_reply(header, &key, &changes, now))),
            _ => Err(misfit()),
        },
        Answer::Page(page, now) => match kind {
            Kind::Scan(origin) => Ok(Reply::Scan(scan_reply(header, origin, page, now))),
            _ => Err(misfit()),
        },
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
    applied: Applied,
    now: &dyn Fn() -> MachineTime,
) -> Result<Reply> {
    let outcome = applied.outcome;
    let is = |wanted: OutcomeKind| outcome.kind == wanted;
    Ok(match kind {
        Kind::Set(key) => Reply::Set(v1::SetReply {
            header,
            written: is(OutcomeKind::Written),
            version: outcome.count,
            previous_unavailable: key.is_some() && applied.repeated,
            previous: applied
                .previous
                .map(|record| wire_record(key.unwrap_or_default(), record, now())),
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
        Kind::Incr => Reply::Incr(v1::IncrReply {
            header,
            value: outcome.count.cast_signed(),
        }),
        other => return more_applied_reply(other, header, applied, now),
    })
}

/// Of transactions, buckets and locks.
fn more_applied_reply(
    kind: Kind,
    header: Option<v1::Header>,
    applied: Applied,
    now: &dyn Fn() -> MachineTime,
) -> Result<Reply> {
    let outcome = applied.outcome;
    let is = |wanted: OutcomeKind| outcome.kind == wanted;
    Ok(match kind {
        Kind::Txn { then, otherwise } => {
            let succeeded = is(OutcomeKind::Succeeded);
            let kinds = if succeeded { then } else { otherwise };
            Reply::Txn(v1::TxnReply {
                header,
                succeeded,
                results_unavailable: applied.repeated && !kinds.is_empty(),
                results: results::txn(&kinds, applied, now)?,
            })
        }
        Kind::CreateBucket => Reply::CreateBucket(v1::CreateBucketReply {
            header,
            created: is(OutcomeKind::BucketCreated),
        }),
        Kind::UpdateBucket => Reply::UpdateBucket(v1::UpdateBucketReply {
            header,
            updated: is(OutcomeKind::BucketUpdated),
        }),
        Kind::DropBucket => Reply::DropBucket(v1::DropBucketReply {
            header,
            dropped: is(OutcomeKind::BucketDropped),
            deleted: outcome.count,
        }),
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
        _ => return Err(misfit()),
    })
}

pub(super) fn misfit() -> Error {
    Error::internal("an answer does not fit its request")
}

fn scan_reply(
    header: Option<v1::Header>,
    origin: Origin,
    page: ScanPage,
    now: MachineTime,
) -> v1::ScanReply {
    let cursor = if page.more {
        let (revision, after) = (page.revision, page.last);
        Cursor {
            origin,
            revision,
            after,
        }
        .encode()
    } else {
        Bytes::new()
    };
    let records = page.records.into_iter();
    v1::ScanReply {
        header,
        records: records
            .map(|(key, record)| wire_record(key, record, now))
            .collect(),
        cursor,
        count: page.count as u64,
    }
}

fn get_many_reply(
    header: Option<v1::Header>,
    keys: Vec<Bytes>,
    records: Vec<Option<Record>>,
    now: MachineTime,
) -> v1::GetManyReply {
    let found = keys.into_iter().zip(records).map(|(key, record)| {
        let live = record.filter(|record| !record.is_expired());
        v1::Found {
            record: live.map(|record| wire_record(key, record, now)),
        }
    });
    v1::GetManyReply {
        header,
        found: found.collect(),
    }
}

fn history_reply(
    header: Option<v1::Header>,
    key: &Bytes,
    changes: &Changes,
    now: MachineTime,
) -> v1::HistoryReply {
    let change = |event: &Arc<Event>| v1::Change {
        revision: event.revision.0,
        kind: event_kind(event.kind).into(),
        age_ms: now.since_ms(event.now),
        record: event
            .record
            .clone()
            .map(|record| wire_record(key.clone(), record, now)),
    };
    v1::HistoryReply {
        header,
        changes: changes.events.iter().map(change).collect(),
        more: changes.more,
        floor: changes.floor.0,
    }
}

fn event_kind(kind: EventKind) -> v1::EventKind {
    match kind {
        EventKind::Set => v1::EventKind::Set,
        EventKind::Delete => v1::EventKind::Delete,
        EventKind::Expire => v1::EventKind::Expire,
        EventKind::Touch => v1::EventKind::Touch,
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
