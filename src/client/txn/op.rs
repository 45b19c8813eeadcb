//! Operations of batches and transactions, and what became of them.

use bytes::Bytes;

use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::client::convert::{record, wire_condition, wire_ms, wire_range};
use crate::client::types::{KeyRange, Record, SetOptions, SetOutcome};
use crate::proto::v1;
use crate::proto::v1::op::Op as Wire;
use crate::proto::v1::op_result::Result as WireResult;

/// One operation of a batch or of a transaction's branch.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    wire: Wire,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpOutcome {
    /// Of a set.
    Set(SetOutcome),
    /// Of a delete: how many keys it removed.
    Deleted(u64),
    /// Of `expire`, `touch` or `persist`: false if there was no live key.
    Changed(bool),
    /// Of an addition: the number after it.
    Number(i64),
    /// Of a get: `None` if the key was not there, or expired.
    Got(Option<Record>),
}

impl Op {
    /// Sets a key, without timers.
    pub fn set(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self::of(Wire::Set(v1::SetOp {
            key: key.into(),
            value: value.into(),
            ..v1::SetOp::default()
        }))
    }

    /// Sets a key as `options` say. A fence is for the whole batch or transaction, and in
    /// a transaction conditions are compares.
    ///
    /// # Errors
    /// `Invalid` for timers that cannot be, and for a fence.
    pub fn set_with(
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        options: &SetOptions,
    ) -> Result<Self> {
        if options.fence.is_some() {
            return Err(Error::invalid(
                "an operation has no fence of its own: give it to the batch or transaction",
            ));
        }
        Ok(Self::of(Wire::Set(v1::SetOp {
            key: key.into(),
            value: value.into(),
            expire_in_ms: wire_ms(options.expire_in, "expire_in")?,
            delete_in_ms: wire_ms(options.delete_in, "delete_in")?,
            keep_timers: options.keep_timers,
            condition: options.condition.as_ref().map(wire_condition),
            return_previous: options.return_previous,
        })))
    }

    /// Removes a key.
    pub fn delete(key: impl Into<Bytes>) -> Self {
        Self::of(Wire::Delete(key.into()))
    }

    /// Removes a range of at most 10,000 keys; in transactions only.
    pub fn delete_range(range: &KeyRange) -> Self {
        Self::of(Wire::DeleteRange(wire_range(range)))
    }

    /// Drops a value now; the key remains.
    pub fn expire(key: impl Into<Bytes>) -> Self {
        Self::of(Wire::Expire(key.into()))
    }

    /// Replaces both timers of a live key; `None` clears one.
    ///
    /// # Errors
    /// `Invalid` for timers that cannot be.
    pub fn touch(
        key: impl Into<Bytes>,
        expire_in: Option<std::time::Duration>,
        delete_in: Option<std::time::Duration>,
    ) -> Result<Self> {
        Ok(Self::of(Wire::Touch(v1::TouchOp {
            key: key.into(),
            expire_in_ms: wire_ms(expire_in, "expire_in")?,
            delete_in_ms: wire_ms(delete_in, "delete_in")?,
        })))
    }

    /// Clears both timers of a live key.
    pub fn persist(key: impl Into<Bytes>) -> Self {
        Self::of(Wire::Persist(key.into()))
    }

    /// Adds to a number.
    pub fn incr(key: impl Into<Bytes>, by: i64) -> Self {
        Self::of(Wire::Incr(v1::IncrOp {
            key: key.into(),
            by,
            ..v1::IncrOp::default()
        }))
    }

    /// Reads a key as it was before the transaction; in transactions only.
    pub fn get(key: impl Into<Bytes>) -> Self {
        Self::of(Wire::Get(key.into()))
    }

    fn of(wire: Wire) -> Self {
        Self { wire }
    }

    /// As the wire has it.
    pub(super) fn wire(&self) -> v1::Op {
        let op = Some(self.wire.clone());
        v1::Op { op }
    }
}

/// Reads what became of an operation; `None`: it was not said.
pub(super) fn outcome(result: WireResult, revision: Revision) -> OpOutcome {
    match result {
        WireResult::Set(set) => OpOutcome::Set(SetOutcome {
            written: set.written,
            revision,
            previous: set.previous.map(record),
            previous_unavailable: set.previous_unavailable,
        }),
        WireResult::Deleted(deleted) => OpOutcome::Deleted(deleted),
        WireResult::Expired(changed)
        | WireResult::Touched(changed)
        | WireResult::Persisted(changed) => OpOutcome::Changed(changed),
        WireResult::Value(number) => OpOutcome::Number(number),
        WireResult::Got(found) => OpOutcome::Got(found.record.map(record)),
        WireResult::Error(_) => unreachable!("refusals are told apart before"),
    }
}
