//! The leader's side.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{NetworkError, StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use openraft::type_config::alias::SnapshotOf;

use super::{Outgoing, SnapshotData, Traffic};
use crate::base::host::{Spawn, aside};
use crate::base::types::NodeId;
use crate::machine::SnapshotReader;
use crate::proto::peer;
use crate::proto::peer::frame::Body;
use crate::raft::calls::{Answer, CallError, Calls};
use crate::raft::codec::{read_vote, store_log_id, store_stored_membership, store_vote};
use crate::raft::transport::Lane;
use crate::raft::types::{Types, Vote};
use crate::wal::GroupId;

/// Chunks under way at once.
const WINDOW: usize = 8;

/// How long the follower may take for a chunk before its answer is taken for lost: the transfer
/// goes on from what it has then, ...
const CHUNK_WITHIN: Duration = Duration::from_secs(3);

/// ... and to install all of them. Meanwhile it is asked as often as that how far it is.
const INSTALL_WITHIN: Duration = Duration::from_secs(120);

type Sent<T> = Result<T, StreamingError<Types>>;

/// One transfer.
struct Sending<'a> {
    calls: &'a Arc<Calls>,
    spawn: &'a dyn Spawn,
    traffic: &'a Traffic,
    to: NodeId,
    group: GroupId,
    vote: Vote,
    last: crate::proto::storage::LogId,
    membership: crate::proto::storage::StoredMembership,
}

/// Sends a snapshot, from the chunk on that the follower does not have yet.
pub(in crate::raft) async fn send(
    (calls, spawn, traffic): (&Arc<Calls>, &Arc<dyn Spawn>, &Traffic),
    to: NodeId,
    group: GroupId,
    vote: Vote,
    snapshot: SnapshotOf<Types, SnapshotData>,
) -> Sent<SnapshotResponse<Types>> {
    let SnapshotData::Outgoing(outgoing) = snapshot.snapshot else {
        return Err(broken("only rows can be sent"));
    };
    let sending = Sending {
        calls,
        spawn: &**spawn,
        traffic,
        to,
        group,
        vote,
        last: store_log_id(outgoing.meta().last_log_id.as_ref()),
        membership: store_stored_membership(&outgoing.meta().last_membership),
    };
    let opened = replied(sending.open(), CHUNK_WITHIN).await?;
    if let Some(vote) = opened.vote {
        return answered(Some(vote));
    }
    tracing::info!(
        shard = group,
        index = sending.last.index,
        %to,
        from_chunk = opened.chunks,
        "sending a snapshot"
    );
    let mut reader = SnapshotReader::new(outgoing.view.clone());
    let from = opened.chunks;
    reader = reading(sending.spawn, move || reader.skip_to(from).map(|()| reader)).await?;
    outgoing.note_use();
    let sent = sending.chunks(reader, from, &outgoing).await;
    drop(outgoing);
    sent
}

impl Sending<'_> {
    /// Begins the transfer, or asks how far it is.
    fn open(&self) -> Answer {
        self.ask(Body::SnapshotOpen(peer::SnapshotOpen {
            vote: Some(store_vote(&self.vote)),
            last: Some(self.last),
            membership: Some(self.membership.clone()),
        }))
    }

    /// Waits until all is installed. The answer may be lost, and whoever is asked anew answers
    /// once it is done: then it is one that has the snapshot, or lacks the last chunk.
    async fn installed(&self, mut answer: Answer) -> Sent<SnapshotResponse<Types>> {
        let mut waited = Duration::ZERO;
        let reply = loop {
            match answer.within(CHUNK_WITHIN).await {
                Err(CallError::Silence) if waited < INSTALL_WITHIN => {
                    waited += CHUNK_WITHIN;
                    answer = self.open();
                }
                told => break read(told)?,
            }
        };
        if reply.vote.is_some() {
            self.traffic.was_sent();
        }
        answered(reply.vote)
    }

    async fn chunks(
        &self,
        mut reader: SnapshotReader,
        mut number: u64,
        outgoing: &Outgoing,
    ) -> Sent<SnapshotResponse<Types>> {
        let mut under_way: VecDeque<(u64, Answer)> = VecDeque::new();
        loop {
            let (chunk, is_end);
            (reader, chunk, is_end) = reading(self.spawn, move || {
                let chunk = reader.next_chunk()?;
                let is_end = reader.is_done();
                Ok((reader, chunk, is_end))
            })
            .await?;
            let Some(chunk) = chunk else {
                return Err(broken(
                    "the follower has all chunks and did not install them",
                ));
            };
            self.traffic.chunk_sent(chunk.len());
            let answer = self.ask(self.chunk(number, chunk, is_end));
            if is_end {
                return self.installed(answer).await;
            }
            under_way.push_back((number, answer));
            number += 1;
            while under_way.len() >= WINDOW {
                let (number, answer) = under_way.pop_front().expect("there are some");
                let reply = replied(answer, CHUNK_WITHIN).await?;
                if reply.vote.is_some() {
                    return answered(reply.vote);
                }
                outgoing.note_use();
                if reply.chunks != number + 1 {
                    return Err(broken("the follower lost its place"));
                }
            }
        }
    }

    fn chunk(&self, number: u64, chunk: Bytes, end: bool) -> Body {
        Body::SnapshotChunk(peer::SnapshotChunk {
            last: Some(self.last),
            number,
            chunk,
            end,
            vote: Some(store_vote(&self.vote)),
        })
    }

    fn ask(&self, body: Body) -> Answer {
        self.calls.ask(self.to, Lane::Snapshot, self.group, body)
    }
}

async fn replied(answer: Answer, limit: Duration) -> Sent<peer::SnapshotReply> {
    read(answer.within(limit).await)
}

fn read(told: Result<Body, CallError>) -> Sent<peer::SnapshotReply> {
    match told {
        Ok(Body::SnapshotReply(reply)) => Ok(reply),
        Ok(_) => Err(broken("an answer of another kind")),
        Err(CallError::Silence) => Err(broken("no answer")),
        Err(CallError::NoLink) => Err(broken("no link")),
        Err(CallError::Refused(error)) => {
            Err(StreamingError::Unreachable(Unreachable::from_string(error)))
        }
    }
}

fn answered(vote: Option<crate::proto::storage::Vote>) -> Sent<SnapshotResponse<Types>> {
    let vote = read_vote(vote).map_err(|error| broken(error.message()))?;
    Ok(SnapshotResponse::new(vote))
}

/// Rows are read from disk: that is not for the tasks that serve requests.
async fn reading<T: Send + 'static>(
    spawn: &dyn Spawn,
    read: impl FnOnce() -> crate::base::Result<T> + Send + 'static,
) -> Sent<T> {
    match aside(spawn, "snapshot-out", read).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(broken(error.message())),
        Err(_) => Err(broken("the node is stopping")),
    }
}

fn broken(why: impl ToString) -> StreamingError<Types> {
    StreamingError::Network(NetworkError::from_string(why))
}
