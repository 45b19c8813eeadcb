//! The log as the library wants it.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds, RangeInclusive};

use bytes::Bytes;
use futures_util::Stream;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};

use super::Log;
use crate::base::mutant;
use crate::raft::codec::{encode_entry, index_of, index_or_zero};
use crate::raft::types::{Entry, LogId, Types, Vote};
use crate::wal::{Record, RecordKind};

/// The library's numbers from the first to before the last one that is meant.
fn numbers(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.read(numbers(&range)).await
    }

    /// What is applied after a start may be most of the log.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Box::pin(self.clone().stream(numbers(&range)))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read_some(start..end).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.shared.state.lock().vote)
    }

    /// The last entry of each term, as the library's own search finds them.
    async fn get_key_log_ids(&mut self, range: RangeInclusive<LogId>) -> io::Result<Vec<LogId>> {
        let numbers = range.start().index()..range.end().index() + 1;
        let found = self.shared.state.lock().entries.last_of_terms(numbers);
        Ok(found
            .into_iter()
            .map(|(term, raft_index)| LogId::new_term_index(term, raft_index))
            .collect())
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

    /// IMPORTANT: whoever asked for the vote hears of it once this returns: a member that forgot
    /// what it said would vote twice in a term.
    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let record = {
            let mut state = self.shared.state.lock();
            state.vote = Some(*vote);
            self.shared.state_record(&mut state)
        };
        if mutant::is_on("vote-not-synced") {
            return self.append_all(vec![record], IOFlushed::noop()).await;
        }
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
                if raft_index != state.entries.end() {
                    return Err(io::Error::other(format!(
                        "entry {} cannot follow entry {}",
                        index_of(raft_index),
                        index_or_zero(state.last().as_ref())
                    )));
                }
                records.push(self.shared.entry_record(raft_index, payload.clone()));
                let term = entry.log_id.committed_leader_id().term;
                state.entries.push(term, payload);
            }
            records
        };
        self.append_all(records, callback).await
    }

    /// Needs no wait: it is ordered before whatever is appended after it.
    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index() + 1);
        self.shared.state.lock().entries.truncate(from);
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
