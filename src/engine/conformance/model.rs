//! The oracle: one `BTreeMap` per table.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bytes::Bytes;

use crate::engine::{Batch, Op, Read, Table};

/// All rows of all tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model(BTreeMap<(Table, Bytes), Bytes>);

impl Model {
    /// These rows, in order, so many at a time.
    pub(super) fn pieces(&self, rows: usize) -> Vec<Vec<(Table, Bytes, Bytes)>> {
        let all: Vec<_> = self
            .0
            .iter()
            .map(|((table, key), value)| (*table, key.clone(), value.clone()))
            .collect();
        all.chunks(rows).map(<[_]>::to_vec).collect()
    }

    /// Applies a batch.
    pub(super) fn commit(&mut self, batch: &Batch) {
        for op in &batch.ops {
            match op.clone() {
                Op::Put(table, key, value) => self.0.insert((table, key), value),
                Op::Delete(table, key) => self.0.remove(&(table, key)),
            };
        }
    }

    /// Reads all that can be read.
    pub(super) fn of(read: &(impl Read + ?Sized)) -> Self {
        let mut rows = BTreeMap::new();
        for table in Table::ALL {
            let scanned = read.scan(table, &[], None, &mut |key, value| {
                let key = (table, Bytes::copy_from_slice(key));
                assert!(rows.keys().next_back() < Some(&key), "a scan goes up");
                rows.insert(key, Bytes::copy_from_slice(value));
                ControlFlow::Continue(())
            });
            scanned.unwrap();
        }
        Self(rows)
    }

    /// Asserts that `read` gives these rows, by scan and by key.
    pub(super) fn assert_is(&self, read: &(impl Read + ?Sized)) {
        assert!(*self == Self::of(read), "a scan gives other rows");
        for ((table, key), value) in self.0.iter().step_by(self.0.len() / 50 + 1) {
            assert_eq!(read.get(*table, key).unwrap().as_ref(), Some(value));
            let beside = [key, &b"\0"[..]].concat();
            let expected = self.0.get(&(*table, Bytes::from(beside.clone())));
            assert_eq!(read.get(*table, &beside).unwrap().as_ref(), expected);
        }
    }

    /// Asserts that a scan of at most `limit` rows from `start` to `end` gives these.
    pub(super) fn assert_scan(
        &self,
        read: &(impl Read + ?Sized),
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
    ) {
        let in_range = self.0.iter().filter(|((row_table, key), _)| {
            *row_table == table && key >= start && end.is_none_or(|end| key < end)
        });
        let expected: Vec<_> = in_range
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .take(limit)
            .collect();
        let mut found = Vec::new();
        let scanned = read.scan(table, start, end, &mut |key, value| {
            found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            if found.len() == limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        scanned.unwrap();
        assert_eq!(found, expected);
    }

    /// Asserts the same of a scan from the last row to the first.
    pub(super) fn assert_scan_back(
        &self,
        read: &(impl Read + ?Sized),
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
    ) {
        let in_range = self.0.iter().rev().filter(|((row_table, key), _)| {
            *row_table == table && key >= start && end.is_none_or(|end| key < end)
        });
        let expected: Vec<_> = in_range
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .take(limit)
            .collect();
        let mut found = Vec::new();
        let scanned = read.scan_back(table, start, end, &mut |key, value| {
            found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            if found.len() == limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        scanned.unwrap();
        assert_eq!(found, expected);
    }
}
