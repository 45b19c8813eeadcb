//! What becomes of a command that has no outcome, in words.

use super::leadership::Leadership;
use crate::base::{Error, ErrorKind};
use crate::raft::{Group, ProposeError};

/// Why nothing is known of an entry that took too long.
pub(super) const UNCONFIRMED: &str = "no quorum confirmed it in time";

pub(super) fn refused(error: ProposeError) -> Error {
    match error {
        ProposeError::NotLeader => Error::new(
            ErrorKind::NotLeader,
            "this node does not lead the shard (any more): nothing was done",
        ),
        ProposeError::Unknown(why) => {
            Error::timeout(format!("{why}: ask again with the same request id"))
        }
    }
}

pub(super) fn unconfirmed() -> Error {
    refused(ProposeError::Unknown(UNCONFIRMED.to_owned()))
}

pub(super) fn silent_leader() -> Error {
    Error::timeout("the leader did not answer in time: ask again with the same request id")
}

pub(super) fn was_not_done(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unavailable)
}

pub(super) fn nobody_knows() -> Error {
    Error::timeout(
        "the leader was lost before it answered, and no other was found in time: ask again with \
         the same request id",
    )
}

pub(super) fn held_up() -> Error {
    Error::unavailable(
        "the earlier writes of the shard took too long: nothing was done; ask again, or later",
    )
}

pub(super) fn nobody_leads(group: &Group) -> Error {
    if let taken_out @ Leadership::TakenOut = Leadership::of(group) {
        return Error::unavailable(format!("{taken_out}; nothing was done"));
    }
    Error::unavailable(
        "no leader of the shard could be reached in time: nothing was done; is a majority of \
         the members running? (dkv cluster health)",
    )
}
