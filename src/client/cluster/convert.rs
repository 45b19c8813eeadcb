//! Between the wire and the caller's types. An answer that cannot be is the server's
//! defect, never a panic here.

use std::time::Duration;

use super::types::{ClusterMember, ClusterShard, ClusterStatus, PeerProgress, Role, ShardSnapshot};
use crate::base::Result;
use crate::base::types::{ClusterId, LogIndex, NodeId, Revision, ShardId};
use crate::client::convert::identity;
use crate::client::endpoint::Endpoint;
use crate::client::error::broken_contract;
use crate::proto::v1;

/// What the node at `from` says of its cluster.
pub(super) fn status(reply: v1::ClusterStatusReply, from: &Endpoint) -> Result<ClusterStatus> {
    let cluster = match reply.cluster.is_empty() {
        true => None,
        false => Some(ClusterId(identity(&reply.cluster, "a cluster id", from)?)),
    };
    let members = reply.members.into_iter().map(|it| member(it, from));
    let shards = reply.groups.into_iter().map(|it| shard(it, from));
    let mut shards = shards.collect::<Result<Vec<_>>>()?;
    shards.sort_by_key(|it| it.shard);
    let read_only = !reply.read_only_because.is_empty();
    Ok(ClusterStatus {
        endpoint: from.to_string(),
        cluster,
        node: node(&reply.node, from)?,
        name: reply.name,
        version: reply.version,
        uptime: Duration::from_millis(reply.uptime_ms),
        members: members.collect::<Result<_>>()?,
        shards,
        read_only_because: read_only.then_some(reply.read_only_because),
    })
}

/// How far the snapshots reach.
pub(super) fn snapshots(reply: v1::SnapshotReply) -> Vec<ShardSnapshot> {
    let shards = reply.shards.into_iter().map(|it| ShardSnapshot {
        shard: ShardId(it.shard),
        index: LogIndex(it.index),
    });
    shards.collect()
}

/// A member as the node at `from` knows it.
pub(in crate::client) fn member(
    member: v1::ClusterMember,
    from: &Endpoint,
) -> Result<ClusterMember> {
    Ok(ClusterMember {
        node: node(&member.node, from)?,
        name: member.name,
        peer_address: member.peer_address,
        client_address: member.client_address,
        voter: member.voter,
        wants_vote: member.wants_vote,
        leaving: member.leaving,
    })
}

fn shard(group: v1::GroupStatus, from: &Endpoint) -> Result<ClusterShard> {
    let leader = match group.leader.is_empty() {
        true => None,
        false => Some(node(&group.leader, from)?),
    };
    let nodes = |nodes: Vec<bytes::Bytes>| {
        let nodes = nodes.iter().map(|it| node(it, from));
        nodes.collect::<Result<Vec<_>>>()
    };
    let role = role(group.role(), from)?;
    let peers = group.peers.into_iter().map(|peer| {
        Ok(PeerProgress {
            node: node(&peer.node, from)?,
            matched_index: LogIndex(peer.matched_index),
            answered_ago: peer.answered_ms_ago.map(Duration::from_millis),
        })
    });
    Ok(ClusterShard {
        shard: ShardId(group.shard),
        kind: group.r#type,
        role,
        term: group.term,
        leader,
        last_index: LogIndex(group.last_index),
        committed_index: LogIndex(group.committed_index),
        applied_index: LogIndex(group.applied_index),
        snapshot_index: LogIndex(group.snapshot_index),
        purged_index: LogIndex(group.purged_index),
        revision: Revision(group.revision),
        state_hash: group.state_hash,
        voters: nodes(group.voters)?,
        learners: nodes(group.learners)?,
        joint: group.joint,
        peers: peers.collect::<Result<_>>()?,
    })
}

/// What the node at `from` is in a shard's cluster.
pub(in crate::client) fn role(role: v1::Role, from: &Endpoint) -> Result<Role> {
    match role {
        v1::Role::Unspecified => Err(broken_contract(from, "with a role this client lacks")),
        v1::Role::Leader => Ok(Role::Leader),
        v1::Role::Follower => Ok(Role::Follower),
        v1::Role::Candidate => Ok(Role::Candidate),
        v1::Role::Learner => Ok(Role::Learner),
    }
}

fn node(bytes: &bytes::Bytes, from: &Endpoint) -> Result<NodeId> {
    Ok(NodeId(identity(bytes, "a node id", from)?))
}
