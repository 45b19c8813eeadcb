//! The members of a group, and one step of changing them at a time.

use std::collections::{BTreeMap, BTreeSet};

use openraft::ChangeMembers;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{ClientWriteError, RaftError};

use super::types::Types;
use super::{Group, Member};
use crate::base::types::NodeId;
use crate::base::{Error, ErrorKind, Result};

/// Who belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// Voters and learners.
    pub all: BTreeMap<NodeId, Member>,
    /// Who votes; while a change is under way, who will.
    pub voters: BTreeSet<NodeId>,
    /// Two sets of voters are valid: a change is under way.
    pub joint: bool,
}

/// One change. None of them is lost half way: what is left is a group that can be
/// changed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new member without a vote.
    Add(NodeId, Member),
    /// What is known of a member.
    Set(NodeId, Member),
    /// Exactly these vote; who does no more stays as a learner.
    Voters(BTreeSet<NodeId>),
    /// Takes a learner out.
    Remove(NodeId),
}

impl Group {
    /// Who belongs to the group, as this node knows; not all of it need be committed.
    pub fn members(&self) -> Members {
        let metrics = self.raft().server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let configs = membership.get_joint_config();
        Members {
            all: membership
                .nodes()
                .map(|(node, member)| (*node, member.clone()))
                .collect(),
            voters: configs.last().cloned().unwrap_or_default(),
            joint: configs.len() > 1,
        }
    }

    /// Makes one change, and waits until it is committed.
    ///
    /// # Errors
    /// `NotLeader` if this node does not lead; `Conflict` if another change is under way
    /// or this one cannot be; `Unavailable` if the group has stopped.
    pub async fn change(&self, change: Change) -> Result<()> {
        let one = |node, member| BTreeMap::from([(node, member)]);
        let change = match change {
            Change::Add(node, member) => ChangeMembers::AddNodes(one(node, member)),
            Change::Set(node, member) => ChangeMembers::SetNodes(one(node, member)),
            Change::Voters(voters) => ChangeMembers::ReplaceAllVoters(voters),
            Change::Remove(node) => ChangeMembers::RemoveNodes(BTreeSet::from([node])),
        };
        match self.raft().change_membership(change, true).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    /// Hands the leadership to a voter that has caught up. Returns before it has happened.
    ///
    /// # Errors
    /// `Unavailable` if the group has stopped.
    pub async fn transfer(&self, to: NodeId) -> Result<()> {
        let transferred = self.raft().trigger().transfer_leader(to).await;
        transferred.map_err(|fatal| Error::unavailable(fatal.to_string()))
    }
}

fn refused(error: RaftError<Types, ClientWriteError<Types>>) -> Error {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => {
            Error::new(ErrorKind::NotLeader, "this node does not lead the shard")
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => {
            Error::timeout("the leadership was lost before the change was confirmed")
        }
        RaftError::APIError(other) => Error::new(ErrorKind::Conflict, other.to_string()),
        RaftError::Fatal(fatal) => Error::unavailable(fatal.to_string()),
    }
}
