//! A layer of the overlay: the latest change of each row that is not in the file yet.

use bytes::Bytes;

use super::row;
use crate::engine::tree::{Iter, IterBack, Tree};
use crate::engine::{Batch, Op, Table};

/// What keeping a row takes beside its bytes, roughly.
const ROW_WEIGHT_BYTES: u64 = 64;

/// What a layer knows of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It has this value.
    Value(Bytes),
    /// It is gone.
    Deleted,
}

impl Change {
    /// The value, if there is one.
    pub(super) fn into_value(self) -> Option<Bytes> {
        match self {
            Self::Value(value) => Some(value),
            Self::Deleted => None,
        }
    }
}

/// Changed rows in key order, with their stored values. A clone is a frozen copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    trees: [Tree; Table::ALL.len()],
}

impl Layer {
    /// Takes over the changes of a batch.
    pub(super) fn commit(&mut self, batch: &Batch) {
        let mut stored = Vec::new();
        for op in &batch.ops {
            match op {
                Op::Put(table, key, value) => {
                    row::encode(*table, key, value, &mut stored);
                    self.trees[table.place()].put(key, &stored);
                }
                Op::Delete(table, key) => self.trees[table.place()].put(key, row::DELETED),
            }
        }
    }

    /// Takes over the changes of a newer layer.
    pub(super) fn absorb(&mut self, newer: &Self) {
        for (tree, newer) in self.trees.iter_mut().zip(&newer.trees) {
            for (key, stored) in newer.iter(&[]) {
                tree.put(key, stored);
            }
        }
    }

    /// What became of a row, if it changed.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Change> {
        let stored = self.trees[table.place()].get(key)?;
        if stored.is_empty() {
            return Some(Change::Deleted);
        }
        let checksum_bytes = stored.len() - row::value_of(&stored).len();
        Some(Change::Value(stored.slice(checksum_bytes..)))
    }

    /// The changes of a table from `start` on, as stored.
    pub(super) fn iter(&self, table: Table, start: &[u8]) -> Iter<'_> {
        self.trees[table.place()].iter(start)
    }

    /// The changes of a table before `end`, as stored, from the last to the first.
    pub(super) fn iter_back(&self, table: Table, end: Option<&[u8]>) -> IterBack<'_> {
        self.trees[table.place()].iter_back(end)
    }

    /// Changed rows.
    pub(super) fn rows(&self) -> u64 {
        self.trees.iter().map(Tree::rows).sum()
    }

    /// Bytes of their keys and stored values.
    pub(super) fn bytes(&self) -> u64 {
        self.trees.iter().map(Tree::bytes).sum()
    }

    /// The memory it takes, roughly.
    pub(super) fn weight(&self) -> u64 {
        self.bytes() + self.rows() * ROW_WEIGHT_BYTES
    }
}
