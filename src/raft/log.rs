//! A group's log: entries, votes and what is gone, in the node's log.
//!
//! Invariant: votes and entries go into one stream, so that what the library orders is
//! durable in that order. Entries can be read as soon as they are appended, and count
//! as durable when the disk has them.

mod append;
mod replay;
mod store;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

pub use replay::Replay;

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
    state: Mutex<State>,
}

/// What is known of the log without reading it.
#[derive(Default)]
struct State {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// `committed` is newer than what the last state in the log says.
    committed_is_news: bool,
    purged: Option<LogId>,
    /// The entries behind `purged`, without a hole.
    entries: VecDeque<Kept>,
}

/// An entry, encoded.
#[derive(Clone)]
struct Kept {
    term: u64,
    payload: Bytes,
}

impl State {
    /// The library's index of the first entry there is, or would be.
    fn first(&self) -> u64 {
        self.purged.as_ref().map_or(0, |purged| purged.index() + 1)
    }

    /// The library's index behind the last entry.
    fn end(&self) -> u64 {
        self.first() + self.entries.len() as u64
    }

    fn last(&self) -> Option<LogId> {
        match self.entries.back() {
            Some(kept) => Some(LogId::new_term_index(kept.term, self.end() - 1)),
            None => self.purged,
        }
    }

    /// Where an entry is; `None` if it is not here.
    fn position(&self, raft_index: u64) -> Option<usize> {
        let position = usize::try_from(raft_index.checked_sub(self.first())?).ok()?;
        (position < self.entries.len()).then_some(position)
    }

    /// Drops the entries from here on.
    fn truncate(&mut self, from: u64) {
        let keep = from.saturating_sub(self.first());
        self.entries
            .truncate(usize::try_from(keep).unwrap_or(usize::MAX));
    }

    /// Drops the entries up to here, and remembers it.
    fn purge(&mut self, upto: LogId) {
        if self
            .purged
            .is_some_and(|purged| purged.index() >= upto.index())
        {
            return;
        }
        let gone = upto.index() + 1 - self.first();
        let gone = usize::try_from(gone).unwrap_or(usize::MAX);
        self.entries.drain(..gone.min(self.entries.len()));
        self.purged = Some(upto);
    }

    /// What must be remembered beside the entries.
    fn encode(&self) -> Bytes {
        storage::RaftState {
            vote: self.vote.as_ref().map(store_vote),
            committed: Some(store_log_id(self.committed.as_ref())),
            purged: Some(store_log_id(self.purged.as_ref())),
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
            index: index_or_zero(state.purged.as_ref()),
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

    /// The term and a checksum of every entry that is here.
    pub(super) fn entries(&self) -> BTreeMap<LogIndex, (u64, u32)> {
        let state = self.shared.state.lock();
        let entries = state.entries.iter().zip(state.first()..);
        entries
            .map(|(kept, at)| (index_of(at), (kept.term, crc32c::crc32c(&kept.payload))))
            .collect()
    }

    /// Why nothing can be appended right now, if so: the disk is full.
    pub(super) fn read_only(&self) -> Option<String> {
        self.shared.wal.status().read_only
    }
}
