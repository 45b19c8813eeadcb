//! Requests that read more than one key, or another time than now.

use super::call::{Call, Kind};
use super::fields::{consistency, key, range, target};
use crate::base::types::Revision;
use crate::base::{Error, Result, limits};
use crate::machine::ScanQuery;
use crate::proto::v1;
use crate::server::cursor::{Cursor, Origin};
use crate::server::service::{At, Operation, Query};

/// A moment of the past, if one was asked for.
pub(super) fn at(wire: Option<v1::At>) -> Result<Option<At>> {
    use v1::at::When;
    let Some(at) = wire else {
        return Ok(None);
    };
    match at.when {
        None => Err(Error::invalid(
            "`at` names no moment: give it a revision or ago_ms, or leave it away for now",
        )),
        Some(When::Revision(revision)) => Ok(Some(At::Revision(Revision(revision)))),
        Some(When::AgoMs(ms)) => Ok(Some(At::AgoMs(ms))),
    }
}

pub(super) fn get_many(request: v1::GetManyRequest) -> Result<Call> {
    let count = request.keys.len();
    if count == 0 {
        return Err(Error::invalid("no keys were asked for: name 1 to 1000"));
    }
    if count > limits::GET_MANY_MAX {
        return Err(Error::limit_exceeded(format!(
            "{count} keys were asked for; at most {} are answered at once: ask for fewer at a time",
            limits::GET_MANY_MAX
        )));
    }
    let keys: Vec<_> = request.keys.iter().map(key).collect::<Result<_>>()?;
    let at = at(request.at)?;
    let consistency = consistency(request.target.as_ref());
    let (shard, bucket) = target(request.target)?;
    let kind = Kind::GetMany(keys.clone());
    let query = Query::GetMany { bucket, keys, at };
    Ok(Call {
        shard,
        kind,
        operation: Operation::Read(query, consistency),
    })
}

pub(super) fn history(request: v1::HistoryRequest) -> Result<Call> {
    let key = key(&request.key)?;
    let consistency = consistency(request.target.as_ref());
    let (shard, bucket) = target(request.target)?;
    let before = Some(Revision(request.before_revision));
    let query = Query::History {
        bucket,
        key: key.clone(),
        before: before.filter(|before| before.0 > 0),
        limit: page(
            request.limit,
            limits::HISTORY_PAGE,
            limits::HISTORY_PAGE_MAX,
        ),
    };
    Ok(Call {
        shard,
        kind: Kind::History(key),
        operation: Operation::Read(query, consistency),
    })
}

pub(super) fn scan(request: v1::ScanRequest) -> Result<Call> {
    let consistency = consistency(request.target.as_ref());
    let (shard, bucket) = target(request.target)?;
    let (start, end) = range(&request.range.unwrap_or_default())?;
    let (usual, most) = if request.count_only {
        (limits::COUNT_KEYS_MAX, limits::COUNT_KEYS_MAX)
    } else {
        (limits::SCAN_PAGE_RECORDS, limits::SCAN_PAGE_RECORDS_MAX)
    };
    let mut query = ScanQuery {
        bucket,
        start,
        end,
        after: None,
        reverse: request.reverse,
        limit: page(request.limit, usual, most),
        bytes_max: limits::SCAN_PAGE_BYTES,
        keys_max: limits::COUNT_KEYS_MAX,
        keys_only: request.keys_only,
        count_only: request.count_only,
        include_expired: request.include_expired,
        at: None,
    };
    let origin = Origin::of(&query);
    let mut at = at(request.at)?;
    if !request.cursor.is_empty() {
        if at.is_some() {
            return Err(Error::invalid(
                "a cursor goes on at the revision of its scan: leave `at` away",
            ));
        }
        let cursor = Cursor::decode(&request.cursor, origin)?;
        at = Some(At::Revision(cursor.revision));
        query.after = Some(cursor.after);
    }
    let query = Box::new(query);
    let scan = Query::Scan { query, at };
    Ok(Call {
        shard,
        kind: Kind::Scan(origin),
        operation: Operation::Read(scan, consistency),
    })
}

/// How much one answer holds; 0 asks for what is usual.
fn page(asked: u64, usual: usize, most: usize) -> usize {
    match usize::try_from(asked).unwrap_or(usize::MAX) {
        0 => usual,
        asked => asked.min(most),
    }
}
