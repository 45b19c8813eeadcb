//! What became of an operation, as an answer.

use bytes::Bytes;

use crate::cli::kv::record_row;
use crate::cli::row::{Field, Row};
use crate::client::OpOutcome;

/// An outcome, with what it is of.
pub(crate) fn outcome_row(name: &'static str, key: Bytes, outcome: OpOutcome) -> Row {
    let row = Row::new().with("op", name).with("key", key);
    match outcome {
        OpOutcome::Set(set) => {
            let previous = set.previous.map(record_row);
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
