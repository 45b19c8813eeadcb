//! Reading what a shard has applied: a page at a time, so that no reader keeps writers
//! waiting for long.

use super::operation::{Answer, At, Query};
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::machine::{Machine, query};
use crate::store::Store;

/// Answers a query.
///
/// # Errors
/// `NotFound` for a bucket, `Invalid` or `Compacted` for a revision or moment,
/// `LimitExceeded` for what does not fit in an answer.
pub(super) fn read(store: &Store, query: Query) -> Result<Answer> {
    match query {
        Query::Get { bucket, key, at } => {
            let moment = moment(store, at);
            let (record, revision) = store.read(|machine| {
                let at = moment.revision(machine, &bucket)?;
                let record = machine.get(&bucket, &key, at)?;
                Ok::<_, Error>((record, revision_of(machine, at)))
            })?;
            let timed = record.iter().any(|record| record.due_at().is_some());
            let now = if timed { store.now() } else { MachineTime(0) };
            Ok(Answer::Record(record, now, revision))
        }
        Query::GetMany { bucket, keys, at } => {
            let moment = moment(store, at);
            let (records, revision) = store.read(|machine| {
                let at = moment.revision(machine, &bucket)?;
                let records = machine.get_many(&bucket, &keys, at)?;
                Ok::<_, Error>((records, revision_of(machine, at)))
            })?;
            Ok(Answer::Records(records, store.now(), revision))
        }
        Query::Scan { mut query, at } => {
            let moment = moment(store, at);
            let page = store.read(|machine| {
                query.at = moment.revision(machine, &query.bucket)?;
                machine.scan(&query)
            })?;
            Ok(Answer::Page(page, store.now()))
        }
        Query::History {
            bucket,
            key,
            before,
            limit,
        } => {
            let (changes, revision) = store.read(|machine| {
                let changes = machine.changes(&bucket, &key, before, limit)?;
                Ok::<_, Error>((changes, machine.state().revision))
            })?;
            Ok(Answer::Changes(changes, store.now(), revision))
        }
        Query::Buckets {
            prefix,
            after,
            limit,
        } => buckets(store, &prefix, &after, limit),
        Query::Lock { name } => {
            let (lock, revision) = store.read(|machine| {
                let lock = query::lock(machine.engine(), &name)?;
                Ok::<_, Error>((lock, machine.state().revision))
            })?;
            Ok(Answer::Lock(lock, store.now(), revision))
        }
        Query::Locks {
            prefix,
            after,
            limit,
        } => locks(store, &prefix, &after, limit),
    }
}

fn buckets(store: &Store, prefix: &str, after: &str, limit: usize) -> Result<Answer> {
    let (mut buckets, revision) = store.read(|machine| {
        let buckets = query::buckets(machine.engine(), prefix, after, limit + 1)?;
        Ok::<_, Error>((buckets, machine.state().revision))
    })?;
    let more = buckets.len() > limit;
    buckets.truncate(limit);
    Ok(Answer::Buckets(buckets, more, revision))
}

fn locks(store: &Store, prefix: &[u8], after: &[u8], limit: usize) -> Result<Answer> {
    let (mut locks, revision) = store.read(|machine| {
        let after = (!after.is_empty()).then_some(after);
        let locks = query::locks(machine.engine(), prefix, after, limit + 1)?;
        Ok::<_, Error>((locks, machine.state().revision))
    })?;
    let more = locks.len() > limit;
    locks.truncate(limit);
    Ok(Answer::Locks(locks, more, store.now(), revision))
}

/// When a query is about, by machine time.
enum Moment {
    Now,
    Revision(Revision),
    Then(MachineTime),
}

fn moment(store: &Store, at: Option<At>) -> Moment {
    match at {
        None => Moment::Now,
        Some(At::Revision(revision)) => Moment::Revision(revision),
        Some(At::AgoMs(ms)) => Moment::Then(MachineTime(store.now().0.saturating_sub(ms))),
    }
}

impl Moment {
    /// `None`: the present one.
    fn revision(&self, machine: &Machine, bucket: &str) -> Result<Option<Revision>> {
        match self {
            Self::Now => Ok(None),
            Self::Revision(revision) => Ok(Some(*revision)),
            Self::Then(moment) => {
                // Making a bucket has no event: right after it the last event is older.
                let made = query::open_bucket(machine.engine(), bucket)?.create_revision;
                Ok(Some(machine.revision_at(*moment)?.max(made)))
            }
        }
    }
}

fn revision_of(machine: &Machine, at: Option<Revision>) -> Revision {
    at.unwrap_or(machine.state().revision)
}
