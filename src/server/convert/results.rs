//! What became of the operations of a batch or a transaction, as the wire says it.

use super::ops::OpKind;
use super::reply::{misfit, wire_record};
use crate::base::Result;
use crate::base::limits::REQUEST_BYTES_MAX;
use crate::base::time::MachineTime;
use crate::kv::Record;
use crate::machine::{Applied, Bucket, OutcomeKind};
use crate::proto::v1;
use crate::proto::v1::op_result::Result as Wire;
use crate::server::status;

/// One result for each command of a batch. Replaced records beyond what a message holds are
/// left out, and said to be.
pub(super) fn batch(
    kinds: &[OpKind],
    outcomes: Vec<Result<Applied>>,
    now: &dyn Fn() -> MachineTime,
) -> Result<Vec<v1::OpResult>> {
    if kinds.len() != outcomes.len() {
        return Err(misfit());
    }
    let mut left = REQUEST_BYTES_MAX;
    let results = kinds
        .iter()
        .zip(outcomes)
        .map(|(kind, outcome)| match outcome {
            Ok(applied) => {
                let bytes = applied.previous.as_ref().map_or(0, Record::weight);
                let fits = bytes <= left;
                left -= if fits { bytes } else { 0 };
                v1::OpResult {
                    revision: applied.outcome.revision.0,
                    result: Some(told(
                        kind,
                        applied.outcome.kind,
                        applied.outcome.count,
                        applied.previous.filter(|_| fits),
                        applied.repeated || !fits,
                        now,
                    )),
                }
            }
            Err(error) => v1::OpResult {
                revision: 0,
                result: Some(Wire::Error(status::to_frame(&error))),
            },
        });
    Ok(results.collect())
}

/// One result for each operation of the branch that was applied; none if the request was
/// repeated: they are not remembered.
pub(super) fn txn(
    kinds: &[OpKind],
    applied: Applied,
    now: &dyn Fn() -> MachineTime,
) -> Result<Vec<v1::OpResult>> {
    if applied.repeated {
        return Ok(Vec::new());
    }
    if kinds.len() != applied.results.len() {
        return Err(misfit());
    }
    let revision = applied.outcome.revision.0;
    let results = kinds.iter().zip(applied.results);
    let results = results.map(|(kind, result)| v1::OpResult {
        revision,
        result: Some(told(
            kind,
            result.kind,
            result.count,
            result.record,
            false,
            now,
        )),
    });
    Ok(results.collect())
}

fn told(
    kind: &OpKind,
    outcome: OutcomeKind,
    count: u64,
    record: Option<Record>,
    is_repeated: bool,
    now: &dyn Fn() -> MachineTime,
) -> Wire {
    match kind {
        OpKind::Set(key) => Wire::Set(v1::SetResult {
            written: outcome == OutcomeKind::Written,
            version: count,
            previous_unavailable: key.is_some() && is_repeated,
            previous: record
                .zip(key.clone())
                .map(|(record, key)| wire_record(key, record, now())),
        }),
        OpKind::Delete => Wire::Deleted(count),
        OpKind::Expire => Wire::Expired(outcome == OutcomeKind::Expired),
        OpKind::Touch => Wire::Touched(outcome == OutcomeKind::Touched),
        OpKind::Persist => Wire::Persisted(outcome == OutcomeKind::Persisted),
        OpKind::Incr => Wire::Value(count.cast_signed()),
        OpKind::Get(key) => {
            let live = record.filter(|record| !record.is_expired());
            let record = live.map(|record| wire_record(key.clone(), record, now()));
            Wire::Got(v1::Found { record })
        }
    }
}

/// A bucket, as lists show it.
pub(super) fn bucket((name, bucket): (String, Bucket)) -> v1::BucketInfo {
    let settings = &bucket.settings;
    v1::BucketInfo {
        name,
        settings: Some(v1::BucketSettings {
            expire_in_ms: settings.expire_in_ms,
            delete_in_ms: settings.delete_in_ms,
            no_history: settings.no_history,
            quota_bytes: settings.quota.bytes,
            quota_keys: settings.quota.keys,
        }),
        keys: bucket.usage.keys,
        bytes: bucket.usage.bytes,
        create_revision: bucket.create_revision.0,
        dropping: bucket.dropping,
    }
}
