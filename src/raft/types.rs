//! How the consensus library sees us: every type it is generic over, in one place.

use std::fmt;

use bytes::Bytes;
use openraft::impls::leader_id_std::LeaderId;

use super::Member;
use super::runtime::Runtime;
use crate::base::types::NodeId;
use crate::machine::Applied;

openraft::declare_raft_types!(
    /// The type configuration of all groups.
    pub(super) Types:
        D = Proposal,
        R = Replies,
        NodeId = NodeId,
        Node = Member,
        LeaderId = LeaderId<u64, NodeId>,
        AsyncRuntime = Runtime,
);

/// An encoded entry of the machine.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proposal(pub(super) Bytes);

/// What became of an entry's commands.
pub(super) type Replies = Vec<Applied>;

pub(super) type LogId = openraft::type_config::alias::LogIdOf<Types>;
pub(super) type Vote = openraft::type_config::alias::VoteOf<Types>;
pub(super) type Entry = openraft::type_config::alias::EntryOf<Types>;
pub(super) type Payload = openraft::EntryPayload<Proposal, NodeId, Member>;
pub(super) type Membership = openraft::Membership<NodeId, Member>;
pub(super) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Types>;
pub(super) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Types>;

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
