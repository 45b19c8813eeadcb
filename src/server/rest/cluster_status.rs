//! The cluster as this node sees it.

use axum::extract::{Request, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::forms::hex;
use super::refused::Answered;
use super::state::Rest;
use crate::proto::v1;

/// The cluster as the node that answers sees it. Ids are 32 hexadecimal digits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClusterStatus {
    /// The cluster; not there: this node is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    /// The node that answers.
    node: String,
    /// Its name.
    name: String,
    /// Of dkv.
    version: String,
    uptime_ms: u64,
    /// Why writes are refused right now; not there: they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only_because: Option<String>,
    /// The members as the first replicated shard has them.
    members: Vec<MemberStatus>,
    /// The replicated shards.
    groups: Vec<GroupStatus>,
}

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberStatus {
    node: String,
    name: String,
    peer_address: String,
    client_address: String,
    voter: bool,
    /// A learner that becomes a voter by itself once it has caught up.
    wants_vote: bool,
    /// It is being taken out.
    leaving: bool,
}

/// A replicated shard, and the group of members that keeps it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClusterGroup)]
pub(super) struct GroupStatus {
    shard: u32,
    /// `dstore` or `lockmgr(dstore)`.
    r#type: String,
    /// Of the node that answers: `leader`, `follower`, `candidate` or `learner`.
    role: &'static str,
    term: u64,
    /// Not there: nobody known.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// Positions in the log; 0: nothing.
    last_index: u64,
    committed_index: u64,
    applied_index: u64,
    snapshot_index: u64,
    purged_index: u64,
    revision: u64,
    /// 16 hexadecimal digits: the same on all members at the same position.
    state_hash: String,
    voters: Vec<String>,
    learners: Vec<String>,
    /// Two sets of voters are valid: a change is under way.
    joint: bool,
    /// Only at the leader: how far the others are.
    peers: Vec<PeerStatus>,
}

/// How far another member is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PeerStatus {
    node: String,
    /// The last entry known to be on its disk; 0: none.
    matched_index: u64,
    /// Since it last answered; not there: it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_ms_ago: Option<u64>,
}

/// How is the cluster?
///
/// As the node that is asked sees it: cheap, local, and always answered.
#[utoipa::path(
    get,
    path = "/v1/cluster",
    tag = "cluster",
    operation_id = "cluster_status",
    responses((status = 200, description = "What this node knows", body = ClusterStatus))
)]
pub(super) async fn status(State(rest): State<Rest>, request: Request) -> Answered {
    let (parts, _) = request.into_parts();
    rest.head_among(&parts, "", &[]).await?;
    let status = rest.live().await?.admin.status_now();
    rest.json(StatusCode::OK, None, &ClusterStatus::of(status))
}

impl ClusterStatus {
    fn of(wire: v1::ClusterStatusReply) -> Self {
        let why = wire.read_only_because;
        Self {
            cluster: id(&wire.cluster),
            node: hex(&wire.node),
            name: wire.name,
            version: wire.version,
            uptime_ms: wire.uptime_ms,
            read_only_because: (!why.is_empty()).then_some(why),
            members: wire.members.into_iter().map(MemberStatus::of).collect(),
            groups: wire.groups.into_iter().map(GroupStatus::of).collect(),
        }
    }
}

impl MemberStatus {
    fn of(wire: v1::ClusterMember) -> Self {
        Self {
            node: hex(&wire.node),
            name: wire.name,
            peer_address: wire.peer_address,
            client_address: wire.client_address,
            voter: wire.voter,
            wants_vote: wire.wants_vote,
            leaving: wire.leaving,
        }
    }
}

impl GroupStatus {
    fn of(wire: v1::GroupStatus) -> Self {
        Self {
            shard: wire.shard,
            role: role(wire.role()),
            r#type: wire.r#type,
            term: wire.term,
            leader: id(&wire.leader),
            last_index: wire.last_index,
            committed_index: wire.committed_index,
            applied_index: wire.applied_index,
            snapshot_index: wire.snapshot_index,
            purged_index: wire.purged_index,
            revision: wire.revision,
            state_hash: format!("{:016x}", wire.state_hash),
            voters: wire.voters.iter().map(|it| hex(it)).collect(),
            learners: wire.learners.iter().map(|it| hex(it)).collect(),
            joint: wire.joint,
            peers: wire.peers.iter().map(PeerStatus::of).collect(),
        }
    }
}

impl PeerStatus {
    fn of(wire: &v1::PeerProgress) -> Self {
        Self {
            node: hex(&wire.node),
            matched_index: wire.matched_index,
            answered_ms_ago: wire.answered_ms_ago,
        }
    }
}

fn id(bytes: &Bytes) -> Option<String> {
    (!bytes.is_empty()).then(|| hex(bytes))
}

fn role(role: v1::Role) -> &'static str {
    match role {
        v1::Role::Leader => "leader",
        v1::Role::Follower => "follower",
        v1::Role::Candidate => "candidate",
        v1::Role::Learner => "learner",
        v1::Role::Unspecified => "unknown",
    }
}
