//! What is known of a group's entries in memory: the term of each, and the newest ones
//! themselves.
//!
//! Invariant: an entry leaves memory only after the disk has it.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

/// What an entry takes in memory beside its payload, bytes.
const ENTRY_BYTES: usize = size_of::<Bytes>();

/// Entries of one term, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    term: u64,
}

/// The entries of one log, without a hole, by the library's numbers.
#[derive(Debug)]
pub(super) struct Entries {
    first: u64,
    end: u64,
    /// By their first entries; the first run begins at `first`.
    runs: VecDeque<Run>,
    /// The last entries there are.
    recent: VecDeque<Bytes>,
    recent_bytes: usize,
    recent_bytes_max: usize,
    /// Behind the last entry that is on the disk for sure.
    durable: u64,
    /// Behind the last entry of each append that the disk has not confirmed, in order.
    under_way: VecDeque<u64>,
    /// One more whenever entries go for good: what was read before that may be void.
    version: u64,
}

impl Entries {
    /// None, of which the first will be `first`. More than `recent_bytes_max` are kept in
    /// memory only until the disk has them.
    pub(super) fn beginning_at(first: u64, recent_bytes_max: usize) -> Self {
        Self {
            first,
            end: first,
            runs: VecDeque::new(),
            recent: VecDeque::new(),
            recent_bytes: 0,
            recent_bytes_max,
            durable: first,
            under_way: VecDeque::new(),
            version: 0,
        }
    }

    /// The first entry there is, or would be.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Behind the last entry.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first == self.end
    }

    /// The first entry in memory; those before it must be read back.
    pub(super) fn recent_first(&self) -> u64 {
        self.end - self.recent.len() as u64
    }

    /// An entry in memory.
    pub(super) fn recent(&self, index: u64) -> Option<&Bytes> {
        let position = index.checked_sub(self.recent_first())?;
        self.recent.get(usize::try_from(position).ok()?)
    }

    /// What is read under one version belongs together.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The term of the last entry.
    pub(super) fn last_term(&self) -> Option<u64> {
        self.runs.back().map(|run| run.term)
    }

    /// The last entry in `range` of each term, with the term.
    pub(super) fn last_of_terms(&self, range: Range<u64>) -> Vec<(u64, u64)> {
        let ends = self.runs.iter().skip(1).map(|run| run.first);
        let runs = self.runs.iter().zip(ends.chain([self.end]));
        runs.map(|(run, end)| (run.term, run.first.max(range.start), end.min(range.end)))
            .filter(|(_, first, end)| first < end)
            .map(|(term, _, end)| (term, end - 1))
            .collect()
    }

    /// The next entry. It is not on the disk, as far as is known here.
    pub(super) fn push(&mut self, term: u64, payload: Bytes) {
        if self.last_term() != Some(term) {
            let first = self.end;
            self.runs.push_back(Run { first, term });
        }
        self.recent_bytes += payload.len() + ENTRY_BYTES;
        self.recent.push_back(payload);
        self.end += 1;
    }

    /// The next entry, as the disk has it.
    pub(super) fn push_durable(&mut self, term: u64, payload: Bytes) {
        self.push(term, payload);
        self.durable = self.end;
        self.evict();
    }

    /// Everything pushed so far is given to the disk, behind what was given before.
    pub(super) fn under_way(&mut self) {
        self.under_way.push_back(self.end);
    }

    /// The disk has what was given to it first.
    pub(super) fn flushed(&mut self) {
        if let Some(end) = self.under_way.pop_front() {
            self.durable = self.durable.max(end);
            self.evict();
        }
    }

    /// Entries at `from` and after it are void. What takes their place is not on the disk,
    /// even if they were.
    pub(super) fn truncate(&mut self, from: u64) {
        let from = from.max(self.first);
        if from >= self.end {
            return;
        }
        while let Some(payload) = self.pop_recent_from(from) {
            self.recent_bytes -= payload.len() + ENTRY_BYTES;
        }
        while self.runs.back().is_some_and(|run| run.first >= from) {
            self.runs.pop_back();
        }
        self.end = from;
        self.durable = self.durable.min(from);
        for end in &mut self.under_way {
            *end = (*end).min(from);
        }
        self.version += 1;
    }

    fn pop_recent_from(&mut self, from: u64) -> Option<Bytes> {
        if self.end == from {
            return None;
        }
        let payload = self.recent.pop_back()?;
        self.end -= 1;
        Some(payload)
    }

    /// Entries before `first` are not needed any more; the log goes on there at the
    /// earliest.
    pub(super) fn forget(&mut self, first: u64) {
        if first <= self.first {
            return;
        }
        while self.recent_first() < first && self.pop_oldest() {}
        self.end = self.end.max(first);
        self.first = first;
        self.durable = self.durable.max(first);
        while self.runs.get(1).is_some_and(|next| next.first <= first) {
            self.runs.pop_front();
        }
        if self.is_empty() {
            self.runs.clear();
        } else if let Some(run) = self.runs.front_mut() {
            run.first = first;
        }
        self.version += 1;
    }

    /// Drops from memory what is too much there and on the disk.
    fn evict(&mut self) {
        while self.recent_bytes > self.recent_bytes_max
            && self.recent_first() < self.durable
            && self.pop_oldest()
        {}
    }

    fn pop_oldest(&mut self) -> bool {
        let Some(payload) = self.recent.pop_front() else {
            return false;
        };
        self.recent_bytes -= payload.len() + ENTRY_BYTES;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(index: u64) -> Bytes {
        Bytes::from(vec![u8::try_from(index).unwrap(); 100])
    }

    /// Ten entries of terms 1, 1, 1, 2, 2, 2, 5, 5, 5, 5 from `first` on, none durable.
    fn ten(first: u64, recent_bytes_max: usize) -> Entries {
        let mut entries = Entries::beginning_at(first, recent_bytes_max);
        for (index, term) in (first..).zip([1, 1, 1, 2, 2, 2, 5, 5, 5, 5]) {
            entries.push(term, payload(index));
        }
        entries
    }

    #[test]
    fn only_what_is_durable_leaves_memory_and_only_when_it_is_too_much() {
        let mut entries = ten(0, 400);
        entries.under_way();
        for index in 10..15 {
            entries.push(5, payload(index));
        }
        entries.under_way();
        assert_eq!(entries.recent_first(), 0, "nothing is durable");
        entries.flushed();
        assert_eq!(entries.recent_first(), 10, "the rest is not durable");
        entries.flushed();
        assert_eq!(entries.recent_first(), 12, "three of them fit");
        assert_eq!(entries.recent(11), None);
        assert_eq!(entries.recent(12), Some(&payload(12)));
        assert_eq!(entries.recent(15), None);
        assert_eq!((entries.first(), entries.end()), (0, 15));
    }

    /// An append was confirmed after its entries had been truncated and replaced. The
    /// replacements were taken for durable, left memory, and were not on the disk.
    #[test]
    fn a_late_confirmation_is_not_for_what_took_the_place() {
        let mut entries = ten(0, 0);
        entries.under_way();
        entries.truncate(4);
        for index in 4..8 {
            entries.push(6, payload(index));
        }
        entries.flushed();
        assert_eq!(entries.recent_first(), 4);
        entries.under_way();
        entries.flushed();
        assert_eq!(entries.recent_first(), 8);
        entries.truncate(6);
        entries.push(7, payload(6));
        assert_eq!(entries.recent_first(), 6);
        entries.flushed();
        assert_eq!(entries.recent_first(), 6, "there was nothing to confirm");
    }

    #[test]
    fn terms_stay_known() {
        let mut entries = ten(3, 0);
        assert_eq!(entries.last_of_terms(0..99), [(1, 5), (2, 8), (5, 12)]);
        assert_eq!(entries.last_of_terms(5..9), [(1, 5), (2, 8)]);
        assert_eq!(entries.last_of_terms(7..8), [(2, 7)]);
        entries.under_way();
        entries.flushed();
        assert_eq!(entries.last_term(), Some(5));
        entries.forget(6);
        assert_eq!(entries.last_of_terms(0..99), [(2, 8), (5, 12)]);
        entries.truncate(9);
        assert_eq!(entries.last_term(), Some(2));
        entries.truncate(7);
        assert_eq!(entries.last_of_terms(0..99), [(2, 6)]);
        entries.truncate(0);
        assert_eq!((entries.first(), entries.end()), (6, 6));
        assert_eq!(entries.last_term(), None);
    }

    #[test]
    fn a_log_may_go_on_behind_its_end() {
        let mut entries = ten(0, 4_000);
        entries.under_way();
        let version = entries.version();
        entries.forget(20);
        assert_ne!(entries.version(), version);
        assert_eq!((entries.first(), entries.end()), (20, 20));
        assert!(entries.is_empty() && entries.last_term().is_none());
        entries.push(5, payload(20));
        entries.flushed();
        assert_eq!(entries.recent(20), Some(&payload(20)));
        assert_eq!(entries.last_of_terms(0..99), [(5, 20)]);
        entries.forget(4);
        assert_eq!(entries.first(), 20);
    }
}
