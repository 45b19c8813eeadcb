//! The plainest engine there is: a map, cloned for every view and checkpoint.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::base::types::LogIndex;
use crate::engine::EngineStats;
use crate::engine::{
    Batch, CheckpointJob, Checkpointed, Engine, EngineError, Op, Read, Replacement, Table, View,
};

type Rows = BTreeMap<(Table, Bytes), Bytes>;

/// What survives the engine: a test keeps a clone to reopen it.
pub(crate) type Durable = Arc<Mutex<(Frozen, LogIndex)>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frozen(pub(crate) Rows);

#[derive(Debug, Default)]
pub(crate) struct MapEngine {
    rows: Frozen,
    durable: Durable,
    /// It does not survive the engine.
    sealed: Durable,
}

/// Rows that are to replace the engine's own.
struct MapReplacement {
    rows: Rows,
    sealed: Durable,
}

impl MapEngine {
    pub(crate) fn open(durable: &Durable) -> Self {
        Self {
            rows: durable.lock().0.clone(),
            durable: durable.clone(),
            sealed: Durable::default(),
        }
    }
}

impl Read for Frozen {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.0.get(&(table, Bytes::copy_from_slice(key))).cloned())
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        assert!(
            end.is_none_or(|end| start <= end),
            "a map may refuse a range that ends before it starts"
        );
        let start = Bound::Included((table, Bytes::copy_from_slice(start)));
        let rows = self.0.range((start, Bound::Unbounded));
        for ((_, key), value) in
            rows.take_while(|((of, key), _)| *of == table && end.is_none_or(|end| **key < *end))
        {
            if visit(key, value).is_break() {
                break;
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
        let rows = self.0.iter().rev().filter(|((of, key), _)| {
            *of == table && **key >= *start && end.is_none_or(|end| **key < *end)
        });
        for ((_, key), value) in rows {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl View for Frozen {}

impl Read for MapEngine {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.rows.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.rows.scan(table, start, end, visit)
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.rows.scan_back(table, start, end, visit)
    }
}

impl Engine for MapEngine {
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError> {
        for op in batch.ops {
            match op {
                Op::Put(table, key, value) => self.rows.0.insert((table, key), value),
                Op::Delete(table, key) => self.rows.0.remove(&(table, key)),
            };
        }
        Ok(())
    }

    fn view(&self) -> Arc<dyn View> {
        Arc::new(self.rows.clone())
    }

    fn checkpoint(&mut self, covers: LogIndex) -> CheckpointJob {
        let rows = self.rows.clone();
        let durable = self.durable.clone();
        Box::new(move || {
            *durable.lock() = (rows, covers);
            Ok(Checkpointed { covers, bytes: 0 })
        })
    }

    fn durable_index(&self) -> LogIndex {
        self.durable.lock().1
    }

    fn stats(&self) -> EngineStats {
        EngineStats::default()
    }

    fn replace(&mut self) -> Result<Box<dyn Replacement>, EngineError> {
        self.sealed = Durable::default();
        Ok(Box::new(MapReplacement {
            rows: Rows::default(),
            sealed: self.sealed.clone(),
        }))
    }

    fn sealed(&self) -> Option<LogIndex> {
        let covers = self.sealed.lock().1;
        (covers > LogIndex(0)).then_some(covers)
    }

    fn switch(&mut self) -> Result<(), EngineError> {
        let sealed = std::mem::take(&mut self.sealed);
        self.rows = sealed.lock().0.clone();
        *self.durable.lock() = sealed.lock().clone();
        Ok(())
    }
}

impl Replacement for MapReplacement {
    fn add(&mut self, rows: Vec<(Table, Bytes, Bytes)>) -> Result<(), EngineError> {
        let rows = rows.into_iter();
        self.rows
            .extend(rows.map(|(table, key, value)| ((table, key), value)));
        Ok(())
    }

    fn seal(self: Box<Self>, covers: LogIndex) -> Result<(), EngineError> {
        *self.sealed.lock() = (Frozen(self.rows), covers);
        Ok(())
    }
}
