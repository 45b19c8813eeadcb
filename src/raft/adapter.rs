//! A replica as the library's state machine.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
use openraft::OptionalSend;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::alias::SnapshotOf;

use super::Replica;
use super::codec::{decode_mark, encode_mark, index_of};
use super::snapshot::SnapshotData;
use super::types::{LogId, Payload, SnapshotMeta, StoredMembership, Types};
use super::watch;
use crate::base::types::LogIndex;

/// Drives a replica.
pub(super) struct Adapter {
    replica: Arc<dyn Replica>,
    applied: Option<LogId>,
    membership: StoredMembership,
    /// Tells readers how far it is.
    progress: Arc<watch::Sender<Progress>>,
}

/// How far a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    pub(super) index: LogIndex,
    /// The term of that entry.
    pub(super) term: u64,
}

impl Adapter {
    pub(super) fn new(
        replica: Arc<dyn Replica>,
        progress: Arc<watch::Sender<Progress>>,
    ) -> crate::base::Result<Self> {
        let (applied, membership) = decode_mark(replica.mark()?)?;
        let adapter = Self {
            replica,
            applied,
            membership,
            progress,
        };
        adapter.announce();
        Ok(adapter)
    }

    fn announce(&self) {
        let progress = self.applied.map_or_else(Progress::default, |id| Progress {
            index: index_of(id.index()),
            term: id.committed_leader_id().term,
        });
        self.progress.replace(progress);
    }

    fn apply_one(&mut self, (entry, responder): EntryResponder<Types>) -> io::Result<()> {
        let id = entry.log_id;
        let proposal = match entry.payload {
            Payload::Blank => None,
            Payload::Normal(proposal) => Some(proposal.0),
            Payload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(id), membership);
                None
            }
        };
        self.applied = Some(id);
        let mark = encode_mark(self.applied.as_ref(), &self.membership);
        let replies = self
            .replica
            .apply(index_of(id.index()), proposal, mark)
            .map_err(io::Error::other)?;
        self.announce();
        if let Some(responder) = responder {
            responder.send(replies);
        }
        Ok(())
    }
}

impl RaftStateMachine<Types> for Adapter {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some(entry) = entries.try_next().await? {
            self.replica.room().await;
            self.apply_one(entry)?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            replica: self.replica.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMeta,
        _snapshot: SnapshotData,
    ) -> io::Result<()> {
        Err(io::Error::other("snapshots are not installed yet"))
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> io::Result<Option<SnapshotOf<Types, SnapshotData>>> {
        Ok(None)
    }
}

/// Tells the library what a checkpoint covers. The rows are frozen only when another
/// member needs them.
pub(super) struct Builder {
    replica: Arc<dyn Replica>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, SnapshotData>> {
        let (last_log_id, last_membership) =
            decode_mark(self.replica.durable_mark()).map_err(io::Error::other)?;
        let meta = SnapshotMeta {
            last_log_id,
            last_membership,
        };
        Ok(SnapshotOf::<Types, SnapshotData> {
            meta,
            snapshot: SnapshotData::Position,
        })
    }
}
