//! Remembers where a table has no rows.
//!
//! Who takes the first rows away again and again (the sweeper does, and so does the
//! delete of a long range, piece by piece) would otherwise walk over all that was
//! deleted since the last checkpoint, every time.

use bytes::Bytes;
use parking_lot::Mutex;

use crate::engine::{Batch, Op, Table};

/// A gap is remembered if a scan walked over this many deleted rows in it. Few in tests,
/// whose tables are small.
const WORTH_ROWS: usize = if cfg!(test) { 2 } else { 64 };

/// For each table one range of keys without rows.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    gaps: [Mutex<Gap>; Table::ALL.len()],
}

/// No row has a key from `from` up to, but without, `to`.
#[derive(Debug)]
struct Gap {
    from: Bytes,
    /// `None`: up to the last key.
    to: Option<Bytes>,
}

impl Default for Gap {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            from: Bytes::new(),
            to: Some(Bytes::new()),
        }
    }
}

impl Gap {
    fn has(&self, key: &[u8]) -> bool {
        *self.from <= *key && self.to.as_ref().is_none_or(|to| key < to)
    }

    /// True if a gap that begins at `key` would lie within or right behind this one.
    fn reaches(&self, key: &[u8]) -> bool {
        *self.from <= *key && self.to.as_ref().is_none_or(|to| key <= to)
    }
}

impl Gaps {
    /// Takes note of rows that come.
    pub(super) fn commit(&mut self, batch: &Batch) {
        for op in &batch.ops {
            if let Op::Put(table, key, _) = op {
                let gap = self.gaps[table.place()].get_mut();
                if gap.has(key) {
                    gap.to = Some(key.clone());
                }
            }
        }
    }

    /// Where a scan from `start` may begin instead; `None`: there is nothing to find.
    pub(super) fn begin(&self, table: Table, start: &[u8]) -> Option<Bytes> {
        let gap = self.gaps[table.place()].lock();
        if gap.has(start) {
            gap.to.clone()
        } else {
            Some(Bytes::copy_from_slice(start))
        }
    }

    /// A scan from `start` walked over `deleted` rows to the first that is there, or
    /// to `None`, the last key. Nobody may have committed meanwhile.
    pub(super) fn found(&self, table: Table, start: &[u8], first: Option<&[u8]>, deleted: usize) {
        let mut gap = self.gaps[table.place()].lock();
        if gap.reaches(start) {
            let is_wider = match (&gap.to, first) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(to), Some(first)) => first > to,
            };
            if is_wider {
                gap.to = first.map(Bytes::copy_from_slice);
            }
        } else if deleted >= WORTH_ROWS {
            gap.from = Bytes::copy_from_slice(start);
            gap.to = first.map(Bytes::copy_from_slice);
        }
    }
}
