//! What became of each operation of a batch or transaction.

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::forms::{Record, text};
use super::refused::kind_name;
use crate::base::ErrorKind;
use crate::proto::v1;
use crate::proto::v1::op_result::Result as Told;

/// What became of one operation. Which fields there are depends on what it was.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct OpOutcome {
    /// The operation.
    op: &'static str,
    /// Its key, or prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The same as base64, if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    /// The shard's revision after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    /// `set`: false if its condition did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<bool>,
    /// `set`: the version of the key; 1 if it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// `set`: what it replaced, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Record>,
    /// `delete`: how many keys are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    /// `expire`, `touch`, `persist`: whether there was a live key.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    /// `incr`: the number after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<i64>,
    /// `get`: whether the key is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<bool>,
    /// `get`: the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
    /// It was refused and changed nothing (of `Timeout` that is not known).
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<OpError>,
}

/// Why an operation was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpError {
    kind: String,
    message: String,
}

impl OpOutcome {
    /// What is told of the operation `name` of a key.
    pub(super) fn of(name: &'static str, key: &Bytes, result: v1::OpResult) -> Self {
        let (key, key_b64) = text(key);
        let mut outcome = Self {
            op: name,
            key,
            key_b64,
            revision: Some(result.revision),
            ..Self::default()
        };
        match result.result {
            Some(Told::Error(error)) => {
                outcome.revision = None;
                outcome.error = Some(refusal(error));
            }
            Some(Told::Set(set)) => {
                outcome.written = Some(set.written);
                outcome.version = set.written.then_some(set.version);
                outcome.previous = set.previous.map(|record| Record::of(record, true));
            }
            Some(Told::Deleted(deleted)) => outcome.deleted = Some(deleted),
            Some(Told::Expired(changed) | Told::Touched(changed) | Told::Persisted(changed)) => {
                outcome.changed = Some(changed);
            }
            Some(Told::Value(value)) => outcome.value = Some(value),
            Some(Told::Got(got)) => outcome = outcome.with(got),
            None => {}
        }
        outcome
    }

    /// What is told of a key that was read.
    pub(super) fn got(key: &Bytes, found: v1::Found) -> Self {
        let (key, key_b64) = text(key);
        let outcome = Self {
            op: "get",
            key,
            key_b64,
            ..Self::default()
        };
        outcome.with(found)
    }

    fn with(self, got: v1::Found) -> Self {
        Self {
            found: Some(got.record.is_some()),
            record: got.record.map(|record| Record::of(record, true)),
            ..self
        }
    }

    /// It was done.
    pub(super) fn is_success(&self) -> bool {
        self.error.is_none() && self.written != Some(false)
    }
}

fn refusal(error: v1::Error) -> OpError {
    let kind = match error.kind() {
        v1::ErrorKind::FenceStale => ErrorKind::FenceStale,
        v1::ErrorKind::LimitExceeded => ErrorKind::LimitExceeded,
        v1::ErrorKind::Invalid => ErrorKind::Invalid,
        v1::ErrorKind::NotFound => ErrorKind::NotFound,
        v1::ErrorKind::Conflict => ErrorKind::Conflict,
        v1::ErrorKind::Timeout => ErrorKind::Timeout,
        _ => ErrorKind::Internal,
    };
    OpError {
        kind: kind_name(kind),
        message: error.message,
    }
}
