//! What lies below the active layer, and frozen states of all of it.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;

use super::layer::Layer;
use super::merge::{self, Sources};
use super::snapshot::Snapshot;
use crate::engine::poison::Poison;
use crate::engine::{EngineError, Read, Table, View, Visit};

/// What lies below the active layer.
#[derive(Clone, Default)]
pub(super) struct Below {
    pub(super) frozen: Option<Arc<Layer>>,
    pub(super) rows: Option<Arc<Snapshot>>,
}

/// A frozen state.
pub(super) struct RedbView {
    pub(super) active: Layer,
    pub(super) below: Arc<Below>,
    pub(super) poison: Poison,
}

impl Below {
    /// The value of a row that the active layer did not change.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        if let Some(change) = self.frozen.as_ref().and_then(|layer| layer.get(table, key)) {
            return Ok(change.into_value());
        }
        match &self.rows {
            Some(rows) => rows.get(table, key),
            None => Ok(None),
        }
    }

    /// What a scan looks at.
    pub(super) fn sources<'a>(
        &'a self,
        active: &'a Layer,
        deleted: &'a Cell<usize>,
    ) -> Sources<'a> {
        Sources {
            active,
            frozen: self.frozen.as_deref(),
            rows: self.rows.as_deref(),
            deleted,
        }
    }
}

impl Read for RedbView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.poison.check()?;
        match self.active.get(table, key) {
            Some(change) => Ok(change.into_value()),
            None => self.below.get(table, key),
        }
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.poison.check()?;
        let deleted = Cell::new(0);
        let sources = self.below.sources(&self.active, &deleted);
        merge::scan(&sources, table, start, end, visit)
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.poison.check()?;
        let deleted = Cell::new(0);
        let sources = self.below.sources(&self.active, &deleted);
        merge::scan_back(&sources, table, start, end, visit)
    }
}

impl View for RedbView {}
