//! A group's log: entries, votes and what is gone, in the node's log.
//!
//! Invariant: votes and entries go into one stream, so that what the library orders is
//! durable in that order. Entries can be read as soon as they are appended, and count
//! as durable when the disk has them. The newest are kept in memory, older ones are read
//! back from the node's log.

mod append;
mod entries;
mod read;
mod replay;
mod store;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

pub use replay::Replay;

use self::entries::Entries;
use super::codec::{index_of, index_or_zero, store_log_id, store_vote};
use super::types::{LogId, Vote};
use crate::base::types::LogIndex;
use crate::proto::storage;
use crate::wal::{GroupId, Record, RecordKind, Wal};

/// One group's part of the node's log. Clones are the same log.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    group: GroupId,
    wal: Wal,
    /// Apart, so that what waits for the disk does not keep the node's log open.
    state: Arc<Mutex<State>>,
    /// Whoever waits for room waits no longer.
    is_stopping: AtomicBool,
}

/// What is known of the log without reading it.
struct State {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// `committed` is newer than what the last state in the log says.
    committed_is_news: bool,
    purged: Option<LogId>,
    /// A snapshot up to here is being installed: the log on disk ends there already.
    installing: Option<LogId>,
    /// The entries behind `purged`.
    entries: Entries,
}

impl State {
    fn last(&self) -> Option<LogId> {
        match self.entries.last_term() {
            Some(term) => Some(LogId::new_term_index(term, self.entries.end() - 1)),
            None => self.purged,
        }
    }

    /// Drops the entries up to here, and remembers it.
    fn purge(&mut self, upto: LogId) {
        let known = self.purged.map_or(0, |purged| purged.index() + 1);
        if upto.index() >= known {
            self.entries.forget(upto.index() + 1);
            self.purged = Some(upto);
        }
    }

    /// What the log on disk says is gone.
    fn noted(&self) -> Option<LogId> {
        self.purged.max(self.installing)
    }

    /// What must be remembered beside the entries.
    fn encode(&self) -> Bytes {
        storage::RaftState {
            vote: self.vote.as_ref().map(store_vote),
            committed: Some(store_log_id(self.committed.as_ref())),
            purged: Some(store_log_id(self.noted().as_ref())),
        }
        .encode_to_vec()
        .into()
    }
}

impl Shared {
    /// The state as a record. Its index says what the engine must have.
    fn state_record(&self, state: &mut State) -> Record {
        state.committed_is_news = false;
        Record {
            group: self.group,
            kind: RecordKind::State,
            index: index_or_zero(state.noted().as_ref()),
            payload: state.encode(),
        }
    }

    fn entry_record(&self, raft_index: u64, payload: Bytes) -> Record {
        Record {
            group: self.group,
            kind: RecordKind::Entry,
            index: index_of(raft_index),
            payload,
        }
    }
}

impl Log {
    /// The last entry that was purged: the engine has it, or a snapshot that waits.
    pub fn purged(&self) -> LogIndex {
        index_or_zero(self.shared.state.lock().purged.as_ref())
    }

    /// Why nobody may send entries for it, if so: the disk is full.
    pub(super) fn read_only(&self) -> Option<String> {
        self.shared.wal.read_only()
    }

    /// Has appends that wait for room fail, now and from now on.
    pub(super) fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Notes durably that everything up to `last` is in rows that are about to be
    /// installed.
    pub(super) async fn note_installing(&self, last: LogId) -> std::io::Result<()> {
        let record = {
            let mut state = self.shared.state.lock();
            state.installing = Some(last);
            self.shared.state_record(&mut state)
        };
        self.append_durably(record).await
    }

    /// The last entry that is gone, or is about to be for rows that come instead, and the term and a checksum of every entry that is in
    /// memory.
    pub(super) fn entries(&self) -> (LogIndex, BTreeMap<LogIndex, (u64, u32)>) {
        let state = self.shared.state.lock();
        let entries = &state.entries;
        let checksum = |at: u64| {
            let payload = entries.recent(at)?;
            let (term, _) = entries.last_of_terms(at..at + 1).first().copied()?;
            Some((index_of(at), (term, crc32c::crc32c(payload))))
        };
        let gone = state.noted();
        // What rows replace need not be what was committed.
        let first = gone.map_or(0, |gone| gone.index() + 1);
        let all = entries.recent_first().max(first)..entries.end();
        (
            index_or_zero(gone.as_ref()),
            all.filter_map(checksum).collect(),
        )
    }
}
