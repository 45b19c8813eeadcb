//! A replica as the library's state machine.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
use openraft::OptionalSend;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::alias::SnapshotOf;

use super::codec::{decode_mark, encode_mark, index_of, index_or_zero};
use super::snapshot::{Outgoing, Shelf, SnapshotData};
use super::types::{LogId, Payload, SnapshotMeta, StoredMembership, Types};
use super::watch;
use super::{Log, Replica};
use crate::base::host::{Spawn, aside};
use crate::base::types::LogIndex;

/// Drives a replica.
pub(super) struct Adapter {
    replica: Arc<dyn Replica>,
    log: Log,
    shelf: Arc<Shelf>,
    applied: Option<LogId>,
    membership: StoredMembership,
    progress: Tell,
    spawn: Arc<dyn Spawn>,
}

/// Tells how far a replica is.
pub(super) struct Tell {
    applied: watch::Sender<LogIndex>,
    term: watch::Sender<u64>,
}

/// How far a replica is.
#[derive(Clone)]
pub(super) struct Progress {
    /// The entry that was applied last.
    pub(super) applied: watch::Receiver<LogIndex>,
    /// Its term. Apart from its index, as it hardly ever changes: who waits for a leader
    /// need not look at every entry.
    pub(super) term: watch::Receiver<u64>,
}

/// The two ends.
pub(super) fn progress() -> (Tell, Progress) {
    let (tell_applied, applied) = watch::channel(LogIndex(0));
    let (tell_term, term) = watch::channel(0);
    let tell = Tell {
        applied: tell_applied,
        term: tell_term,
    };
    (tell, Progress { applied, term })
}

impl Adapter {
    pub(super) fn new(
        (replica, log): (Arc<dyn Replica>, Log),
        shelf: Arc<Shelf>,
        progress: Tell,
        spawn: Arc<dyn Spawn>,
    ) -> crate::base::Result<Self> {
        let (applied, membership) = decode_mark(replica.mark()?)?;
        let adapter = Self {
            replica,
            log,
            shelf,
            applied,
            membership,
            progress,
            spawn,
        };
        adapter.announce();
        Ok(adapter)
    }

    fn announce(&self) {
        let term = self.applied.map_or(0, |id| id.committed_leader_id().term);
        self.progress
            .applied
            .replace(index_or_zero(self.applied.as_ref()));
        self.progress.term.replace_if_other(term);
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

    /// IMPORTANT: the log notes durably that it ends where the snapshot does before the
    /// rows change: a node that crashes in between finds them sealed, and goes on.
    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData,
    ) -> io::Result<()> {
        let SnapshotData::Sealed = snapshot else {
            return Err(io::Error::other(
                "only rows that were received can be installed",
            ));
        };
        if let Some(last) = meta.last_log_id {
            self.log.note_installing(last).await?;
        }
        let replica = self.replica.clone();
        aside(&*self.spawn, "snapshot-install", move || replica.install())
            .await
            .map_err(io::Error::other)?
            .map_err(io::Error::other)?;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.announce();
        Ok(())
    }

    /// Rows are frozen when another member needs them, not before.
    async fn get_current_snapshot(
        &mut self,
    ) -> io::Result<Option<SnapshotOf<Types, SnapshotData>>> {
        if self.applied.is_none() {
            return Ok(None);
        }
        let purged = self.log.purged();
        let kept = self
            .shelf
            .take_up()
            .filter(|it| index_or_zero(it.meta().last_log_id.as_ref()) >= purged);
        let outgoing = match kept {
            Some(outgoing) => outgoing,
            None => {
                let frozen = self.replica.freeze().await.map_err(io::Error::other)?;
                let (last_log_id, last_membership) =
                    decode_mark(frozen.mark).map_err(io::Error::other)?;
                let meta = SnapshotMeta {
                    last_log_id,
                    last_membership,
                };
                let outgoing = Arc::new(Outgoing::new(meta, frozen.view));
                self.shelf.put(outgoing.clone());
                outgoing
            }
        };
        Ok(Some(SnapshotOf::<Types, SnapshotData> {
            meta: outgoing.meta().clone(),
            snapshot: SnapshotData::Outgoing(outgoing),
        }))
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
