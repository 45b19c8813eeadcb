//! Remembers below which key a table has no rows.
//!
//! Who takes the first rows away again and again (the sweeper does) would otherwise
//! walk over all that it deleted since the last checkpoint, every time.

use bytes::Bytes;
use parking_lot::Mutex;

use crate::engine::{Batch, Op, Table};

/// For each table a key that no row lies below.
#[derive(Debug, Default)]
pub(super) struct Lowest {
    keys: [Mutex<Bytes>; Table::ALL.len()],
}

impl Lowest {
    /// Takes note of rows that come.
    pub(super) fn commit(&mut self, batch: &Batch) {
        for op in &batch.ops {
            if let Op::Put(table, key, _) = op {
                let lowest = self.keys[table.place()].get_mut();
                if key < lowest {
                    *lowest = key.clone();
                }
            }
        }
    }

    /// Where a scan from `start` may begin instead.
    pub(super) fn begin(&self, table: Table, start: &[u8]) -> Bytes {
        let lowest = self.keys[table.place()].lock();
        if start <= &lowest[..] {
            lowest.clone()
        } else {
            Bytes::copy_from_slice(start)
        }
    }

    /// A scan that began at `begun` found `first`. Nobody may have committed meanwhile.
    pub(super) fn found(&self, table: Table, begun: &Bytes, first: &[u8]) {
        let mut lowest = self.keys[table.place()].lock();
        if *lowest == *begun && first > &lowest[..] {
            *lowest = Bytes::copy_from_slice(first);
        }
    }
}
