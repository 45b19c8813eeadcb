//! Positions, votes, memberships and entries as bytes. What is stored or sent is ours:
//! no format of the library leaves this room.
//!
//! The library counts entries from 0, the house from 1: 0 is before the first. The
//! difference ends here.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use bytes::Bytes;
use openraft::entry::RaftEntry as _;
use prost::Message;

use super::Member;
use super::member::read_node;
use super::types::{Entry, LogId, Membership, Payload, Proposal, StoredMembership, Vote};
use crate::base::types::LogIndex;
use crate::base::{Error, Result};
use crate::proto::storage;

/// Terms and indexes beyond are nobody's: the library counts up from what it is told.
const NUMBER_MAX: u64 = 1 << 62;

/// The house's number of the library's position.
pub(super) fn index_of(raft_index: u64) -> LogIndex {
    LogIndex(raft_index + 1)
}

/// The library's number of a position; `None` for the one before the first.
pub(super) fn raft_index(index: LogIndex) -> Option<u64> {
    index.0.checked_sub(1)
}

/// The position in the house's numbers; 0 for nothing.
pub(super) fn index_or_zero(id: Option<&LogId>) -> LogIndex {
    id.map_or(LogIndex(0), |id| index_of(id.index()))
}

pub(super) fn store_log_id(id: Option<&LogId>) -> storage::LogId {
    storage::LogId {
        term: id.map_or(0, |id| id.committed_leader_id().term),
        index: index_or_zero(id).0,
    }
}

/// Reads what [`store_log_id`] made, here or at another node; `None` for nothing.
///
/// # Errors
/// `Corrupt` if there can be no such position.
pub(super) fn read_log_id(stored: Option<storage::LogId>) -> Result<Option<LogId>> {
    let Some(stored) = stored else {
        return Ok(None);
    };
    check_number("term", stored.term)?;
    check_number("index", stored.index)?;
    let index = raft_index(LogIndex(stored.index));
    Ok(index.map(|index| LogId::new_term_index(stored.term, index)))
}

pub(super) fn store_vote(vote: &Vote) -> storage::Vote {
    storage::Vote {
        term: vote.leader_id.term,
        node: Bytes::copy_from_slice(&vote.leader_id.voted_for.0),
        committed: vote.committed,
    }
}

pub(super) fn read_vote(stored: Option<storage::Vote>) -> Result<Vote> {
    let stored = stored.ok_or_else(|| Error::corrupt("a vote is missing"))?;
    let node = read_node(&stored.node)?;
    check_number("term", stored.term)?;
    Ok(match stored.committed {
        true => Vote::new_committed(stored.term, node),
        false => Vote::new(stored.term, node),
    })
}

/// The position of an entry that another node asks about.
///
/// # Errors
/// `Invalid` if there can be no such entry.
pub(super) fn read_sent_index(index: u64) -> Result<LogIndex> {
    if index == 0 || index > NUMBER_MAX {
        return Err(Error::invalid(format!(
            "there is no entry {index}: the first is 1, and none is above {NUMBER_MAX}"
        )));
    }
    Ok(LogIndex(index))
}

fn check_number(what: &str, number: u64) -> Result<()> {
    if number > NUMBER_MAX {
        let message = format!("the {what} {number} cannot be: none is above {NUMBER_MAX}");
        return Err(Error::corrupt(message));
    }
    Ok(())
}

pub(super) fn store_membership(membership: &Membership) -> storage::Membership {
    let nodes = |set: &BTreeSet<_>| storage::Voters {
        nodes: set
            .iter()
            .map(|node: &crate::base::types::NodeId| Bytes::copy_from_slice(&node.0))
            .collect(),
    };
    storage::Membership {
        configs: membership.get_joint_config().iter().map(nodes).collect(),
        members: membership
            .nodes()
            .map(|(node, member)| member.store(*node))
            .collect(),
    }
}

pub(super) fn read_membership(stored: storage::Membership) -> Result<Membership> {
    let voters = |set: storage::Voters| set.nodes.iter().map(|node| read_node(node)).collect();
    let configs: Vec<BTreeSet<_>> = stored
        .configs
        .into_iter()
        .map(voters)
        .collect::<Result<_>>()?;
    let members: std::collections::BTreeMap<_, _> = stored
        .members
        .into_iter()
        .map(Member::read)
        .collect::<Result<_>>()?;
    if configs.is_empty() && members.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(configs, members)
        .map_err(|wrong| Error::corrupt(format!("a membership cannot be: {wrong}")))
}

pub(super) fn store_stored_membership(membership: &StoredMembership) -> storage::StoredMembership {
    storage::StoredMembership {
        at: Some(store_log_id(membership.log_id().as_ref())),
        membership: Some(store_membership(membership.membership())),
    }
}

pub(super) fn read_stored_membership(
    stored: Option<storage::StoredMembership>,
) -> Result<StoredMembership> {
    let Some(stored) = stored else {
        return Ok(StoredMembership::default());
    };
    let membership = read_membership(stored.membership.unwrap_or_default())?;
    Ok(StoredMembership::new(read_log_id(stored.at)?, membership))
}

/// An entry as the log and the peers carry it; its index travels beside it.
pub(super) fn encode_entry(entry: &Entry) -> Bytes {
    use storage::raft_entry::Payload as Stored;
    let payload = match &entry.payload {
        Payload::Blank => Stored::Blank(true),
        Payload::Normal(proposal) => Stored::Entry(proposal.0.clone()),
        Payload::Membership(membership) => Stored::Membership(store_membership(membership)),
    };
    storage::RaftEntry {
        term: entry.log_id.committed_leader_id().term,
        payload: Some(payload),
    }
    .encode_to_vec()
    .into()
}

/// Reads an entry. A proposal shares the memory of `bytes`.
///
/// # Errors
/// `Corrupt` if it is no entry, or of a kind that this dkv does not know.
pub(super) fn decode_entry(index: LogIndex, bytes: Bytes) -> Result<Entry> {
    use storage::raft_entry::Payload as Stored;
    let damaged = |what: String| Error::corrupt(format!("entry {index} is damaged: {what}"));
    let stored = storage::RaftEntry::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    check_number("term", stored.term)?;
    let payload = match stored.payload {
        Some(Stored::Blank(_)) => Payload::Blank,
        Some(Stored::Entry(entry)) => Payload::Normal(Proposal(entry)),
        Some(Stored::Membership(membership)) => Payload::Membership(read_membership(membership)?),
        None => {
            return Err(damaged(
                "it has a kind that this dkv does not know".to_owned(),
            ));
        }
    };
    let index = raft_index(index).ok_or_else(|| damaged("its index is 0".to_owned()))?;
    Ok(Entry::new(
        LogId::new_term_index(stored.term, index),
        payload,
    ))
}

/// What the machine keeps with its state: the position it is at, and its members.
pub(super) fn encode_mark(applied: Option<&LogId>, membership: &StoredMembership) -> Bytes {
    storage::Replicated {
        applied: Some(store_log_id(applied)),
        membership: Some(store_stored_membership(membership)),
    }
    .encode_to_vec()
    .into()
}

/// Reads what [`encode_mark`] made; nothing was ever applied without one.
///
/// # Errors
/// `Corrupt` if it is damaged.
pub(super) fn decode_mark(mark: Option<Bytes>) -> Result<(Option<LogId>, StoredMembership)> {
    let Some(mark) = mark else {
        return Ok((None, StoredMembership::default()));
    };
    let stored = storage::Replicated::decode(mark)
        .map_err(|error| Error::corrupt(format!("a shard's mark is damaged: {error}")))?;
    let membership = read_stored_membership(stored.membership)?;
    Ok((read_log_id(stored.applied)?, membership))
}
