//! How a group is doing, in the house's words.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::Fatal;
use openraft::{Instant as _, ServerState};

use super::types::Membership;
use super::{Group, Member};
use crate::base::Error;
use crate::base::types::{LogIndex, NodeId};

/// What a member does in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Orders the commands.
    Leader,
    /// Votes, and follows.
    Follower,
    /// Stands for election.
    Candidate,
    /// Follows without a vote.
    Learner,
}

impl Role {
    pub(super) fn of(state: ServerState, membership: &Membership, node: NodeId) -> Self {
        let votes = membership.voter_ids().any(|voter| voter == node);
        match state {
            ServerState::Leader => Self::Leader,
            ServerState::Candidate => Self::Candidate,
            ServerState::Follower if votes => Self::Follower,
            ServerState::Follower | ServerState::Learner | ServerState::Shutdown => Self::Learner,
        }
    }
}

/// How a group is doing, at this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStatus {
    /// What this node does.
    pub role: Role,
    /// The latest term it has heard of.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// The last entry of its log.
    pub last: LogIndex,
    /// The last entry it knows to be committed.
    pub committed: LogIndex,
    /// The last entry it applied.
    pub applied: LogIndex,
    /// The last entry that its checkpoint covers.
    pub snapshot: LogIndex,
    /// The last entry that is gone from its log.
    pub purged: LogIndex,
    /// Voters and learners.
    pub members: BTreeMap<NodeId, Member>,
    /// Those of them that vote, now or before a change that is under way.
    pub voters: BTreeSet<NodeId>,
    /// Two sets of voters are valid: a change is under way.
    pub joint: bool,
    /// At the leader: how far each of the others is.
    pub matched: BTreeMap<NodeId, LogIndex>,
    /// At the leader: how long ago each of the others answered; `None`: never.
    pub answered: BTreeMap<NodeId, Option<Duration>>,
}

/// What a simulation sees of elections, at one member.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ballot {
    /// The term of its vote, which is durable.
    pub term: u64,
    /// Whom it voted for in that term, or who was elected then.
    pub for_whom: NodeId,
    /// It is known who was elected.
    pub is_decided: bool,
    /// It was elected in that term: it leads, though it need not have confirmed it yet.
    pub is_elected: bool,
}

impl Group {
    /// For simulations: how this member voted last, and what came of it.
    #[doc(hidden)]
    pub fn ballot(&self) -> Ballot {
        let metrics = self.raft().server_metrics();
        let metrics = metrics.borrow_watched();
        let vote = &metrics.vote.leader_id;
        Ballot {
            term: vote.term,
            for_whom: vote.voted_for,
            is_decided: metrics.vote.committed,
            is_elected: metrics.state == ServerState::Leader && vote.voted_for == self.node(),
        }
    }

    /// At the leader: how long ago a quorum of the members had answered; `None`: not in
    /// this term, or this node does not lead.
    pub fn quorum_age(&self) -> Option<Duration> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let mut voters = metrics.membership_config.membership().voter_ids();
        // The library notes answers, and whoever is a quorum alone gets none.
        if metrics.state == ServerState::Leader && voters.all(|it| it == self.node()) {
            return Some(Duration::ZERO);
        }
        metrics.last_quorum_acked.map(|at| at.elapsed())
    }

    /// Why the group ended by itself, if it has: it answers nobody any more.
    pub fn failure(&self) -> Option<Error> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        match &metrics.running_state {
            Ok(()) | Err(Fatal::Stopped) => None,
            Err(failed) => {
                let message = format!("shard {}: {failed}", self.shard());
                Some(Error::internal(message))
            }
        }
    }
}
