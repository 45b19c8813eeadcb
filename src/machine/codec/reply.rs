//! Replies on their way from the leader to the node that was asked.

use super::{CodecError, Result, at_most, read_record, store_record};
use crate::base::limits::{REQUEST_BYTES_MAX, TXN_OPS_MAX};
use crate::base::types::Revision;
use crate::kv::Record;
use crate::machine::outcome::{Applied, OpResult, Outcome, OutcomeKind};
use crate::proto::{peer, storage};

/// What became of commands, for a peer. Records beyond what a message holds are left out, as
/// of a request that is repeated: they are not kept then, either.
pub fn store_replies(applied: &[Applied]) -> Vec<peer::Applied> {
    let mut left = REQUEST_BYTES_MAX;
    let store = |applied: &Applied| {
        let results = applied.results.iter().map(|result| result.record.as_ref());
        let records = results.chain([applied.previous.as_ref()]).flatten();
        let bytes: usize = records.map(Record::weight).sum();
        let mut stored = store_reply(applied);
        match left.checked_sub(bytes) {
            Some(less) => left = less,
            None => {
                stored.previous = None;
                stored.results = Vec::new();
                stored.repeated_request = true;
            }
        }
        stored
    };
    applied.iter().map(store).collect()
}

/// What became of a command, for a peer.
fn store_reply(applied: &Applied) -> peer::Applied {
    let Outcome {
        kind,
        revision,
        count,
    } = applied.outcome;
    peer::Applied {
        outcome: Some(storage::Outcome {
            sequence: 0,
            kind: kind as u32,
            revision: revision.0,
            count,
        }),
        previous: applied.previous.as_ref().map(store_record),
        repeated_request: applied.repeated,
        results: applied.results.iter().map(store_result).collect(),
    }
}

/// Reads one of what [`store_replies`] made.
///
/// # Errors
/// If the outcome is unknown here, or the record out of bounds.
pub fn read_reply(stored: peer::Applied) -> Result<Applied> {
    let unknown = CodecError::Unknown { what: "outcome" };
    let Some(outcome) = stored.outcome else {
        return Err(unknown);
    };
    let Some(kind) = OutcomeKind::from_number(outcome.kind) else {
        return Err(unknown);
    };
    at_most("results of a command", stored.results.len(), TXN_OPS_MAX)?;
    let results = stored.results.into_iter().map(read_result);
    Ok(Applied {
        outcome: Outcome {
            kind,
            revision: Revision(outcome.revision),
            count: outcome.count,
        },
        previous: stored.previous.map(read_record).transpose()?,
        results: results.collect::<Result<_>>()?,
        repeated: stored.repeated_request,
    })
}

fn store_result(result: &OpResult) -> peer::OpResult {
    peer::OpResult {
        kind: result.kind as u32,
        count: result.count,
        record: result.record.as_ref().map(store_record),
    }
}

fn read_result(stored: peer::OpResult) -> Result<OpResult> {
    let kind = OutcomeKind::from_number(stored.kind).ok_or(CodecError::Unknown {
        what: "outcome of an operation",
    })?;
    Ok(OpResult {
        kind,
        count: stored.count,
        record: stored.record.map(read_record).transpose()?,
    })
}
