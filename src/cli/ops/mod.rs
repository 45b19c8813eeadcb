//! Batches and transactions as people write them: lines of words, or one JSON document.
//!
//! Invariant: what is read is checked for its shape only; what it means is up to the
//! server. Every refusal names the line, or the place in the document.

mod json;
mod text;
mod words;

use bytes::Bytes;

use crate::base::Result;
use crate::cli::row::{Field, Row};
use crate::client::{Compare, Op, OpOutcome};

/// One operation with what its outcome is told of.
pub(crate) struct Named {
    /// What it does.
    pub(crate) op: Op,
    /// Its word.
    pub(crate) name: &'static str,
    /// Its key, or the prefix of a range.
    pub(crate) key: Bytes,
}

/// A transaction as it was written.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) compares: Vec<Compare>,
    pub(crate) then: Vec<Named>,
    pub(crate) otherwise: Vec<Named>,
}

/// Reads a transaction, in either form.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn transaction(input: &[u8]) -> Result<Script> {
    if is_json(input) {
        json::transaction(input)
    } else {
        text::transaction(input)
    }
}

/// Reads a batch, in either form.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn batch(input: &[u8]) -> Result<Vec<Named>> {
    if is_json(input) {
        json::batch(input)
    } else {
        text::batch(input)
    }
}

fn is_json(input: &[u8]) -> bool {
    let first = input.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// An outcome, with what it is of.
pub(crate) fn outcome_row(name: &'static str, key: Bytes, outcome: OpOutcome) -> Row {
    let row = Row::new().with("op", name).with("key", key);
    match outcome {
        OpOutcome::Set(set) => {
            let previous = set.previous.map(crate::cli::kv::record_row);
            row.with("written", set.written).with(
                "previous",
                previous.map_or(Field::Absent, |row| Field::Row(Box::new(row))),
            )
        }
        OpOutcome::Deleted(deleted) => row.with("deleted", deleted),
        OpOutcome::Changed(changed) => row.with("changed", changed),
        OpOutcome::Number(number) => row.with("value", Field::Integer(number)),
        OpOutcome::Got(None) => row.with("found", false),
        OpOutcome::Got(Some(record)) => row
            .with("found", true)
            .with("value", record.value)
            .with("revision", record.revision.0)
            .for_programs("create_revision", record.create_revision.0)
            .for_programs("version", record.version),
    }
}
