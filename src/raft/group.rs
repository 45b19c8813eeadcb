//! One group: the handle that a replicated shard holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{ClientWriteError, InitializeError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::raft::ReadPolicy;
use openraft::type_config::alias::CommittedLeaderIdOf;
use openraft::{Config, Instant as _, Raft, ServerState, SnapshotPolicy};

use super::adapter::{Adapter, Progress, progress};
use super::calls::CallError;
use super::changes::{Changes, LeaderChanges};
use super::codec::{index_of, index_or_zero, raft_index};
use super::hub::Hub;
use super::inbound::Inbound;
use super::network::Links;
use super::runtime::Runtime;
use super::snapshot::{Receiver, Shelf, SnapshotFigures, Traffic};
use super::status::{GroupStatus, Role};
use super::transport::Lane;
use super::types::{Proposal, Types};
use super::{Log, Member, Replica};
use crate::base::types::{LogIndex, NodeId, ShardId};
use crate::base::{Error, ErrorKind, Result, mutant};
use crate::machine::{Applied, Command, codec};
use crate::proto::peer;
use crate::proto::peer::frame::Body;

/// How a group is run.
#[derive(Debug, Clone)]
pub struct GroupOptions {
    /// The shard.
    pub shard: ShardId,
    /// This node.
    pub node: NodeId,
    /// Between two signs of life of the leader.
    pub heartbeat: Duration,
    /// A follower stands for election 1.5 to 2 times this after the last of them.
    pub election_timeout: Duration,
    /// The moments of this node's candidacies are drawn from it: another one for each
    /// node and start.
    pub seed: u64,
}

/// How long the library may take to hear of a checkpoint.
const NOTED_WITHIN: Duration = Duration::from_secs(10);

/// A handle to one group. Clones are the same group.
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    options: GroupOptions,
    raft: Raft<Types, Adapter>,
    log: Log,
    hub: Hub,
    inbound: Arc<Inbound>,
    shelf: Arc<Shelf>,
    traffic: Arc<Traffic>,
    progress: Progress,
}

/// Why a proposal has no outcome.
#[derive(Debug)]
pub enum ProposeError {
    /// It never came into the log: another may lead.
    NotLeader,
    /// It may or may not have been applied.
    Unknown(String),
}

impl Group {
    /// Starts a group over its log and its replica. It takes part in elections at once.
    ///
    /// # Errors
    /// `Corrupt` if log and replica do not fit together; `Internal` for options that the
    /// library refuses.
    pub async fn start(
        options: GroupOptions,
        log: Log,
        replica: Arc<dyn Replica>,
        hub: &Hub,
    ) -> Result<Self> {
        let config = config(&options)?;
        let silence = 2 * options.election_timeout;
        let traffic = Arc::new(Traffic::default());
        let links = Links {
            calls: hub.calls().clone(),
            traffic: traffic.clone(),
            group: options.shard.0,
            silence,
            sessions: Arc::new(AtomicU64::new(1)),
            spawn: hub.spawn().clone(),
        };
        let (tell, progress) = progress();
        let shelf = Arc::new(Shelf::default());
        let adapter = Adapter::new(
            (replica.clone(), log.clone()),
            shelf.clone(),
            tell,
            hub.spawn().clone(),
        )?;
        let starting = Raft::new(options.node, Arc::new(config), links, log.clone(), adapter);
        let raft = Runtime::seeded(options.seed, starting)
            .await
            .map_err(|fatal| Error::corrupt(format!("shard {}: {fatal}", options.shard)))?;
        let snapshots = Receiver::start(
            raft.clone(),
            replica.clone(),
            (hub.calls().clone(), hub.spawn().clone(), traffic.clone()),
            options.shard.0,
        );
        let inbound = Inbound {
            snapshots,
            raft: raft.clone(),
            log: log.clone(),
            replica,
            calls: hub.calls().clone(),
            group: options.shard.0,
            read_within: silence,
            pipelines: parking_lot::Mutex::default(),
            heard: parking_lot::Mutex::default(),
        };
        let inbound = Arc::new(inbound);
        hub.add(options.shard.0, inbound.clone());
        let inner = Inner {
            options,
            raft,
            log,
            hub: hub.clone(),
            inbound,
            shelf,
            traffic,
            progress,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Founds the group with these voters. Does nothing if it was founded before.
    ///
    /// # Errors
    /// `Internal` if the group has stopped or this node is none of them.
    pub async fn found(&self, members: BTreeMap<NodeId, Member>) -> Result<()> {
        match self.inner.raft.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(Error::internal(format!(
                "shard {} cannot be founded: {error}",
                self.inner.options.shard
            ))),
        }
    }

    /// The term in which this node leads and has applied everything that earlier leaders
    /// left; `None` while it does not.
    pub fn leads(&self) -> Option<u64> {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let leads = metrics.state == ServerState::Leader
            && metrics.current_leader == Some(self.inner.options.node);
        let term = metrics.vote.leader_id.term;
        drop(metrics);
        (leads && *self.inner.progress.term.borrow() == term).then_some(term)
    }

    /// The shard it is for.
    pub fn shard(&self) -> ShardId {
        self.inner.options.shard
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.inner.options.node
    }

    /// A member that does not answer for so long is taken for gone.
    pub fn silence(&self) -> Duration {
        2 * self.inner.options.election_timeout
    }

    /// How long ago this node last heard from the leader, or 0 if it leads; `None`: not
    /// since it started.
    pub fn age(&self) -> Option<Duration> {
        if self.leads().is_some() {
            return Some(Duration::ZERO);
        }
        self.inner.inbound.heard_ago()
    }

    /// True once everything up to `index` is applied here.
    pub fn has_applied(&self, index: LogIndex) -> bool {
        *self.inner.progress.applied.borrow() >= index
    }

    /// The latest term this node has heard of.
    pub fn term(&self) -> u64 {
        let metrics = self.inner.raft.server_metrics();
        metrics.borrow_watched().vote.leader_id.term
    }

    /// The latest term this node has heard of, and who leads if that is another node. Every
    /// reply asks.
    pub fn lead(&self) -> (u64, Option<Member>) {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let other = metrics
            .current_leader
            .filter(|leader| *leader != self.inner.options.node)
            .and_then(|leader| metrics.membership_config.get_node(&leader));
        (metrics.vote.leader_id.term, other.cloned())
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<(NodeId, Member)> {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let leader = metrics.current_leader?;
        let member = metrics.membership_config.get_node(&leader)?;
        Some((leader, member.clone()))
    }

    /// Resolves when who leads, or the members, may have changed.
    pub fn changes(&self) -> Changes {
        Changes {
            server: self.inner.raft.server_metrics(),
            term: self.inner.progress.term.clone(),
        }
    }

    /// Resolves when who leads, or who is a member, may have changed.
    pub fn leader_changes(&self) -> LeaderChanges {
        LeaderChanges {
            server: self.inner.raft.server_metrics(),
        }
    }

    /// Proposes an encoded entry, if this node leads in `term`. The order of calls is the
    /// order of the log once the first part has resolved; the second part resolves when
    /// the entry was applied.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose(
        &self,
        term: u64,
        entry: Bytes,
    ) -> Result<impl Future<Output = Result<Vec<Applied>, ProposeError>> + Send + use<>, ProposeError>
    {
        let (responder, told) = ProgressResponder::complete_only();
        let leader = CommittedLeaderIdOf::<Types>::new(term);
        self.inner
            .raft
            .write(Proposal(entry))
            .with_leader(leader)
            .responder(responder)
            .await
            .map_err(|fatal| ProposeError::Unknown(fatal.to_string()))?;
        Ok(async move {
            match told.await {
                Ok(Ok(written)) => Ok(written.data),
                Ok(Err(ClientWriteError::ForwardToLeader(_))) => Err(ProposeError::NotLeader),
                Ok(Err(other)) => Err(ProposeError::Unknown(other.to_string())),
                Err(_) => Err(ProposeError::Unknown("the group has stopped".to_owned())),
            }
        })
    }

    /// Asks a quorum whether this node still leads, and gives the position that a read
    /// must wait for.
    ///
    /// # Errors
    /// `NotLeader` if it does not, or no quorum answers.
    pub async fn read_index(&self) -> Result<LogIndex> {
        let linearizer = self
            .inner
            .raft
            .get_read_linearizer(match mutant::is_on("lease-read") {
                true => ReadPolicy::LeaseRead,
                false => ReadPolicy::ReadIndex,
            })
            .await
            .map_err(|error| Error::new(ErrorKind::NotLeader, error.to_string()))?;
        Ok(index_of(linearizer.read_log_id().log_id().index()))
    }

    /// Asks the leader for the position that a read here must wait for.
    ///
    /// # Errors
    /// `Unavailable` if it does not answer in time, or what it says.
    pub async fn read_index_of(&self, leader: NodeId, limit: Duration) -> Result<LogIndex> {
        let body = Body::ReadIndex(peer::ReadIndex {});
        let answer = self.ask(leader, Lane::Heartbeat, body);
        match answer.within(limit).await {
            // Without a position the read would be confirmed by nothing.
            Ok(Body::ReadIndexReply(peer::ReadIndexReply { index: Some(at) })) if at.index > 0 => {
                Ok(LogIndex(at.index))
            }
            Ok(_) => Err(Error::internal(
                "the leader's answer names no position to read at: nothing was read; do all \
                 members run the same version?",
            )),
            Err(CallError::Silence | CallError::NoLink) => Err(Error::unavailable(
                "the leader did not answer in time: nothing was read",
            )),
            Err(CallError::Refused(error)) => Err(error),
        }
    }

    /// Gives commands to the leader.
    ///
    /// # Errors
    /// `Timeout` if it does not answer: the outcome is unknown; else what it says.
    pub async fn forward(
        &self,
        leader: NodeId,
        commands: &[Command],
        budget: Duration,
    ) -> Result<Vec<Applied>> {
        let body = Body::Forward(peer::Forward {
            commands: codec::store_proposal(commands),
            budget_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX),
        });
        let answer = self.ask(leader, Lane::Data, body);
        match answer.within(budget).await {
            Ok(Body::ForwardReply(reply)) => {
                let applied = reply.applied.into_iter().map(codec::read_reply);
                Ok(applied.collect::<Result<_, _>>()?)
            }
            Ok(_) => Err(Error::timeout("the leader gave an answer of another kind")),
            Err(CallError::NoLink) => Err(Error::unavailable(
                "this node has no link to the leader: nothing was done",
            )),
            Err(CallError::Silence) => Err(Error::timeout(
                "the leader did not answer in time: ask again with the same request id",
            )),
            Err(CallError::Refused(error)) => Err(error),
        }
    }

    pub(super) fn raft(&self) -> &Raft<Types, Adapter> {
        &self.inner.raft
    }

    pub(super) fn ask(&self, to: NodeId, lane: Lane, body: Body) -> super::calls::Answer {
        let group = self.inner.options.shard.0;
        self.inner.hub.calls().ask(to, lane, group, body)
    }

    /// Resolves once everything up to `index` is applied here; never, if the group stops.
    pub async fn applied(&self, index: LogIndex) {
        let mut applied = self.inner.progress.applied.clone();
        let reached = applied.has_become(|applied| *applied >= index).await;
        if !reached {
            std::future::pending::<()>().await;
        }
    }

    /// A checkpoint was written: entries up to `upto`, which it covers, may go. The library
    /// drops nothing before it has heard of the checkpoint.
    pub async fn checkpointed(&self, upto: LogIndex) {
        let raft = self.raft();
        let upto = self
            .inner
            .shelf
            .pins()
            .map_or(upto, |pinned| upto.min(pinned));
        let Some(upto) = raft_index(upto) else {
            return;
        };
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
        let waiting = raft.wait(Some(NOTED_WITHIN));
        let noted = waiting.metrics(
            |metrics| {
                metrics
                    .snapshot
                    .as_ref()
                    .is_some_and(|at| at.index() >= upto)
            },
            "the checkpoint is known",
        );
        if let Err(error) = noted.await {
            tracing::debug!(%error, "the log is kept until the next checkpoint");
            return;
        }
        if let Err(stopped) = raft.trigger().purge_log(upto).await {
            tracing::debug!(%stopped, "the log was not purged");
        }
    }

    /// What its snapshots came to.
    pub fn snapshots(&self) -> SnapshotFigures {
        self.inner.traffic.figures()
    }

    /// How the group is doing.
    pub fn status(&self) -> GroupStatus {
        let node = self.inner.options.node;
        // One that led before it restarted is not the leader until it is elected again.
        let leads = self.leads().is_some();
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let role = match Role::of(metrics.state, membership, node) {
            Role::Leader if !leads => Role::Candidate,
            role => role,
        };
        GroupStatus {
            role,
            term: metrics.current_term,
            leader: metrics.current_leader.filter(|it| leads || *it != node),
            last: metrics.last_log_index.map_or(LogIndex(0), index_of),
            committed: index_or_zero(metrics.local_committed.as_ref()),
            applied: index_or_zero(metrics.last_applied.as_ref()),
            snapshot: index_or_zero(metrics.snapshot.as_ref()),
            purged: index_or_zero(metrics.purged.as_ref()),
            members: membership
                .nodes()
                .map(|(node, member)| (*node, member.clone()))
                .collect(),
            voters: membership.voter_ids().collect(),
            joint: membership.get_joint_config().len() > 1,
            matched: metrics
                .replication
                .iter()
                .flatten()
                .map(|(node, matched)| (*node, index_or_zero(matched.as_ref())))
                .collect(),
            answered: metrics
                .heartbeat
                .iter()
                .flatten()
                .map(|(node, at)| (*node, at.map(|at| at.elapsed())))
                .collect(),
        }
    }

    /// For simulations: the last entry that is gone from the log, and the term and a checksum
    /// of every entry that is there. The status learns of a purge once that is durable.
    #[doc(hidden)]
    pub fn entries(&self) -> (LogIndex, BTreeMap<LogIndex, (u64, u32)>) {
        self.inner.log.entries()
    }

    /// Ends the group's work.
    pub async fn stop(&self) {
        self.inner.hub.remove(self.inner.options.shard.0);
        // The library hears of nothing while it waits for its log.
        self.inner.log.stop();
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(shard = self.inner.options.shard.0, %error, "a group ended badly");
        }
    }
}

fn config(options: &GroupOptions) -> Result<Config> {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let heartbeat = millis(options.heartbeat);
    let election = millis(options.election_timeout);
    Config {
        cluster_name: format!("shard {}", options.shard),
        // The library adds its lease, which is the longer of these, to a draw between them.
        election_timeout_min: election / 2,
        election_timeout_max: election,
        heartbeat_interval: heartbeat,
        heartbeat_min_interval: Some(heartbeat / 2),
        // Our checkpoints decide, by commands and bytes.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        max_payload_entries: 1_024,
        // A member that is back should not wait long for what it missed.
        backoff: "50ms 100ms 200ms ...300ms".to_owned(),
        enable_pre_vote: Some(true),
        // IMPORTANT: a leader that starts anew in its old term would answer reads by what it
        // remembers of how far the log is committed, which is not made durable and lags. One that
        // is elected first learns it from the entry its term begins with.
        enable_leader_restore: Some(mutant::is_on("leader-restored")),
        // Else an old leader that reaches some of us keeps the others from electing.
        quorum_loss_probe_interval: Some(2 * election),
        ..Config::default()
    }
    .validate()
    .map_err(|error| Error::internal(format!("shard {}: {error}", options.shard)))
}
