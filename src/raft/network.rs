//! What a group sends to the other members.
//!
//! Entries go down one lane in order and many at once; heartbeats and votes never wait
//! behind them. Frames may be lost: an answer that does not come ends the pipeline, and
//! the library begins another.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{
    Backoff, NetBackoff, NetSnapshot, NetStreamAppend, NetTransferLeader, NetVote, RPCOption,
};
use openraft::raft::{
    AppendEntriesRequest, SnapshotResponse, StreamAppendError, StreamAppendResult,
    TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::SnapshotOf;
use openraft::{OptionalSend, RaftNetworkFactory};

use super::Member;
use super::calls::{Answer, CallError, Calls};
use super::codec::{encode_entry, read_log_id, read_vote, store_log_id, store_vote};
use super::held::Held;
use super::snapshot::{self, SnapshotData, Traffic};
use super::transport::Lane;
use super::types::{LogId, Types, Vote};
use crate::base::host::Spawn;
use crate::base::types::NodeId;
use crate::proto::peer;
use crate::proto::peer::frame::Body;
use crate::wal::GroupId;

/// Requests with entries under way to one member: each is at most about 1 MiB.
const PIPELINE: usize = 16;

/// Makes the ends of one group's links.
pub(super) struct Links {
    pub(super) calls: Arc<Calls>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) group: GroupId,
    /// A member that is silent for so long is asked anew.
    pub(super) silence: Duration,
    /// Names pipelines; no two of this process have the same.
    pub(super) sessions: Arc<std::sync::atomic::AtomicU64>,
    /// Reads what snapshots are made of.
    pub(super) spawn: Arc<dyn Spawn>,
}

/// One way to one member.
pub(super) struct Link {
    calls: Arc<Calls>,
    traffic: Arc<Traffic>,
    group: GroupId,
    to: NodeId,
    lane: Lane,
    silence: Duration,
    sessions: Arc<std::sync::atomic::AtomicU64>,
    spawn: Arc<dyn Spawn>,
}

impl Links {
    fn link(&self, to: NodeId, lane: Lane) -> Link {
        Link {
            calls: self.calls.clone(),
            traffic: self.traffic.clone(),
            group: self.group,
            to,
            lane,
            silence: self.silence,
            sessions: self.sessions.clone(),
            spawn: self.spawn.clone(),
        }
    }
}

impl RaftNetworkFactory<Types> for Links {
    type Network = Link;

    async fn new_client(&mut self, target: NodeId, _member: &Member) -> Link {
        self.link(target, Lane::Data)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, _member: &Member) -> Link {
        self.link(target, Lane::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: NodeId, _member: &Member) -> Link {
        self.link(target, Lane::Snapshot)
    }
}

type RpcResult<T> = Result<T, RPCError<Types>>;

impl Link {
    fn ask(&self, lane: Lane, body: Body) -> Answer {
        self.calls.ask(self.to, lane, self.group, body)
    }
}

fn silent(error: &CallError) -> RPCError<Types> {
    match error {
        CallError::Silence => RPCError::Network(NetworkError::from_string("no answer")),
        CallError::NoLink => RPCError::Network(NetworkError::from_string("no link")),
        CallError::Refused(why) => RPCError::Unreachable(Unreachable::from_string(why)),
    }
}

fn unexpected() -> RPCError<Types> {
    RPCError::Network(NetworkError::from_string("an answer of another kind"))
}

fn damaged(error: impl ToString) -> RPCError<Types> {
    RPCError::Network(NetworkError::from_string(error))
}

fn append(session: u64, request: &AppendEntriesRequest<Types>) -> Body {
    Body::Append(peer::Append {
        session,
        vote: Some(store_vote(&request.vote)),
        prev: Some(store_log_id(request.prev_log_id.as_ref())),
        entries: request.entries.iter().map(encode_entry).collect(),
        committed: Some(store_log_id(request.leader_commit.as_ref())),
    })
}

/// The two ends of what a request brings: answers name no other positions.
#[derive(Clone, Copy)]
struct Ends {
    prev: Option<LogId>,
    last: Option<LogId>,
}

impl Ends {
    fn of(request: &AppendEntriesRequest<Types>) -> Self {
        let last = request.entries.last().map(|entry| entry.log_id);
        Self {
            prev: request.prev_log_id,
            last: last.or(request.prev_log_id),
        }
    }
}

async fn appended(
    answer: Answer,
    sent: Ends,
    limit: Duration,
) -> RpcResult<StreamAppendResult<Types>> {
    use peer::append_reply::Result as Replied;
    let body = answer.within(limit).await.map_err(|error| silent(&error))?;
    let Body::AppendReply(peer::AppendReply {
        result: Some(result),
    }) = body
    else {
        return Err(unexpected());
    };
    Ok(match result {
        Replied::Matched(matched) => {
            let matched = read_log_id(Some(matched)).map_err(damaged)?;
            Ok(check(matched, sent.last)?)
        }
        Replied::Conflict(conflict) => {
            let conflict = read_log_id(Some(conflict)).map_err(damaged)?;
            let conflict = check(conflict, sent.prev)?.ok_or_else(unexpected)?;
            Err(StreamAppendError::Conflict(conflict))
        }
        Replied::HigherVote(vote) => {
            let vote = read_vote(Some(vote)).map_err(damaged)?;
            Err(StreamAppendError::HigherVote(vote))
        }
    })
}

/// IMPORTANT: the library counts on it that what matches was sent.
fn check(named: Option<LogId>, sent: Option<LogId>) -> RpcResult<Option<LogId>> {
    if named != sent {
        return Err(damaged("an answer to what was not sent"));
    }
    Ok(named)
}

impl NetStreamAppend<Types> for Link {
    /// The input must not be polled again after its end, nor by another task: it holds
    /// what the library needs for the next pipeline. `map` sends in order, `buffered`
    /// keeps many under way.
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, RpcResult<BoxStream<'s, RpcResult<StreamAppendResult<Types>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let session = self
            .sessions
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let limit = match self.lane {
            Lane::Heartbeat => option.hard_ttl(),
            Lane::Data | Lane::Snapshot => self.silence,
        };
        let link = &*self;
        let answers = Held::new(input)
            .map(move |request| {
                let answer = link.ask(link.lane, append(session, &request));
                appended(answer, Ends::of(&request), limit)
            })
            .buffered(PIPELINE);
        // Behind the first refusal nothing is answered any more.
        let until_refused = answers.scan(false, |ended, answer| {
            let item = (!*ended).then_some(answer);
            *ended |= !matches!(item, Some(Ok(Ok(_))));
            std::future::ready(item)
        });
        Box::pin(std::future::ready(Ok(until_refused.boxed())))
    }
}

impl Link {
    async fn ask_vote(
        &self,
        request: VoteRequest<Types>,
        pre: bool,
        option: RPCOption,
    ) -> RpcResult<VoteResponse<Types>> {
        let body = Body::Vote(peer::Vote {
            vote: Some(store_vote(&request.vote)),
            last: Some(store_log_id(request.last_log_id.as_ref())),
            pre,
            transfer: request.leadership_transfer,
        });
        let answer = self.ask(Lane::Heartbeat, body);
        let body = answer.within(option.hard_ttl()).await;
        match body.map_err(|error| silent(&error))? {
            Body::VoteReply(reply) => {
                let vote = read_vote(reply.vote).map_err(damaged)?;
                let last = read_log_id(reply.last).map_err(damaged)?;
                Ok(VoteResponse::new(vote, last, reply.granted))
            }
            _ => Err(unexpected()),
        }
    }
}

impl NetVote<Types> for Link {
    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> RpcResult<VoteResponse<Types>> {
        self.ask_vote(request, false, option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> RpcResult<VoteResponse<Types>> {
        self.ask_vote(request, true, option).await
    }
}

impl NetTransferLeader<Types> for Link {
    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> RpcResult<TransferLeaderResponse<Types>> {
        let body = Body::Transfer(peer::TransferLeader {
            from: Some(store_vote(request.from_leader())),
            to: bytes::Bytes::copy_from_slice(&request.to_node_id().0),
            last: Some(store_log_id(request.last_log_id())),
        });
        let answer = self.ask(Lane::Heartbeat, body);
        let body = answer.within(option.hard_ttl()).await;
        match body.map_err(|error| silent(&error))? {
            Body::TransferReply(reply) if reply.refused.is_empty() => Ok(Ok(())),
            Body::TransferReply(_) => Ok(Err(TransferLeaderError::LogNotFlushed {
                expected: request.last_log_id().copied(),
                actual: None,
            })),
            _ => Err(unexpected()),
        }
    }
}

impl NetBackoff<Types> for Link {
    fn backoff(&self) -> Option<Backoff> {
        None
    }
}

impl NetSnapshot<Types> for Link {
    type SnapshotData = SnapshotData;

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<Types, SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let sending = snapshot::send(
            (&self.calls, &self.spawn, &self.traffic),
            self.to,
            self.group,
            vote,
            snapshot,
        );
        tokio::select! {
            biased;
            sent = sending => sent,
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }
}
