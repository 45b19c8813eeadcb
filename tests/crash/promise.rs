//! What a member told the others of its log and its votes, which its disk must have from then on.

use std::collections::BTreeMap;

use crate::message::{Value, bytes_at, fields, number_at};

/// One thing that it told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Everything up to this entry is on its disk.
    Has { group: u32, term: u64, index: u64 },
    /// Whom it voted for in a term: another, or itself.
    Voted {
        group: u32,
        term: u64,
        node: Vec<u8>,
    },
}

/// What follows from all of them for one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// No term before it is the member's any more, ...
    pub(crate) term: u64,
    /// ... and in it it has voted so, if it has.
    pub(crate) voted: Option<Vec<u8>>,
    /// The term and index of the last entry.
    pub(crate) last: (u64, u64),
}

impl Kept {
    fn add(&mut self, promise: &Promise) {
        match promise {
            Promise::Has { term, index, .. } => {
                self.last = self.last.max((*term, *index));
                self.reach(*term);
            }
            Promise::Voted { term, node, .. } => {
                self.reach(*term);
                if *term == self.term {
                    self.voted = Some(node.clone());
                }
            }
        }
    }

    fn reach(&mut self, term: u64) {
        if term > self.term {
            self.term = term;
            self.voted = None;
        }
    }
}

/// Puts promises together, by group.
pub(crate) fn kept<'a>(promises: impl Iterator<Item = &'a Promise>) -> BTreeMap<u32, Kept> {
    let mut groups: BTreeMap<u32, Kept> = BTreeMap::new();
    for promise in promises {
        let (Promise::Has { group, .. } | Promise::Voted { group, .. }) = promise;
        groups.entry(*group).or_default().add(promise);
    }
    groups
}

/// The promise in a frame of the peers' protocol, if there is one: see `proto/dkv/peer/v1`.
///
/// A vote counts when it was given, and a member that stands for election has voted for itself. A
/// question that only asks how a vote would go (`pre`) promises nothing.
pub(crate) fn in_frame(frame: &[u8]) -> Option<Promise> {
    let group = u32::try_from(number_at(frame, 1)).ok()?;
    fields(frame)?.into_iter().find_map(|(kind, body)| {
        let Value::Bytes(body) = body else {
            return None;
        };
        match kind {
            11 => {
                let matched = bytes_at(body, 1);
                let (term, index) = (number_at(matched, 1), number_at(matched, 2));
                (index > 0).then_some(Promise::Has { group, term, index })
            }
            12 if number_at(body, 3) == 0 => voted(group, bytes_at(body, 1)),
            13 if number_at(body, 2) == 1 => voted(group, bytes_at(body, 1)),
            _ => None,
        }
    })
}

fn voted(group: u32, vote: &[u8]) -> Option<Promise> {
    let (term, node) = (number_at(vote, 1), bytes_at(vote, 2).to_vec());
    // One that never voted says so.
    (term > 0).then_some(Promise::Voted { group, term, node })
}
