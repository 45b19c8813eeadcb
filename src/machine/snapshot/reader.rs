//! From a frozen view to chunks.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::{CRC_BYTES, END_BYTES, HEAD_BYTES, Head, Origin, Totals, put_row, row_bytes, seal};
use crate::base::limits::SNAPSHOT_CHUNK_BYTES;
use crate::base::{Error, Result, mutant};
use crate::engine::{Table, View};
use crate::machine::query;

/// Reads the rows of a frozen state, a chunk at a time, in memory for one chunk.
pub struct SnapshotReader {
    view: Arc<dyn View>,
    /// Known once a chunk was read.
    origin: Option<Origin>,
    /// Where the next chunk begins.
    place: Place,
}

#[derive(Debug, Clone, Default)]
struct Place {
    /// The number of the next chunk.
    number: u64,
    /// Rows in the chunks before it.
    rows: u64,
    /// The next table, by its place in [`Table::ALL`].
    table_at: usize,
    /// The first key that may be next in it.
    start: Vec<u8>,
    ended: bool,
}

impl SnapshotReader {
    /// Begins with the first chunk.
    pub fn new(view: Arc<dyn View>) -> Self {
        Self {
            view,
            origin: None,
            place: Place::default(),
        }
    }

    /// The next chunk; `None` behind the last.
    ///
    /// # Errors
    /// If the engine fails or a row is damaged.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.place.ended {
            return Ok(None);
        }
        let origin = self.origin()?;
        let mut next = self.place.clone();
        let mut chunk = Vec::new();
        let head = Head {
            number: next.number,
            is_end: false,
            origin,
        };
        head.begin(&mut chunk);
        self.gather(&mut next, &mut chunk)?;
        next.number += 1;
        if next.rows == self.place.rows {
            chunk.clear();
            chunk.reserve_exact(HEAD_BYTES + END_BYTES + CRC_BYTES);
            Head {
                is_end: true,
                ..head
            }
            .begin(&mut chunk);
            Totals {
                rows: next.rows,
                chunks: next.number,
            }
            .put(&mut chunk);
            next.ended = true;
        }
        self.place = next;
        Ok(Some(seal(chunk)))
    }

    /// True once the last chunk was read.
    pub fn is_done(&self) -> bool {
        self.place.ended
    }

    /// Goes to the chunk with this number, from which a receiver wants to go on. It reads
    /// what lies before it again.
    ///
    /// # Errors
    /// `Invalid` if there are fewer chunks (the number behind the last is no error: nothing
    /// follows); else as [`next_chunk`](Self::next_chunk).
    pub fn skip_to(&mut self, chunk_number: u64) -> Result<()> {
        if chunk_number < self.place.number {
            self.place = Place::default();
        }
        while self.place.number < chunk_number {
            if self.next_chunk()?.is_none() {
                return Err(Error::invalid(format!(
                    "the snapshot has {} chunks: there is none with the number {chunk_number}",
                    self.place.number
                )));
            }
        }
        Ok(())
    }

    fn origin(&mut self) -> Result<Origin> {
        if let Some(origin) = self.origin {
            return Ok(origin);
        }
        let state = query::state(&*self.view)?;
        let origin = Origin {
            applied: state.applied,
            hash: state.hash,
        };
        self.origin = Some(origin);
        Ok(origin)
    }

    /// Fills a chunk with the rows from a place on.
    fn gather(&self, place: &mut Place, chunk: &mut Vec<u8>) -> Result<()> {
        while let Some(table) = Table::ALL.get(place.table_at).copied() {
            if table == Table::Sessions && mutant::is_on("snapshot-without-requests") {
                place.table_at += 1;
                continue;
            }
            let start = std::mem::take(&mut place.start);
            let mut gathering = Gathering {
                chunk,
                rows: &mut place.rows,
                last: Vec::new(),
                took_any: false,
                outcome: Ok(Taken::All),
            };
            self.view.scan(table, &start, None, &mut |key, value| {
                gathering.row(table, key, value)
            })?;
            match gathering.outcome? {
                Taken::All => place.table_at += 1,
                Taken::Full if gathering.took_any => {
                    place.start = gathering.last;
                    place.start.push(0);
                    return Ok(());
                }
                Taken::Full => {
                    place.start = start;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Whether a scan took all rows of its table, or the chunk was full before.
enum Taken {
    All,
    Full,
}

/// A chunk while a scan fills it.
struct Gathering<'a> {
    chunk: &'a mut Vec<u8>,
    rows: &'a mut u64,
    /// The last key that was taken.
    last: Vec<u8>,
    took_any: bool,
    outcome: Result<Taken>,
}

impl Gathering<'_> {
    fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        let bytes = self.chunk.len() + row_bytes(key, value) + CRC_BYTES;
        let is_empty = self.chunk.len() == HEAD_BYTES;
        if bytes > SNAPSHOT_CHUNK_BYTES && !is_empty {
            self.outcome = Ok(Taken::Full);
            return ControlFlow::Break(());
        }
        if let Err(error) = put_row(self.chunk, table, key, value) {
            self.outcome = Err(error);
            return ControlFlow::Break(());
        }
        *self.rows += 1;
        self.took_any = true;
        self.last.clear();
        self.last.extend_from_slice(key);
        ControlFlow::Continue(())
    }
}
