//! What becomes of a command that has no outcome, in words.

use super::leadership::Leadership;
use crate::base::{Error, ErrorKind};
use crate::raft::ProposeError;

/// What to look at where nobody leads.
const MAJORITY: &str = "is a majority of the members running? (dkv cluster health)";

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

/// Of what was sent to a leader that says nothing.
pub(super) fn silent_leader(leadership: &Leadership) -> Error {
    let who = match leadership {
        Leadership::Led { name, .. } => format!("the leader, {name}, did not answer in time"),
        Leadership::TakenOut => leadership.to_string(),
        _ => format!("{leadership}; {MAJORITY}"),
    };
    Error::timeout(format!("{who}: ask again with the same request id"))
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

/// Of what nobody was given: its time was over before its turn came.
pub(super) fn not_begun(leadership: &Leadership) -> Error {
    Error::unavailable(match leadership {
        Leadership::Led { .. } => {
            "the earlier writes of the shard took too long: nothing was done; ask again, or later"
                .to_owned()
        }
        Leadership::TakenOut => format!("{leadership}; nothing was done"),
        _ => format!("{leadership}: nothing was done; {MAJORITY}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent() -> Leadership {
        Leadership::Silent {
            name: "node-3".to_owned(),
        }
    }

    /// A lone follower said that earlier writes took too long, and whoever read it looked
    /// for a slow disk.
    #[test]
    fn what_has_no_majority_is_told_so_and_nothing_of_slowness() {
        for lost in [silent(), Leadership::Alone, Leadership::Nobody] {
            for error in [not_begun(&lost), silent_leader(&lost)] {
                let said = error.message();
                assert!(said.starts_with(&lost.to_string()), "{said}");
                assert!(said.contains("dkv cluster health"), "{said}");
                assert!(!said.contains("took too long"), "{said}");
            }
            assert_eq!(not_begun(&lost).kind(), ErrorKind::Unavailable);
            assert_eq!(silent_leader(&lost).kind(), ErrorKind::Timeout);
        }
        let led = Leadership::Led {
            node: crate::base::types::NodeId([1; 16]),
            name: "node-3".to_owned(),
            term: 7,
        };
        assert!(not_begun(&led).message().contains("took too long"));
        assert!(silent_leader(&led).message().contains("node-3"));
    }

    #[test]
    fn a_node_that_was_taken_out_is_not_told_to_look_for_a_majority() {
        for error in [
            not_begun(&Leadership::TakenOut),
            silent_leader(&Leadership::TakenOut),
        ] {
            let said = error.message();
            assert!(said.starts_with("this node was taken out"), "{said}");
            assert!(!said.contains("majority"), "{said}");
        }
    }
}
