//! The rows one entry writes: kept aside until all of it is applied, read back
//! through itself, and hashed in the order in which commands make them.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::base::time::MachineTime;
use crate::base::types::LogIndex;
use crate::engine::{Batch, EngineError, Read, Table, Value};
use crate::machine::outcome::Applied;

/// Pending writes over the rows of an engine.
pub(super) struct Pending<'a> {
    rows: &'a dyn Read,
    /// By table, in the order of `Table::ALL`; `None`: deleted.
    pending: [BTreeMap<Bytes, Option<Bytes>>; Table::ALL.len()],
    hasher: Xxh3,
}

impl<'a> Pending<'a> {
    /// Begins the writes of one entry.
    pub(super) fn new(rows: &'a dyn Read, hash: u64, index: LogIndex, now: MachineTime) -> Self {
        let mut hasher = Xxh3::new();
        for word in [hash, index.0, now.0] {
            hasher.update(&word.to_le_bytes());
        }
        Self {
            rows,
            pending: Default::default(),
            hasher,
        }
    }

    /// Writes a row.
    pub(super) fn put(&mut self, table: Table, key: Bytes, value: Bytes) {
        self.hash_row(table, 1, &key);
        self.hash_bytes(&value);
        self.pending_mut(table).insert(key, Some(value));
    }

    /// Removes a row.
    pub(super) fn delete(&mut self, table: Table, key: Bytes) {
        self.hash_row(table, 0, &key);
        self.pending_mut(table).insert(key, None);
    }

    /// Adds a reply to the hash. A record's revision stands for its contents, which
    /// were hashed when it was written.
    pub(super) fn hash_reply(&mut self, applied: &Applied) {
        let previous = applied.previous.as_ref();
        let words = [
            applied.outcome.kind as u64,
            applied.outcome.revision.0,
            applied.outcome.count,
            u64::from(applied.repeated),
            previous.map_or(0, |record| record.revision.0),
        ];
        for word in words {
            self.hasher.update(&word.to_le_bytes());
        }
        for result in &applied.results {
            let record = result.record.as_ref();
            let words = [
                result.kind as u64,
                result.count,
                record.map_or(0, |record| record.revision.0),
            ];
            for word in words {
                self.hasher.update(&word.to_le_bytes());
            }
        }
    }

    /// The hash of everything so far.
    pub(super) fn hash(&self) -> u64 {
        self.hasher.digest()
    }

    /// All writes, each row once, in the order of tables and keys.
    pub(super) fn into_batch(self) -> Batch {
        let mut batch = Batch::default();
        for (table, rows) in Table::ALL.into_iter().zip(self.pending) {
            for (key, value) in rows {
                match value {
                    Some(value) => batch.put(table, key, value),
                    None => batch.delete(table, key),
                }
            }
        }
        batch
    }

    fn hash_row(&mut self, table: Table, put: u8, key: &[u8]) {
        self.hasher.update(&[table as u8, put]);
        self.hash_bytes(key);
    }

    /// The length goes first, so that no two rows can run together.
    fn hash_bytes(&mut self, bytes: &[u8]) {
        self.hasher.update(&(bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
    }

    fn pending_mut(&mut self, table: Table) -> &mut BTreeMap<Bytes, Option<Bytes>> {
        &mut self.pending[place(table)]
    }
}

fn place(table: Table) -> usize {
    table as usize - 1
}

impl Read for Pending<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        match self.pending[place(table)].get(key) {
            Some(pending) => Ok(pending.clone()),
            None => self.rows.get(table, key),
        }
    }

    fn look(
        &self,
        table: Table,
        key: &[u8],
        see: &mut dyn FnMut(Value<'_>),
    ) -> Result<(), EngineError> {
        match self.pending[place(table)].get(key) {
            Some(pending) => pending.iter().map(Value::Shared).for_each(see),
            None => self.rows.look(table, key, see)?,
        }
        Ok(())
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        if end.is_some_and(|end| end <= start) {
            return Ok(());
        }
        let bounds = (
            Bound::Included(start),
            end.map_or(Bound::Unbounded, Bound::Excluded),
        );
        let mut pending = self.pending[place(table)]
            .range::<[u8], _>(bounds)
            .peekable();
        let mut flow = ControlFlow::Continue(());
        self.rows.scan(table, start, end, &mut |key, value| {
            while let Some((earlier, pending)) = pending.next_if(|(row, _)| ***row < *key) {
                if let Some(value) = pending {
                    flow = visit(earlier, value);
                    if flow.is_break() {
                        return flow;
                    }
                }
            }
            flow = match pending.next_if(|(row, _)| ***row == *key) {
                Some((_, Some(value))) => visit(key, value),
                Some((_, None)) => ControlFlow::Continue(()),
                None => visit(key, value),
            };
            flow
        })?;
        if flow.is_continue() {
            for (key, value) in pending {
                if let Some(value) = value
                    && visit(key, value).is_break()
                {
                    break;
                }
            }
        }
        Ok(())
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        if end.is_some_and(|end| end <= start) {
            return Ok(());
        }
        let bounds = (
            Bound::Included(start),
            end.map_or(Bound::Unbounded, Bound::Excluded),
        );
        let pending = self.pending[place(table)].range::<[u8], _>(bounds).rev();
        let mut pending = pending.peekable();
        let mut flow = ControlFlow::Continue(());
        self.rows.scan_back(table, start, end, &mut |key, value| {
            while let Some((later, pending)) = pending.next_if(|(row, _)| ***row > *key) {
                flow = pending.iter().try_for_each(|value| visit(later, value));
                if flow.is_break() {
                    return flow;
                }
            }
            flow = match pending.next_if(|(row, _)| ***row == *key) {
                Some((_, pending)) => pending.iter().try_for_each(|value| visit(key, value)),
                None => visit(key, value),
            };
            flow
        })?;
        if flow.is_continue() {
            let mut left = pending.filter_map(|(key, value)| Some((key, value.as_ref()?)));
            let _ = left.try_for_each(|(key, value)| visit(key, value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::engine::Engine;
    use crate::machine::tests::engine::MapEngine;

    #[test]
    fn rows_that_look_alike_when_run_together_hash_apart() {
        let engine = MapEngine::default();
        let hash = |key: &'static str, value: &'static str| {
            let mut pending = Pending::new(&engine, 0, LogIndex(1), MachineTime(1));
            pending.put(Table::Data, key.into(), value.into());
            pending.hash()
        };
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }

    proptest! {
        #[test]
        fn reads_see_the_writes_before_them(
            below in vec(0..12_u8, 0..8), writes in vec((0..12_u8, option::of(0..9_u8)), 0..12),
            start in 0..12_u8, end in option::of(0..12_u8), limit in 1..12_usize,
        ) {
            let mut engine = MapEngine::default();
            let mut expected = BTreeMap::new();
            let mut batch = Batch::default();
            for key in &below {
                batch.put(Table::Data, vec![*key], vec![100]);
                batch.put(Table::Locks, vec![*key], vec![200]);
                expected.insert(*key, 100);
            }
            engine.commit(batch).unwrap();
            let mut pending = Pending::new(&engine, 0, LogIndex(1), MachineTime(1));
            for (key, value) in &writes {
                match value {
                    Some(value) => {
                        pending.put(Table::Data, vec![*key].into(), vec![*value].into());
                        expected.insert(*key, *value);
                    }
                    None => {
                        pending.delete(Table::Data, vec![*key].into());
                        expected.remove(key);
                    }
                }
            }
            for key in 0..12_u8 {
                let found = pending.get(Table::Data, &[key]).unwrap().map(|value| value[0]);
                prop_assert_eq!(found, expected.get(&key).copied());
            }
            let mut found = Vec::new();
            let end_row = end.map(|end| [end]);
            let end_row = end_row.as_ref().map(|end| &end[..]);
            pending.scan(Table::Data, &[start], end_row, &mut |key, value| {
                found.push((key[0], value[0]));
                if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }).unwrap();
            let within = expected.iter().filter(|(key, _)| **key >= start && end.is_none_or(|end| **key < end));
            let within: Vec<_> = within.take(limit).map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(found, within);
            let mut found = Vec::new();
            pending.scan_back(Table::Data, &[start], end_row, &mut |key, value| {
                found.push((key[0], value[0]));
                if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }).unwrap();
            let within = expected.iter().rev();
            let within = within.filter(|(key, _)| **key >= start && end.is_none_or(|end| **key < end));
            let within: Vec<_> = within.take(limit).map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(found, within);
        }
    }
}
