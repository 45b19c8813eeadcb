//! The follower's side: one snapshot at a time, chunk by chunk.

use std::sync::Arc;

use bytes::Bytes;
use openraft::Raft;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::type_config::alias::SnapshotOf;
use tokio::sync::mpsc;

use super::{SnapshotData, Traffic};
use crate::base::host::{Spawn, aside};
use crate::base::types::NodeId;
use crate::base::{Error, Result};
use crate::machine::SnapshotWriter;
use crate::proto::peer;
use crate::proto::peer::frame::Body;
use crate::raft::Replica;
use crate::raft::adapter::Adapter;
use crate::raft::calls::{Calls, failure};
use crate::raft::codec::{read_log_id, read_stored_membership, read_vote, store_vote};
use crate::raft::transport::Lane;
use crate::raft::types::{LogId, SnapshotMeta, Types, Vote};
use crate::wal::GroupId;

/// Requests that wait; a leader keeps fewer under way.
const QUEUE: usize = 64;

/// One request about a snapshot.
struct Request {
    from: NodeId,
    id: u64,
    body: Body,
}

/// Takes requests about snapshots, in order.
pub(in crate::raft) struct Receiver {
    requests: mpsc::Sender<Request>,
}

/// What works on them.
struct Work {
    raft: Raft<Types, Adapter>,
    replica: Arc<dyn Replica>,
    calls: Arc<Calls>,
    spawn: Arc<dyn Spawn>,
    traffic: Arc<Traffic>,
    group: GroupId,
    receiving: Option<Receiving>,
    /// Where the last one ended that was installed: the library may say so a little later.
    installed: Option<LogId>,
}

/// A snapshot that has begun to come.
struct Receiving {
    meta: SnapshotMeta,
    writer: SnapshotWriter,
}

impl Receiver {
    pub(in crate::raft) fn start(
        raft: Raft<Types, Adapter>,
        replica: Arc<dyn Replica>,
        (calls, spawn, traffic): (Arc<Calls>, Arc<dyn Spawn>, Arc<Traffic>),
        group: GroupId,
    ) -> Self {
        let (requests, taken) = mpsc::channel(QUEUE);
        let work = Work {
            raft,
            replica,
            calls,
            spawn,
            traffic,
            group,
            receiving: None,
            installed: None,
        };
        tokio::spawn(work.run(taken));
        Self { requests }
    }

    /// What does not fit is lost, which a sender must expect.
    pub(in crate::raft) fn request(&self, from: NodeId, id: u64, body: Body) {
        if self.requests.try_send(Request { from, id, body }).is_err() {
            tracing::debug!(%from, "a piece of a snapshot was dropped");
        }
    }
}

impl Work {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(Request { from, id, body }) = requests.recv().await {
            let done = match body {
                Body::SnapshotOpen(open) => self.open(open).await,
                Body::SnapshotChunk(chunk) => self.chunk(chunk).await,
                _ => Err(Error::invalid("this is no piece of a snapshot")),
            };
            let reply = match done {
                Ok(reply) => Body::SnapshotReply(reply),
                Err(error) => {
                    tracing::warn!(shard = self.group, %error, "a snapshot was not received");
                    failure(&error)
                }
            };
            self.calls.send(from, Lane::Snapshot, self.group, id, reply);
        }
    }

    /// Begins a snapshot, or says how much of it is here already: all of it, where as much was
    /// applied, whichever way that came. A leader may ask again because an answer was lost.
    async fn open(&mut self, open: peer::SnapshotOpen) -> Result<peer::SnapshotReply> {
        let meta = read_open(open)?;
        if let Some(vote) = self.vote_if_applied(&meta) {
            self.receiving = None;
            return Ok(reply(0, Some(store_vote(&vote))));
        }
        if let Some(receiving) = self.receiving.as_ref().filter(|it| it.meta == meta)
            && !receiving.writer.is_complete()
        {
            return Ok(reply(receiving.writer.chunks(), None));
        }
        // What was there of another one is of no use any more.
        self.receiving = None;
        let replica = self.replica.clone();
        let writer = self.blocking(move || replica.begin_install()).await?;
        self.receiving = Some(Receiving { meta, writer });
        Ok(reply(0, None))
    }

    fn vote_if_applied(&self, meta: &SnapshotMeta) -> Option<Vote> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let applied = metrics.last_applied.max(self.installed);
        let is_applied = meta.last_log_id.is_some() && applied >= meta.last_log_id;
        is_applied.then_some(metrics.vote)
    }

    async fn chunk(&mut self, chunk: peer::SnapshotChunk) -> Result<peer::SnapshotReply> {
        let piece = read_piece(chunk)?;
        let receiving = self.receiving.take();
        let Some(mut receiving) = receiving.filter(|it| it.meta.last_log_id == piece.last) else {
            return Err(Error::unavailable(
                "this snapshot was not begun here: open it",
            ));
        };
        if piece.number != receiving.writer.chunks() {
            let next = receiving.writer.chunks();
            self.receiving = Some(receiving);
            return Ok(reply(next, None));
        }
        self.traffic.chunk_received(piece.chunk.len());
        receiving = self
            .blocking(move || {
                receiving.writer.add(piece.chunk)?;
                Ok(receiving)
            })
            .await?;
        if !piece.is_last {
            let next = receiving.writer.chunks();
            self.receiving = Some(receiving);
            return Ok(reply(next, None));
        }
        let installed = self.install(piece.vote, receiving).await?;
        self.traffic.was_installed();
        Ok(installed)
    }

    /// All chunks are here.
    async fn install(&mut self, vote: Vote, receiving: Receiving) -> Result<peer::SnapshotReply> {
        let Receiving { meta, writer } = receiving;
        let (chunks, last) = (writer.chunks(), meta.last_log_id);
        self.blocking(move || writer.seal()).await?;
        let snapshot = SnapshotOf::<Types, SnapshotData> {
            meta,
            snapshot: SnapshotData::Sealed,
        };
        let installed = self.raft.install_full_snapshot(vote, snapshot).await;
        let response = installed.map_err(|fatal| Error::unavailable(fatal.to_string()))?;
        // An older leader's is refused, and the answer is the vote that stands against it.
        if response.vote == vote {
            self.installed = last;
        }
        tracing::info!(shard = self.group, chunks, "a snapshot was received");
        Ok(reply(chunks, Some(store_vote(&response.vote))))
    }

    /// Rows are written to disk: that is not for the tasks that serve requests.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        aside(&*self.spawn, "snapshot-in", work)
            .await
            .map_err(|_| Error::unavailable("the node is stopping"))?
    }
}

/// A piece of a snapshot, as its leader sent it.
pub(in crate::raft) struct Piece {
    /// Where the snapshot ends that it is of.
    last: Option<LogId>,
    pub(in crate::raft) number: u64,
    pub(in crate::raft) chunk: Bytes,
    pub(in crate::raft) is_last: bool,
    vote: Vote,
}

/// Reads what a snapshot is of.
///
/// # Errors
/// `Corrupt` if there can be no such snapshot.
pub(in crate::raft) fn read_open(open: peer::SnapshotOpen) -> Result<SnapshotMeta> {
    Ok(SnapshotMeta {
        last_log_id: read_log_id(open.last)?,
        last_membership: read_stored_membership(open.membership)?,
    })
}

/// Reads a piece of one. What is in it the machine judges.
///
/// # Errors
/// As [`read_open`].
pub(in crate::raft) fn read_piece(chunk: peer::SnapshotChunk) -> Result<Piece> {
    Ok(Piece {
        last: read_log_id(chunk.last)?,
        number: chunk.number,
        chunk: chunk.chunk,
        is_last: chunk.end,
        vote: read_vote(chunk.vote)?,
    })
}

fn reply(chunks: u64, vote: Option<crate::proto::storage::Vote>) -> peer::SnapshotReply {
    peer::SnapshotReply { chunks, vote }
}
