//! What other members ask of one group.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use openraft::Raft;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest, VoteRequest,
};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::adapter::Adapter;
use super::calls::{Calls, failure};
use super::codec::{
    decode_entry, read_log_id, read_sent_index, read_vote, store_log_id, store_vote,
};
use super::log::Log;
use super::member::read_node;
use super::replica::Replica;
use super::snapshot::Receiver;
use super::transport::Lane;
use super::types::Types;
use crate::base::types::{LogIndex, NodeId};
use crate::base::{Error, ErrorKind, Result, limits};
use crate::machine::codec;
use crate::proto::peer;
use crate::proto::peer::append_reply::Result as Replied;
use crate::proto::peer::frame::Body;
use crate::wal::GroupId;

/// Requests of one pipeline that wait; a leader keeps fewer under way.
const PIPELINE_MAX: usize = 64;

/// One group's ear.
pub(super) struct Inbound {
    pub(super) raft: Raft<Types, Adapter>,
    pub(super) log: Log,
    pub(super) snapshots: Receiver,
    pub(super) replica: Arc<dyn Replica>,
    pub(super) calls: Arc<Calls>,
    pub(super) group: GroupId,
    /// How long a read of another member may wait here.
    pub(super) read_within: Duration,
    pub(super) pipelines: Mutex<HashMap<NodeId, Pipeline>>,
    /// When a leader last sent something.
    pub(super) heard: Mutex<Option<Instant>>,
}

/// The appends of one leader, in order.
pub(super) struct Pipeline {
    session: u64,
    requests: mpsc::Sender<(u64, AppendEntriesRequest<Types>)>,
}

impl Inbound {
    /// A request has come. Does not block; answers later.
    pub(super) fn request(self: &Arc<Self>, from: NodeId, lane: Lane, id: u64, body: Body) {
        let asked = match body {
            Body::Append(append) => self.append(from, lane, id, append),
            Body::Vote(vote) => self.vote(from, lane, id, vote),
            Body::Transfer(transfer) => self.transfer(from, lane, id, transfer),
            Body::ReadIndex(_) => {
                self.read_index(from, lane, id);
                Ok(())
            }
            Body::Forward(forward) => self.forward(from, lane, id, forward),
            piece @ (Body::SnapshotOpen(_) | Body::SnapshotChunk(_)) => {
                self.snapshots.request(from, id, piece);
                Ok(())
            }
            Body::StateHash(asked) => self.state_hash(from, lane, id, asked),
            Body::Diverged(told) => self.diverged(from, lane, id, told),
            _ => Err(Error::invalid("this node does not do that yet: upgrade it")),
        };
        if let Err(error) = asked {
            self.answer(from, lane, id, failure(&error));
        }
    }

    /// How long ago a leader last sent something.
    pub(super) fn heard_ago(&self) -> Option<Duration> {
        let heard = *self.heard.lock();
        heard.map(|at| at.elapsed())
    }

    fn answer(&self, to: NodeId, lane: Lane, id: u64, body: Body) {
        self.calls.send(to, lane, self.group, id, body);
    }

    fn append(
        self: &Arc<Self>,
        from: NodeId,
        lane: Lane,
        id: u64,
        append: peer::Append,
    ) -> Result<()> {
        let session = append.session;
        let request = read_append(append)?;
        *self.heard.lock() = Some(Instant::now());
        // What the library has taken it writes before it does anything else. The leader
        // tries again, ever more rarely.
        if let Some(why) = self.log.read_only().filter(|_| !request.entries.is_empty()) {
            return Err(Error::no_room(why));
        }
        if lane == Lane::Data {
            self.pipeline(from, session, (id, request));
            return Ok(());
        }
        let this = self.clone();
        tokio::spawn(async move {
            let one = futures_util::stream::iter([request]);
            let mut answers = Box::pin(this.raft.stream_append(one));
            if let Some(Ok(result)) = answers.next().await {
                this.answer(from, lane, id, append_reply(&result));
            }
        });
        Ok(())
    }

    /// Hands the request to the leader's pipeline; a new session begins a new one. What
    /// does not fit is lost, which a sender must expect.
    fn pipeline(
        self: &Arc<Self>,
        from: NodeId,
        session: u64,
        request: (u64, AppendEntriesRequest<Types>),
    ) {
        let mut pipelines = self.pipelines.lock();
        let current = pipelines.get(&from).filter(|it| it.session == session);
        let requests = match current {
            Some(pipeline) => pipeline.requests.clone(),
            None => {
                let (requests, taken) = mpsc::channel(PIPELINE_MAX);
                let pipeline = Pipeline {
                    session,
                    requests: requests.clone(),
                };
                pipelines.insert(from, pipeline);
                tokio::spawn(self.clone().run_pipeline(from, taken));
                requests
            }
        };
        drop(pipelines);
        if requests.try_send(request).is_err() {
            tracing::debug!(%from, "an append was dropped: its pipeline is full or has ended");
        }
    }

    async fn run_pipeline(
        self: Arc<Self>,
        from: NodeId,
        requests: mpsc::Receiver<(u64, AppendEntriesRequest<Types>)>,
    ) {
        let ids: Arc<Mutex<VecDeque<u64>>> = Arc::default();
        let noted = ids.clone();
        let input = ReceiverStream::new(requests).map(move |(id, request)| {
            noted.lock().push_back(id);
            request
        });
        let mut answers = Box::pin(self.raft.stream_append(input));
        while let Some(Ok(result)) = answers.next().await {
            let id = ids
                .lock()
                .pop_front()
                .expect("noted before it was handed on");
            self.answer(from, Lane::Data, id, append_reply(&result));
        }
    }

    fn vote(self: &Arc<Self>, from: NodeId, lane: Lane, id: u64, vote: peer::Vote) -> Result<()> {
        let mut request = VoteRequest::new(read_vote(vote.vote)?, read_log_id(vote.last)?);
        request.leadership_transfer = vote.transfer;
        let this = self.clone();
        tokio::spawn(async move {
            let response = match vote.pre {
                true => this.raft.pre_vote(request).await,
                false => this.raft.vote(request).await,
            };
            let body = match response {
                Ok(response) => Body::VoteReply(peer::VoteReply {
                    vote: Some(store_vote(&response.vote)),
                    granted: response.vote_granted,
                    last: Some(store_log_id(response.last_log_id.as_ref())),
                }),
                Err(error) => failure(&Error::unavailable(error.to_string())),
            };
            this.answer(from, lane, id, body);
        });
        Ok(())
    }

    fn transfer(
        self: &Arc<Self>,
        from: NodeId,
        lane: Lane,
        id: u64,
        transfer: peer::TransferLeader,
    ) -> Result<()> {
        let request = TransferLeaderRequest::new(
            read_vote(transfer.from)?,
            read_node(&transfer.to)?,
            read_log_id(transfer.last)?,
        );
        let this = self.clone();
        tokio::spawn(async move {
            let refused = match this.raft.handle_transfer_leader(request).await {
                Ok(Ok(())) => String::new(),
                Ok(Err(refused)) => refused.to_string(),
                Err(fatal) => fatal.to_string(),
            };
            let reply = peer::TransferLeaderReply { refused };
            this.answer(from, lane, id, Body::TransferReply(reply));
        });
        Ok(())
    }

    fn read_index(self: &Arc<Self>, from: NodeId, lane: Lane, id: u64) {
        let this = self.clone();
        let done = Box::new(move |result: Result<LogIndex>| {
            let body = match result {
                Ok(index) => Body::ReadIndexReply(peer::ReadIndexReply {
                    index: Some(crate::proto::storage::LogId {
                        term: 0,
                        index: index.0,
                    }),
                }),
                Err(error) => failure(&error),
            };
            this.answer(from, lane, id, body);
        });
        self.replica
            .read_index(Instant::now() + self.read_within, done);
    }

    fn forward(
        self: &Arc<Self>,
        from: NodeId,
        lane: Lane,
        id: u64,
        forward: peer::Forward,
    ) -> Result<()> {
        let commands = codec::read_proposal(forward.commands)?;
        let budget = Duration::from_millis(forward.budget_ms.min(limits::REQUEST_MS_MAX));
        let this = self.clone();
        let done = Box::new(move |result: Result<Vec<crate::machine::Applied>>| {
            let body = match result {
                Ok(applied) => Body::ForwardReply(peer::ForwardReply {
                    applied: codec::store_replies(&applied),
                }),
                Err(error) => failure(&error),
            };
            this.answer(from, lane, id, body);
        });
        self.replica
            .forwarded(commands, Instant::now() + budget, done);
        Ok(())
    }

    fn state_hash(&self, from: NodeId, lane: Lane, id: u64, asked: peer::StateHash) -> Result<()> {
        let hash = self.replica.state_hash_at(read_sent_index(asked.index)?);
        let index = asked.index;
        let reply = Body::StateHashReply(peer::StateHashReply { index, hash });
        self.answer(from, lane, id, reply);
        Ok(())
    }

    /// IMPORTANT: it may stop this node, so it is believed from the leader alone; one that
    /// was deposed meanwhile may know neither the voters nor their states any more.
    fn diverged(&self, from: NodeId, lane: Lane, id: u64, told: peer::Diverged) -> Result<()> {
        let index = read_sent_index(told.index)?;
        let metrics = self.raft.server_metrics();
        let leader = metrics.borrow_watched().current_leader;
        if leader != Some(from) {
            let message = "whether this node has a wrong state is for the leader to say";
            return Err(Error::new(ErrorKind::NotLeader, message));
        }
        let stops = self.replica.diverged(index, told.hash);
        let reply = peer::DivergedReply { stops };
        self.answer(from, lane, id, Body::DivergedReply(reply));
        Ok(())
    }
}

/// Reads the entries that a leader sends.
///
/// # Errors
/// `Corrupt` if there can be no such request.
pub(super) fn read_append(append: peer::Append) -> Result<AppendEntriesRequest<Types>> {
    let prev_log_id = read_log_id(append.prev)?;
    let first = prev_log_id.map_or(0, |prev| prev.index() + 1);
    let entries = append.entries.into_iter().zip(first..);
    let entries = entries.map(|(entry, index)| decode_entry(super::codec::index_of(index), entry));
    Ok(AppendEntriesRequest {
        vote: read_vote(append.vote)?,
        prev_log_id,
        entries: entries.collect::<Result<_>>()?,
        leader_commit: read_log_id(append.committed)?,
    })
}

fn append_reply(result: &StreamAppendResult<Types>) -> Body {
    let result = match result {
        Ok(matched) => Replied::Matched(store_log_id(matched.as_ref())),
        Err(StreamAppendError::Conflict(conflict)) => {
            Replied::Conflict(store_log_id(Some(conflict)))
        }
        Err(StreamAppendError::HigherVote(vote)) => Replied::HigherVote(store_vote(vote)),
    };
    Body::AppendReply(peer::AppendReply {
        result: Some(result),
    })
}
