//! What operators ask: how the cluster is, and to change it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::Book;
use super::join::{Places, names};
use super::steps::Seen;
use crate::base::types::{NodeId, ShardId};
use crate::base::{Error, ErrorKind, Result};
use crate::proto::v1;
use crate::proto::v1::cluster_server::Cluster;
use crate::raft::{Change, Group, Member, Role};
use crate::server::describe::Describe;
use crate::server::peer::{Joining, hello};
use crate::server::port::Caller;
use crate::server::service::Shard;
use crate::server::status::to_status;

/// How long a change may take before its request is answered that it goes on, if the
/// request does not say, ...
const SETTLE_WITHIN: Duration = Duration::from_secs(8);
/// ... and if it does, at most.
const SETTLE_WITHIN_MAX: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// The Cluster service of one node.
#[derive(Clone)]
pub(in crate::server) struct Admin {
    pub(in crate::server) describe: Describe,
    /// None on a node without replicated shards.
    pub(in crate::server) book: Option<Book>,
}

type Changed = Result<String>;

impl Admin {
    fn replicated(&self) -> impl Iterator<Item = (&Shard, &Group)> {
        self.describe.service.shards().filter_map(|shard| {
            let replicated = shard.store.replicated()?;
            Some((shard, replicated.group()))
        })
    }

    fn first(&self) -> Result<&Group> {
        let first = self.replicated().next();
        first.map(|(_, group)| group).ok_or_else(|| {
            Error::invalid(
                "this node has no replicated shards and is in no cluster: `dkv cluster up` starts \
                 one, and `dkv serve --help` says how (--cluster-members, --join)",
            )
        })
    }

    /// The first group, if this node leads it.
    fn led(&self) -> Result<&Group> {
        let first = self.first()?;
        match first.leads() {
            Some(_) => Ok(first),
            None => Err(not_leader(first)),
        }
    }

    /// How this node sees the cluster.
    pub(in crate::server) fn status_now(&self) -> v1::ClusterStatusReply {
        let service = &self.describe.service;
        let first = self.replicated().next();
        let members = first.map(|(_, group)| group.members()).unwrap_or_default();
        let voters = &members.voters;
        let member = |(node, member): (&NodeId, &Member)| v1::ClusterMember {
            node: Bytes::copy_from_slice(&node.0),
            name: member.name.clone(),
            peer_address: member.peer_address.clone(),
            client_address: member.client_address.clone(),
            voter: voters.contains(node),
            wants_vote: member.wants_vote,
            leaving: member.leaving,
        };
        v1::ClusterStatusReply {
            cluster: first.map_or_else(Bytes::new, |(shard, _)| shard.identity.clone()),
            node: Bytes::copy_from_slice(&service.node().0),
            name: self.describe.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: self.describe.uptime_ms(),
            members: members.all.iter().map(member).collect(),
            groups: self.replicated().map(group_status).collect(),
            read_only_because: (self.describe.read_only)().unwrap_or_default(),
        }
    }

    /// Adds a node that runs with --join, at its peer address; as the others, says what was done.
    pub(in crate::server) async fn add_learner(&self, address: String) -> Changed {
        let first = self.led()?;
        let book = self.book.as_ref().ok_or_else(|| not_leader(first))?;
        let identity = book.myself().identity();
        let reply = hello(book.myself(), &address, None, ASK_WITHIN).await;
        let reply = reply.map_err(|error| match error.kind() {
            // Other members would find nobody there, either.
            ErrorKind::Unavailable | ErrorKind::Timeout => Error::invalid(error.message()),
            _ => error,
        })?;
        let from = reply.from.unwrap_or_default();
        if from.cluster != identity.cluster {
            return Err(Error::invalid(format!(
                "{} at {address} is not of this cluster (yet): start it with --join",
                from.name
            )));
        }
        let odd = |_| Error::invalid("its answer has an odd node id");
        let node = NodeId(from.node[..].try_into().map_err(odd)?);
        let members = first.members();
        if members.voters.contains(&node) {
            return Ok(format!("{} is a voter already", from.name));
        }
        let known = members.all.get(&node).cloned();
        if let Some(member) = &known {
            check_stays(&member.name, member)?;
        }
        let member = Member {
            wants_vote: false,
            ..known.unwrap_or(Member {
                name: from.name.clone(),
                peer_address: address,
                ..Member::default()
            })
        };
        let request = crate::proto::peer::JoinRequest {
            from: Some(crate::proto::peer::Identity {
                node: from.node,
                ..identity
            }),
            member: Some(member.store(node)),
        };
        if members.all.contains_key(&node) {
            change_by(first, Change::Set(node, member), settle_by(0)).await?;
        } else {
            Places::new(first.clone()).join(request).await?;
        }
        Ok(format!("{} is a learner", from.name))
    }

    /// Makes a learner a voter, once it has caught up.
    pub(in crate::server) async fn promote(&self, request: v1::MemberRequest) -> Changed {
        let (name, by) = (&request.name, settle_by(request.wait_ms));
        let first = self.led()?;
        let (node, member) = find(first, name)?;
        if first.members().voters.contains(&node) {
            return Ok(format!("{name} is a voter already"));
        }
        check_stays(name, &member)?;
        let wanting = Member {
            wants_vote: true,
            ..member
        };
        change_by(first, Change::Set(node, wanting), by).await?;
        let votes = || first.members().voters.contains(&node);
        Ok(match until(votes, by).await {
            true => format!("{name} is a voter"),
            false => format!("{name} will be a voter as soon as it has caught up"),
        })
    }

    /// Takes a member out.
    pub(in crate::server) async fn remove(&self, request: v1::MemberRequest) -> Changed {
        let (name, by) = (&request.name, settle_by(request.wait_ms));
        let first = self.led()?;
        let (node, member) = find(first, name)?;
        let members = first.members();
        let stay = |voter: &&NodeId| {
            let leaving = members.all.get(voter).is_some_and(|it| it.leaving);
            **voter != node && !leaving
        };
        if members.voters.contains(&node) && !members.voters.iter().any(|voter| stay(&voter)) {
            return Err(Error::invalid(format!(
                "{name} is the last voter: without it nothing could be changed any more; to give \
                 the cluster up, stop it and delete its data directory"
            )));
        }
        if node == first.node() {
            hand_over(first, by).await?;
        }
        let leaving = Member {
            leaving: true,
            wants_vote: false,
            ..member
        };
        change_by(first, Change::Set(node, leaving), by).await?;
        let gone = || !first.members().all.contains_key(&node);
        Ok(match until(gone, by).await {
            true => format!("{name} is not a member any more"),
            false => format!("{name} is being taken out: `dkv cluster members` shows when it is"),
        })
    }

    /// Hands leaderships to a member.
    pub(in crate::server) async fn transfer(&self, request: v1::TransferLeaderRequest) -> Changed {
        let (name, shard) = (&request.name, request.shard);
        let by = settle_by(request.wait_ms);
        let groups: Vec<&Group> = self
            .replicated()
            .filter(|(it, _)| shard == 0 || it.id == ShardId(shard))
            .map(|(_, group)| group)
            .collect();
        let Some(first) = groups.first() else {
            self.first()?;
            let message = format!("there is no replicated shard {shard} here");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        let (node, _) = find(first, name)?;
        let led: Vec<_> = groups.iter().filter(|it| it.leads().is_some()).collect();
        if led.is_empty() && groups.iter().all(|it| leads(it, node)) {
            return Ok(format!("{name} leads already"));
        }
        if led.is_empty() {
            return Err(not_leader(first));
        }
        for group in led.iter().filter(|it| node != it.node()) {
            check_successor(group, node, name)?;
        }
        let mut done = Vec::new();
        for group in led {
            if node != group.node() {
                group.transfer(node).await?;
            }
            if !until(|| leads(group, node), by).await {
                return Err(Error::unavailable(format!(
                    "{name} did not take over shard {}: try again",
                    group.shard()
                )));
            }
            done.push(group.shard().to_string());
        }
        Ok(format!("{name} leads shard {}", done.join(", ")))
    }

    /// Makes the state of shards durable.
    pub(in crate::server) async fn snapshot(&self, shard: u32) -> Result<v1::SnapshotReply> {
        let shards = self.describe.service.shards();
        let wanted: Vec<&Shard> = shards
            .filter(|it| shard == 0 || it.id == ShardId(shard))
            .collect();
        if wanted.is_empty() {
            self.describe.service.shard(ShardId(shard))?;
        }
        let mut done = Vec::new();
        for shard in wanted {
            let applied = shard.store.status().applied;
            shard.store.checkpoint_now();
            let covered = || shard.store.status().durable >= applied;
            if !until(covered, settle_by(0)).await {
                return Err(Error::timeout(format!(
                    "shard {} is still being written: ask again",
                    shard.id
                )));
            }
            done.push(v1::ShardSnapshot {
                shard: shard.id.0,
                index: shard.store.status().durable.0,
            });
        }
        Ok(v1::SnapshotReply { shards: done })
    }
}

fn leads(group: &Group, node: NodeId) -> bool {
    group.leader().is_some_and(|(leader, _)| leader == node)
}

/// A leader cannot see itself gone: another takes over the removal, if it can now.
///
/// # Errors
/// `NotLeader` with the successor's address once it leads.
async fn hand_over(first: &Group, by: Instant) -> Result<()> {
    let (status, members) = (first.status(), first.members());
    let stays = |node: &NodeId| !members.all.get(node).is_some_and(|it| it.leaving);
    let successor = Seen::of(first.node(), &status, &members).successor(stays);
    let Some(successor) = successor else {
        return Ok(());
    };
    first.transfer(successor).await?;
    let somebody_else = || first.leader().is_some_and(|(node, _)| node != first.node());
    match until(somebody_else, by).await {
        true => Err(not_leader(first)),
        false => Ok(()),
    }
}

/// One moment for all steps of a request: who asked waits no longer, either.
fn settle_by(wait_ms: u64) -> Instant {
    let within = match wait_ms {
        0 => SETTLE_WITHIN,
        some => Duration::from_millis(some).min(SETTLE_WITHIN_MAX),
    };
    Instant::now() + within
}

/// Makes a change, but waits no longer than that for a majority.
async fn change_by(first: &Group, change: Change, by: Instant) -> Result<()> {
    let changed = tokio::time::timeout_at(by, first.change(change)).await;
    changed.unwrap_or_else(|_| {
        Err(Error::timeout(
            "no majority confirmed the change in time: are enough members running?",
        ))
    })
}

/// One that is on its way out goes on its way.
fn check_stays(name: &str, member: &Member) -> Result<()> {
    if member.leaving {
        return Err(Error::invalid(format!(
            "{name} is being taken out: wait until it is gone, and let it join anew"
        )));
    }
    Ok(())
}

/// Waits until it is so; false if that takes too long.
async fn until(is_so: impl Fn() -> bool, by: Instant) -> bool {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout_at(by, looking).await.is_ok()
}

fn not_leader(group: &Group) -> Error {
    let leader = group.leader().filter(|(node, _)| *node != group.node());
    match leader {
        Some((_, member)) => Error::new(
            ErrorKind::NotLeader,
            format!("{} leads the cluster: ask it", member.name),
        )
        .with_leader(member.client_address),
        None => Error::unavailable(
            "nobody leads the cluster right now: is a majority of its members running?",
        ),
    }
}

fn find(group: &Group, name: &str) -> Result<(NodeId, Member)> {
    let members = group.members().all;
    let found = members.iter().find(|(_, member)| member.name == name);
    found
        .map(|(node, member)| (*node, member.clone()))
        .ok_or_else(|| {
            let names = names(members.values());
            let message = format!("there is no member {name} (the members are {names})");
            Error::new(ErrorKind::NotFound, message)
        })
}

/// A leader that hands over to somebody who is not there leaves nobody.
fn check_successor(group: &Group, node: NodeId, name: &str) -> Result<()> {
    let (status, members) = (group.status(), group.members());
    if !members.voters.contains(&node) {
        return Err(Error::invalid(format!(
            "{name} is a learner and cannot lead: `dkv cluster promote {name}` first"
        )));
    }
    if Seen::of(group.node(), &status, &members).has_caught_up(node) {
        return Ok(());
    }
    let answered = status.answered.get(&node).copied().flatten();
    let why = match answered {
        Some(ago) if ago < Duration::from_secs(2) => "is too far behind".to_owned(),
        Some(ago) => format!("has not answered for {} s", ago.as_secs()),
        None => "has not answered its leader yet".to_owned(),
    };
    // Asking again at once would end the same way.
    Err(Error::invalid(format!(
        "{name} {why}: the leadership stays where it is"
    )))
}

/// What a member is in a group, as the wire says it.
pub(in crate::server) fn wire_role(role: Role) -> v1::Role {
    match role {
        Role::Leader => v1::Role::Leader,
        Role::Follower => v1::Role::Follower,
        Role::Candidate => v1::Role::Candidate,
        Role::Learner => v1::Role::Learner,
    }
}

fn group_status((shard, group): (&Shard, &Group)) -> v1::GroupStatus {
    let (status, store) = (group.status(), shard.store.status());
    let id = |node: &NodeId| Bytes::copy_from_slice(&node.0);
    let learners = status
        .members
        .keys()
        .filter(|it| !status.voters.contains(*it));
    let peers: BTreeMap<NodeId, v1::PeerProgress> = status
        .matched
        .iter()
        .filter(|(node, _)| **node != group.node())
        .map(|(node, matched)| {
            let answered = status.answered.get(node).copied().flatten();
            let progress = v1::PeerProgress {
                node: id(node),
                matched_index: matched.0,
                answered_ms_ago: answered
                    .map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
            };
            (*node, progress)
        })
        .collect();
    v1::GroupStatus {
        shard: shard.id.0,
        r#type: shard.kind.to_string(),
        role: wire_role(status.role).into(),
        term: status.term,
        leader: status.leader.as_ref().map_or_else(Bytes::new, id),
        last_index: status.last.0,
        committed_index: status.committed.0,
        applied_index: store.applied.0,
        snapshot_index: status.snapshot.0,
        purged_index: status.purged.0,
        revision: store.revision.0,
        state_hash: store.state_hash,
        voters: status.voters.iter().map(id).collect(),
        learners: learners.map(id).collect(),
        joint: status.joint,
        peers: peers.into_values().collect(),
    }
}

fn answer(changed: Changed) -> Result<Response<v1::ChangeReply>, Status> {
    let done = changed.map_err(|error| to_status(&error))?;
    Ok(Response::new(v1::ChangeReply { done }))
}

type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Cluster for Admin {
    async fn status(
        &self,
        _request: Request<v1::ClusterStatusRequest>,
    ) -> Answered<v1::ClusterStatusReply> {
        Ok(Response::new(self.status_now()))
    }

    async fn add_learner(
        &self,
        request: Request<v1::AddLearnerRequest>,
    ) -> Answered<v1::ChangeReply> {
        answer(Admin::add_learner(self, request.into_inner().address).await)
    }

    async fn promote(&self, request: Request<v1::MemberRequest>) -> Answered<v1::ChangeReply> {
        answer(Admin::promote(self, request.into_inner()).await)
    }

    async fn remove(&self, request: Request<v1::MemberRequest>) -> Answered<v1::ChangeReply> {
        answer(Admin::remove(self, request.into_inner()).await)
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferLeaderRequest>,
    ) -> Answered<v1::ChangeReply> {
        answer(self.transfer(request.into_inner()).await)
    }

    async fn snapshot(&self, request: Request<v1::SnapshotRequest>) -> Answered<v1::SnapshotReply> {
        let done = Admin::snapshot(self, request.into_inner().shard).await;
        done.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Answered<v1::CreateTokenReply> {
        let caller = Caller::of(request.extensions()).cloned();
        let made = Admin::create_token(self, caller.as_ref(), request.into_inner()).await;
        made.map(Response::new).map_err(|error| to_status(&error))
    }
}
