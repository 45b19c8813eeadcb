//! The log as the library wants it.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};

use bytes::Bytes;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};

use super::{Kept, Log};
use crate::raft::codec::{decode_entry, encode_entry, index_of, index_or_zero};
use crate::raft::types::{Entry, LogId, Types, Vote};
use crate::wal::{Record, RecordKind};

/// A piece of the log that is sent at once, bytes: it bounds what a link holds.
const READ_BYTES_MAX: usize = 1 << 20;

impl Log {
    /// Entries from `start` to before `end`, at most `bytes_max` of them but at least one.
    fn read(&self, start: u64, end: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let kept: Vec<(u64, Bytes)> = {
            let state = self.shared.state.lock();
            let start = start.max(state.first());
            let end = end.min(state.end());
            let mut bytes = 0;
            let mut kept = Vec::new();
            for raft_index in start..end {
                let position = state.position(raft_index).expect("within the bounds");
                let payload = state.entries[position].payload.clone();
                bytes += payload.len();
                if bytes > bytes_max && !kept.is_empty() {
                    break;
                }
                kept.push((raft_index, payload));
            }
            kept
        };
        kept.into_iter()
            .map(|(raft_index, payload)| decode_entry(index_of(raft_index), payload))
            .collect::<crate::base::Result<_>>()
            .map_err(io::Error::other)
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        self.read(start, end, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start, end, READ_BYTES_MAX)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.shared.state.lock().vote)
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.shared.state.lock();
        Ok(LogState {
            last_purged_log_id: state.purged,
            last_log_id: state.last(),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let record = {
            let mut state = self.shared.state.lock();
            state.vote = Some(*vote);
            self.shared.state_record(&mut state)
        };
        self.append_durably(record).await
    }

    /// Only remembered: it goes with whatever is written next.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        state.committed = committed;
        state.committed_is_news = true;
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        let state = self.shared.state.lock();
        // What is committed but was never durable here is not in this log.
        Ok(state.committed.min(state.last()))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let records = {
            let entries: Vec<Entry> = entries.into_iter().collect();
            let mut state = self.shared.state.lock();
            let mut records = Vec::with_capacity(entries.len() + 1);
            if state.committed_is_news {
                records.push(self.shared.state_record(&mut state));
            }
            for entry in &entries {
                let payload = encode_entry(entry);
                let raft_index = entry.log_id.index();
                if raft_index != state.end() {
                    return Err(io::Error::other(format!(
                        "entry {} cannot follow entry {}",
                        index_of(raft_index),
                        index_or_zero(state.last().as_ref())
                    )));
                }
                records.push(self.shared.entry_record(raft_index, payload.clone()));
                state.entries.push_back(Kept {
                    term: entry.log_id.committed_leader_id().term,
                    payload,
                });
            }
            records
        };
        self.append_all(records, callback).await
    }

    /// Needs no wait: it is ordered before whatever is appended after it.
    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index() + 1);
        self.shared.state.lock().truncate(from);
        let record = Record {
            group: self.shared.group,
            kind: RecordKind::Truncate,
            index: index_of(from),
            payload: Bytes::new(),
        };
        self.append_all(vec![record], IOFlushed::noop()).await
    }

    /// IMPORTANT: the node's log lets entries go only after it has durably noted that
    /// they are gone.
    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let record = {
            let mut state = self.shared.state.lock();
            state.purge(upto);
            self.shared.state_record(&mut state)
        };
        self.append_durably(record).await?;
        self.shared
            .wal
            .release(self.shared.group, index_of(upto.index()));
        Ok(())
    }
}
