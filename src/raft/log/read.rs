//! Reading entries: the newest from memory, older ones back from the node's log.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};

use super::{Log, Shared};
use crate::base::Error;
use crate::raft::codec::{decode_entry, index_of};
use crate::raft::types::Entry;

/// A piece of the log that is read at once, bytes: it bounds what a link holds.
const READ_BYTES_MAX: usize = 1 << 20;

/// Encoded entries, one after the other.
struct Piece {
    first: u64,
    payloads: Vec<Bytes>,
    bytes: usize,
    bytes_max: usize,
}

impl Piece {
    fn end(&self) -> u64 {
        self.first + self.payloads.len() as u64
    }

    /// Takes the next entry, unless it is too much; the first one never is.
    fn take(&mut self, payload: Bytes) -> bool {
        let bytes = self.bytes.saturating_add(payload.len());
        if bytes > self.bytes_max && !self.payloads.is_empty() {
            return false;
        }
        self.bytes = bytes;
        self.payloads.push(payload);
        true
    }

    fn decode(self) -> io::Result<Vec<Entry>> {
        let payloads = (self.first..).zip(self.payloads);
        payloads
            .map(|(raft_index, payload)| decode_entry(index_of(raft_index), payload))
            .collect::<crate::base::Result<_>>()
            .map_err(io::Error::other)
    }
}

impl Log {
    /// Every entry of `range` that there is.
    pub(super) async fn read(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        self.read_piece(range, usize::MAX).await
    }

    /// Some of the first entries of `range`, at least one if there is any.
    pub(super) async fn read_some(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        self.read_piece(range, READ_BYTES_MAX).await
    }

    /// Every entry of `range` that there is, a piece in memory at a time.
    pub(super) fn stream(self, range: Range<u64>) -> impl Stream<Item = io::Result<Entry>> + Send {
        let start = (self, range, Vec::new().into_iter());
        try_unfold(start, |(log, mut range, mut piece)| async move {
            if piece.len() == 0 {
                piece = log.read_some(range.clone()).await?.into_iter();
            }
            let Some(entry) = piece.next() else {
                return Ok(None);
            };
            range.start = entry.log_id.index() + 1;
            Ok(Some((entry, (log, range, piece))))
        })
    }

    async fn read_piece(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<Entry>> {
        if let Some(piece) = self.shared.in_memory(&range, bytes_max) {
            return piece.decode();
        }
        // The disk may take its time, and the task's thread has others to serve.
        let shared = self.shared.clone();
        let reading = move || shared.read_back(&range, bytes_max).and_then(Piece::decode);
        match tokio::task::spawn_blocking(reading).await {
            Ok(read) => read,
            Err(stopped) => Err(io::Error::other(stopped)),
        }
    }
}

impl Shared {
    /// What `range` asks for, if all of it is in memory.
    fn in_memory(&self, range: &Range<u64>, bytes_max: usize) -> Option<Piece> {
        let (mut piece, version) = self.begin(range, bytes_max);
        let in_file = self.take_recent(&mut piece, range.end, version);
        in_file
            .is_some_and(|in_file| in_file.is_empty())
            .then_some(piece)
    }

    /// Reads what `range` asks for.
    fn read_back(&self, range: &Range<u64>, bytes_max: usize) -> io::Result<Piece> {
        loop {
            // Each further turn is owed to a truncation or a purge.
            if let Some(piece) = self.try_read_back(range, bytes_max)? {
                return Ok(piece);
            }
        }
    }

    /// One attempt; `None` if entries went meanwhile.
    fn try_read_back(&self, range: &Range<u64>, bytes_max: usize) -> io::Result<Option<Piece>> {
        let (mut piece, version) = self.begin(range, bytes_max);
        loop {
            let Some(in_file) = self.take_recent(&mut piece, range.end, version) else {
                return Ok(None);
            };
            if in_file.is_empty() {
                return Ok(Some(piece));
            }
            let (from, to) = (index_of(in_file.start), index_of(in_file.end));
            let left = bytes_max.saturating_sub(piece.bytes);
            let records = self.wal.read(self.group, from, to, left);
            if self.state.lock().entries.version() != version {
                return Ok(None);
            }
            let records = records.map_err(io::Error::other)?;
            let follow = records.first().is_some_and(|record| record.index == from);
            if !follow {
                return Err(io::Error::other(Error::corrupt(format!(
                    "entry {from} of shard {} was in the log and cannot be found there",
                    self.group
                ))));
            }
            for record in records {
                if !piece.take(record.payload) {
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// An empty piece for `range`, and the version of the entries it is for.
    fn begin(&self, range: &Range<u64>, bytes_max: usize) -> (Piece, u64) {
        let state = self.state.lock();
        let piece = Piece {
            first: range.start.max(state.entries.first()),
            payloads: Vec::new(),
            bytes: 0,
            bytes_max,
        };
        (piece, state.entries.version())
    }

    /// Takes what comes next and is in memory. Returns which entries must be read back
    /// before it goes on, none if the piece is complete; `None` if entries went.
    fn take_recent(&self, piece: &mut Piece, end: u64, version: u64) -> Option<Range<u64>> {
        let state = self.state.lock();
        let entries = &state.entries;
        if entries.version() != version {
            return None;
        }
        let end = end.min(entries.end());
        let next = piece.end();
        if next < entries.recent_first().min(end) {
            return Some(next..entries.recent_first().min(end));
        }
        for raft_index in next..end {
            let payload = entries.recent(raft_index).expect("not before the first");
            if !piece.take(payload.clone()) {
                break;
            }
        }
        Some(end..end)
    }
}
