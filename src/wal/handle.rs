//! The handle that everybody else holds.

use std::sync::Arc;

use super::WalError;
use super::queue::{Append, Done, ReadOnly, Shared};
use super::read::{Reader, Wanted};
use super::record::{GroupId, Record};
use crate::base::histogram::HistogramSnapshot;
use crate::base::types::LogIndex;

/// A running log. Clones are the same log; when the last one is dropped, the log
/// is closed.
#[derive(Clone)]
pub struct Wal {
    owner: Arc<Owner>,
}

struct Owner {
    reader: Reader,
}

/// How the log is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalStatus {
    /// Segments that hold something, the one written to included.
    pub segments: u64,
    /// Their length on disk, bytes; at most two spare segments come on top.
    pub bytes: u64,
    /// Why entries are refused, if they are: the disk is full.
    pub read_only: Option<String>,
    /// Why the log stopped for good, if it did: the node must exit.
    pub poisoned: Option<String>,
    /// True once a closed log has written everything and its writer has ended.
    pub finished: bool,
    /// Bytes waiting to be written.
    pub queued_bytes: u64,
    /// Batches written since the start.
    pub batches: u64,
    /// Bytes written since the start, framing included.
    pub appended_bytes: u64,
    /// Waits for the disk since the start.
    pub fsyncs: u64,
    /// How long the last of them took, microseconds.
    pub fsync_last_us: u64,
    /// How long the longest took, microseconds.
    pub fsync_longest_us: u64,
    /// How long each wait took, microseconds.
    pub fsync_us: HistogramSnapshot,
    /// How many records went together.
    pub batch_records: HistogramSnapshot,
    /// How many bytes went together, framing included.
    pub batch_bytes: HistogramSnapshot,
}

impl Wal {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            owner: Arc::new(Owner { reader }),
        }
    }

    fn shared(&self) -> &Shared {
        &self.owner.reader.shared
    }

    /// Queues records. The order of accepted appends is the order of the log and the
    /// order of their `done` calls. Never blocks on the disk.
    ///
    /// # Errors
    /// The append is refused: nothing of it is done, and `done` is not called.
    /// `ReadOnly`: the disk is full; `QueueFull`: too much is waiting. Appends without
    /// entries are still taken then: entries leave them a sixteenth of a segment, at most
    /// 256 KiB, and only when that is used up they are refused too. `TooLarge`: split it;
    /// `Poisoned`, `Closed`.
    pub fn append(&self, append: Append) -> Result<(), WalError> {
        self.shared().append(append, false)
    }

    /// As [`append`](Self::append), for entries that were let in before the disk was full:
    /// they may use up what room is left.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_let_in(&self, append: Append) -> Result<(), WalError> {
        self.shared().append(append, true)
    }

    /// Calls `done` once everything accepted before is durable; with the error at
    /// once if the log is poisoned or closed, or too much is waiting.
    pub fn sync(&self, done: Done) {
        self.shared().sync(done);
    }

    /// Reads entries of `group` back, from `from` to before `to_exclusive`, by index. What
    /// is released or void is left out, so the answer may begin later and end earlier; in
    /// between nothing is missing. It ends, too, before the entry with which its payloads
    /// would be more than `bytes_max` together, but has at least one entry if any is there:
    /// who wants more asks again from behind the last one.
    ///
    /// Only what is written is found: an entry for sure once `done` of its append was told
    /// `Ok`, with any durability. Until then the caller must keep it. Reads the disk on the
    /// caller's thread, a batch at a time (24 MiB at most), beside the writer and other
    /// readers; what is released, truncated and recycled meanwhile is never taken for
    /// something else. A closed log can still be read.
    ///
    /// # Errors
    /// `NotIndexed`: the group is not among `WalOptions::indexed`; `Hole`: it left an index
    /// out, without a purge; `Corrupt`: damage since it was written, with file and
    /// offset; `Io`; `Poisoned`.
    pub fn read(
        &self,
        group: GroupId,
        from: LogIndex,
        to_exclusive: LogIndex,
        bytes_max: usize,
    ) -> Result<Vec<Record>, WalError> {
        self.owner.reader.read(Wanted {
            group,
            from,
            to_exclusive,
            bytes_max,
        })
    }

    /// Entries of `group` up to `index` are not needed any more, and not read any more.
    /// Segments that nobody needs are recycled, the oldest first. Kept in memory only:
    /// after a restart they may be there again, the older ones missing.
    pub fn release(&self, group: GroupId, index: LogIndex) {
        let mut state = self.shared().lock();
        state.segments.release(group, index);
        let something_to_do = state.segments.free().is_some();
        drop(state);
        if something_to_do {
            self.shared().wake();
        }
    }

    /// How many segments cannot be recycled because of `group`.
    pub fn pinned_segments(&self, group: GroupId) -> u64 {
        self.shared().lock().segments.pinned_by(group)
    }

    /// The groups that pin more than `max` segments: each should make a checkpoint.
    pub fn pinning(&self, max: u64) -> Vec<GroupId> {
        self.shared().lock().segments.pinning(max)
    }

    /// The records of one append may take this many bytes, each with its payload and
    /// 17 bytes more.
    pub fn append_bytes_max(&self) -> u64 {
        self.shared().sizes.append_bytes_max
    }

    /// Why entries are refused, if they are: the disk is full.
    pub fn read_only(&self) -> Option<String> {
        let state = self.shared().lock();
        let read_only: Option<&ReadOnly> = state.read_only.as_ref();
        read_only.map(|why| why.error().to_string())
    }

    /// How the log is doing.
    pub fn status(&self) -> WalStatus {
        let figures = &self.shared().figures;
        let state = self.shared().lock();
        let counters = state.counters;
        WalStatus {
            segments: state.segments.count(),
            bytes: state.segments.bytes(),
            read_only: state
                .read_only
                .as_ref()
                .map(|why: &ReadOnly| why.error().to_string()),
            poisoned: state.poisoned.as_deref().map(str::to_owned),
            finished: state.finished,
            queued_bytes: state.queued_bytes,
            batches: counters.batches,
            appended_bytes: counters.appended_bytes,
            fsyncs: counters.fsyncs,
            fsync_last_us: counters.fsync_last_us,
            fsync_longest_us: counters.fsync_longest_us,
            fsync_us: figures.fsync_us.snapshot(),
            batch_records: figures.batch_records.snapshot(),
            batch_bytes: figures.batch_bytes.snapshot(),
        }
    }

    /// Takes no more, and calls `done` once everything accepted before is durable; at once
    /// with the error if the log is poisoned or closed. What was accepted before has heard
    /// its own outcome by then.
    pub fn finish(&self, done: Done) {
        self.shared().finish(done);
    }

    /// Takes no more. The writer finishes what is queued, makes it durable and ends;
    /// `status().finished` tells when.
    pub fn close(&self) {
        self.owner.close();
    }
}

impl Owner {
    fn close(&self) {
        self.reader.shared.lock().closed = true;
        self.reader.shared.wake();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}
