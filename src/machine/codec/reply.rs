//! Replies on their way from the leader to the node that was asked.

use super::{CodecError, Result, read_record, store_record};
use crate::base::types::Revision;
use crate::machine::outcome::{Applied, Outcome, OutcomeKind};
use crate::proto::{peer, storage};

/// What became of a command, for a peer.
pub fn store_reply(applied: &Applied) -> peer::Applied {
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
    }
}

/// Reads what [`store_reply`] made.
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
    Ok(Applied {
        outcome: Outcome {
            kind,
            revision: Revision(outcome.revision),
            count: outcome.count,
        },
        previous: stored.previous.map(read_record).transpose()?,
        repeated: stored.repeated_request,
    })
}
