//! What a caller is told of a cluster.

use std::fmt;
use std::time::Duration;

use crate::base::types::{ClusterId, LogIndex, NodeId, Revision, ShardId};

/// How one node sees its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// Where it was asked.
    pub endpoint: String,
    /// `None`: the node is in no cluster.
    pub cluster: Option<ClusterId>,
    /// The node that answered.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Its version of dkv.
    pub version: String,
    /// How long it has run.
    pub uptime: Duration,
    /// The members, as the node knows them.
    pub members: Vec<ClusterMember>,
    /// Its replicated shards, by ascending id.
    pub shards: Vec<ClusterShard>,
    /// Why it refuses writes, if it does.
    pub read_only_because: Option<String>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterMember {
    /// Its data directory's identity.
    pub node: NodeId,
    /// Unique in the cluster.
    pub name: String,
    /// HOST:PORT for the other members.
    pub peer_address: String,
    /// Where clients ask it.
    pub client_address: String,
    /// It votes; else it is a learner.
    pub voter: bool,
    /// A learner that becomes a voter once it has caught up.
    pub wants_vote: bool,
    /// It is being taken out.
    pub leaving: bool,
}

/// What a member is in a shard's cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It decides the order of writes.
    Leader,
    /// It votes and follows.
    Follower,
    /// It stands for election.
    Candidate,
    /// It follows without a vote.
    Learner,
}

/// A replicated shard as one member has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterShard {
    /// Which.
    pub shard: ShardId,
    /// `dstore` or `lockmgr(dstore)`.
    pub kind: String,
    /// What the member is in it.
    pub role: Role,
    /// Counts elections.
    pub term: u64,
    /// Who leads, as far as the member knows.
    pub leader: Option<NodeId>,
    /// The last entry of its log.
    pub last_index: LogIndex,
    /// The last entry that cannot be lost any more, as far as the member knows.
    pub committed_index: LogIndex,
    /// The last entry in its state.
    pub applied_index: LogIndex,
    /// Its last snapshot has everything up to here.
    pub snapshot_index: LogIndex,
    /// Its log begins after this.
    pub purged_index: LogIndex,
    /// The revision of its state.
    pub revision: Revision,
    /// Equal on all members with the same applied index.
    pub state_hash: u64,
    /// Who votes on this shard.
    pub voters: Vec<NodeId>,
    /// Who follows it without a vote.
    pub learners: Vec<NodeId>,
    /// A change of the voters is under way.
    pub joint: bool,
    /// How far the others are; the leader alone knows.
    pub peers: Vec<PeerProgress>,
}

/// How far another member is, as the leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerProgress {
    /// Which member.
    pub node: NodeId,
    /// The last entry known to be on its disk.
    pub matched_index: LogIndex,
    /// How long it has been silent; `None`: it has not answered yet.
    pub answered_ago: Option<Duration>,
}

/// All members, each asked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterOverview {
    /// The cluster.
    pub cluster: ClusterId,
    /// By name.
    pub members: Vec<MemberView>,
    /// Nodes at the endpoints that answered and are no members, or are none any more.
    pub outsiders: Vec<ClusterStatus>,
}

/// A member, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Who it is.
    pub member: ClusterMember,
    /// Its answer, or why there is none.
    pub status: Result<ClusterStatus, String>,
}

/// How far a snapshot reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardSnapshot {
    /// Which shard.
    pub shard: ShardId,
    /// The state up to here is durable outside the log.
    pub index: LogIndex,
}

impl Role {
    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Learner => "learner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ClusterStatus {
    /// One of its shards.
    pub fn shard(&self, shard: ShardId) -> Option<&ClusterShard> {
        self.shards.iter().find(|it| it.shard == shard)
    }
}

impl ClusterOverview {
    /// The members that answered.
    pub fn answers(&self) -> impl Iterator<Item = &ClusterStatus> {
        self.members
            .iter()
            .filter_map(|view| view.status.as_ref().ok())
    }

    /// The member with a name.
    pub fn named(&self, name: &str) -> Option<&MemberView> {
        self.members.iter().find(|view| view.member.name == name)
    }

    /// What a node is called here.
    pub fn name_of(&self, node: NodeId) -> String {
        let mut members = self.members.iter();
        members
            .find(|view| view.member.node == node)
            .map_or_else(|| node.to_string(), |view| view.member.name.clone())
    }

    /// The ids of all shards that any member has, ascending.
    pub fn shard_ids(&self) -> Vec<ShardId> {
        let shards = self.answers().flat_map(|status| &status.shards);
        let mut ids: Vec<ShardId> = shards.map(|it| it.shard).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The last entry of a shard that anybody knows to be committed.
    pub fn committed(&self, shard: ShardId) -> LogIndex {
        let shards = self.answers().filter_map(|status| status.shard(shard));
        shards
            .map(|it| it.committed_index.max(it.applied_index))
            .max()
            .unwrap_or_default()
    }

    /// The member that leads a shard: of those that say so, the one of the latest term.
    pub fn leader(&self, shard: ShardId) -> Option<&MemberView> {
        let leads = self.members.iter().filter_map(|view| {
            let it = view.status.as_ref().ok()?.shard(shard)?;
            (it.role == Role::Leader).then_some((it.term, view))
        });
        leads.max_by_key(|(term, _)| *term).map(|(_, view)| view)
    }
}
