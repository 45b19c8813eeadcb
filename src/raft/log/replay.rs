//! A group's log as the node's log tells it at the start.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use prost::Message;

use super::entries::Entries;
use super::{Log, Shared, State};
use crate::base::limits;
use crate::base::types::LogIndex;
use crate::base::{Error, Result};
use crate::proto::storage;
use crate::raft::codec::{index_of, index_or_zero, raft_index, read_log_id, read_vote};
use crate::raft::types::{LogId, Vote};
use crate::wal::{GroupId, Record, RecordKind, Wal};

/// Collects the records of one group, in the order of the log.
pub struct Replay {
    group: GroupId,
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    entries: Entries,
    recent_bytes_max: usize,
}

impl Replay {
    /// Nothing yet.
    pub fn of(group: GroupId) -> Self {
        Self::keeping(group, limits::RAFT_RECENT_BYTES)
    }

    /// Nothing yet; of what comes so much is kept in memory.
    pub(super) fn keeping(group: GroupId, recent_bytes_max: usize) -> Self {
        Self {
            group,
            vote: None,
            committed: None,
            purged: None,
            entries: Entries::beginning_at(0, recent_bytes_max),
            recent_bytes_max,
        }
    }

    /// Takes the next record of the group.
    ///
    /// # Errors
    /// `Corrupt` if it does not go on where the one before ended, or cannot be read.
    pub fn visit(&mut self, record: Record) -> Result<()> {
        match record.kind {
            RecordKind::Entry => self.entry(record),
            RecordKind::State => self.state(record),
            RecordKind::Truncate => {
                let from = self.raft_index(record.index)?;
                self.entries.truncate(from);
                Ok(())
            }
            // The state says the same, and more.
            RecordKind::Purge => Ok(()),
        }
    }

    fn entry(&mut self, record: Record) -> Result<()> {
        let index = self.raft_index(record.index)?;
        if self.entries.is_empty() {
            // What was before is in segments that are gone, or void; whether it may be
            // missing is known at the end.
            self.entries = Entries::beginning_at(index, self.recent_bytes_max);
        }
        let end = self.entries.end();
        if index != end {
            return Err(Error::corrupt(format!(
                "the log of shard {} goes on at entry {} after entry {end}",
                self.group, record.index,
            )));
        }
        let stored = storage::RaftEntry::decode(record.payload.clone()).map_err(|error| {
            Error::corrupt(format!(
                "entry {} of shard {} cannot be read: {error}",
                record.index, self.group
            ))
        })?;
        self.entries.push_durable(stored.term, record.payload);
        Ok(())
    }

    fn state(&mut self, record: Record) -> Result<()> {
        let stored = storage::RaftState::decode(record.payload).map_err(|error| {
            Error::corrupt(format!(
                "the state of shard {} in the log cannot be read: {error}",
                self.group
            ))
        })?;
        if stored.vote.is_some() {
            self.vote = Some(read_vote(stored.vote)?);
        }
        self.committed = read_log_id(stored.committed)?;
        self.purged = read_log_id(stored.purged)?.or(self.purged);
        self.drop_purged();
        Ok(())
    }

    /// Entries that were purged are as good as gone, so that what follows them need not
    /// follow on them: a snapshot may have come between.
    fn drop_purged(&mut self) {
        if let Some(purged) = &self.purged {
            self.entries.forget(purged.index() + 1);
        }
    }

    fn raft_index(&self, index: LogIndex) -> Result<u64> {
        raft_index(index).ok_or_else(|| {
            Error::corrupt(format!("the log of shard {} has an entry 0", self.group))
        })
    }

    /// True if the group was never heard of.
    pub fn is_empty(&self) -> bool {
        self.vote.is_none() && self.entries.is_empty() && self.purged.is_none()
    }

    /// How far the engine must be, or a snapshot that waits for it.
    pub fn purged(&self) -> LogIndex {
        index_or_zero(self.purged.as_ref())
    }

    /// The log goes on.
    ///
    /// # Errors
    /// `Corrupt` if entries are missing between what was purged and what is there.
    pub fn into_log(self, wal: Wal) -> Result<Log> {
        let expected = self.purged.as_ref().map_or(0, |purged| purged.index() + 1);
        let mut entries = self.entries;
        if entries.is_empty() {
            entries = Entries::beginning_at(expected, self.recent_bytes_max);
        } else if entries.first() != expected {
            return Err(Error::corrupt(format!(
                "the log of shard {} begins at entry {}, and only entry {} is known to be in \
                 the engine: restore the directory from a backup, or remove this member and \
                 join again with an empty one",
                self.group,
                index_of(entries.first()),
                index_or_zero(self.purged.as_ref())
            )));
        }
        let state = State {
            vote: self.vote,
            committed: self.committed,
            committed_is_news: false,
            purged: self.purged,
            installing: None,
            entries,
        };
        Ok(Log {
            shared: Arc::new(Shared {
                group: self.group,
                wal,
                state: Arc::new(Mutex::new(state)),
                is_stopping: AtomicBool::new(false),
            }),
        })
    }
}
