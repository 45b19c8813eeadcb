//! The engine: the active layer, and what lies below it.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::gaps::Gaps;
use super::jobs::Shared;
use super::layer::Layer;
use super::merge;
use super::replacement::RedbReplacement;
use super::view::{Below, RedbView};
use super::writer::Writer;
use crate::base::host::Disk;
use crate::base::types::LogIndex;
use crate::engine::incoming::Incoming;
use crate::engine::{
    Batch, CheckpointJob, Engine, EngineError, EngineStats, Read, Replacement, Table, UpkeepJob,
    View, Visit,
};

/// How a redb engine is run.
#[derive(Debug, Clone, Copy)]
pub struct RedbOptions {
    /// Memory for pages of the file, bytes, reading and writing.
    pub cache_bytes: usize,
    /// A file below this is never written anew, bytes.
    pub rewrite_bytes_min: u64,
    /// What one piece of writing anew copies, bytes.
    pub rewrite_step_bytes: usize,
}

/// Rows in a redb file, behind an overlay of what came lately.
pub struct RedbEngine {
    active: Layer,
    gaps: Gaps,
    shared: Arc<Shared>,
    incoming: Incoming,
    disk: Arc<dyn Disk>,
    /// What a piece of background work writes, bytes.
    step_bytes: usize,
}

impl RedbEngine {
    /// Opens the engine in `dir`, made if missing, at its last finished checkpoint, or
    /// empty. What a crash left unfinished is removed.
    ///
    /// # Errors
    /// `Damaged`, `NewerFormat`, `Io`.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        options: RedbOptions,
    ) -> Result<Self, EngineError> {
        let made = disk.create_dir_all(&dir);
        made.map_err(|source| EngineError::Io {
            path: dir.clone(),
            source,
        })?;
        let incoming = Incoming::open(disk.clone(), dir.clone())?;
        let writer = Writer::open(disk.clone(), dir, options)?;
        Ok(Self {
            active: Layer::default(),
            gaps: Gaps::default(),
            shared: Arc::new(Shared::new(writer)?),
            incoming,
            disk,
            step_bytes: options.rewrite_step_bytes,
        })
    }

    /// Reads below the active layer. IMPORTANT: the file fails for a moment while a
    /// checkpoint that found no room opens it again; whoever applies the log must not
    /// hear of that.
    fn read_below<T>(
        &self,
        mut read: impl FnMut(&Below) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        match read(&self.shared.below()) {
            Err(EngineError::Poisoned(_)) => {
                drop(self.shared.writer.lock());
                self.shared.poison.check()?;
                read(&self.shared.below())
            }
            result => result,
        }
    }
}

#[cfg(test)]
impl RedbEngine {
    /// How many deleted rows a scan of the data from `start` walks over to its first row.
    pub(super) fn walked_for_tests(&self, start: &[u8]) -> usize {
        let deleted = Cell::new(0);
        let Some(begin) = self.gaps.begin(Table::Data, start) else {
            return 0;
        };
        let below = self.shared.below();
        let sources = below.sources(&self.active, &deleted);
        let mut visit = |_: &[u8], _: &[u8]| std::ops::ControlFlow::Break(());
        merge::scan(&sources, Table::Data, &begin, None, &mut visit).unwrap();
        deleted.get()
    }

    /// Finds the next piece of upkeep without the engine, as a job's thread would.
    pub(super) fn shared_for_tests(&self) -> impl Fn() -> Option<UpkeepJob> + Send + use<> {
        let shared = self.shared.clone();
        move || Shared::upkeep_job(&shared)
    }
}

impl Drop for RedbEngine {
    /// Views may outlive the engine: they must not keep the file open.
    fn drop(&mut self) {
        self.shared.writer.lock().close();
    }
}

impl Read for RedbEngine {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.shared.poison.check()?;
        if let Some(change) = self.active.get(table, key) {
            return Ok(change.into_value());
        }
        self.read_below(|below| below.get(table, key))
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.shared.poison.check()?;
        let Some(begun) = self.gaps.begin(table, start) else {
            return Ok(());
        };
        let deleted = Cell::new(0);
        let mut is_first = true;
        // A scan that fails on its way must not show rows twice when it is repeated.
        let mut next = begun.to_vec();
        self.read_below(|below| {
            let begin = next.clone();
            let sources = below.sources(&self.active, &deleted);
            merge::scan(&sources, table, &begin, end, &mut |key, value| {
                if std::mem::take(&mut is_first) {
                    self.gaps.found(table, start, Some(key), deleted.get());
                }
                next.clear();
                next.extend_from_slice(key);
                next.push(0);
                visit(key, value)
            })
        })?;
        if is_first && end.is_none_or(|end| start < end) {
            self.gaps.found(table, start, end, deleted.get());
        }
        Ok(())
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.shared.poison.check()?;
        let deleted = Cell::new(0);
        // As above: what was shown is before the end when the scan is repeated.
        let mut next = end.map(<[u8]>::to_vec);
        self.read_below(|below| {
            let end = next.clone();
            let sources = below.sources(&self.active, &deleted);
            merge::scan_back(&sources, table, start, end.as_deref(), &mut |key, value| {
                let next = next.get_or_insert_default();
                next.clear();
                next.extend_from_slice(key);
                visit(key, value)
            })
        })
    }
}

impl Engine for RedbEngine {
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.shared.poison.check()?;
        self.active.commit(&batch);
        self.gaps.commit(&batch);
        Ok(())
    }

    fn view(&self) -> Arc<dyn View> {
        Arc::new(RedbView {
            active: self.active.clone(),
            below: self.shared.below(),
            poison: self.shared.poison.clone(),
        })
    }

    fn checkpoint(&mut self, covers: LogIndex) -> CheckpointJob {
        let durable = self.durable_index();
        assert!(
            covers >= durable,
            "a checkpoint of index {covers}, but {durable} is covered already"
        );
        let active = std::mem::take(&mut self.active);
        let mut below = self.shared.below.write();
        let frozen = match &below.frozen {
            None => active,
            // The last checkpoint found no room, or was never run.
            Some(older) => {
                let mut layer = Layer::clone(older);
                layer.absorb(&active);
                layer
            }
        };
        let frozen = Arc::new(frozen);
        *below = Arc::new(Below {
            frozen: Some(frozen.clone()),
            rows: below.rows.clone(),
        });
        drop(below);
        let shared = self.shared.clone();
        let switches = shared.switches();
        Box::new(move || shared.checkpoint(&frozen, covers, switches))
    }

    fn durable_index(&self) -> LogIndex {
        LogIndex(self.shared.durable_index.load(Ordering::Acquire))
    }

    fn stats(&self) -> EngineStats {
        let below = self.shared.below();
        let frozen = below.frozen.as_deref();
        EngineStats {
            disk_bytes: self.shared.disk_bytes.load(Ordering::Relaxed),
            unflushed_rows: self.active.rows() + frozen.map_or(0, Layer::rows),
            unflushed_bytes: self.active.weight() + frozen.map_or(0, Layer::weight),
        }
    }

    fn upkeep(&self) -> Option<UpkeepJob> {
        Shared::upkeep_job(&self.shared)
    }

    fn replace(&mut self) -> Result<Box<dyn Replacement>, EngineError> {
        self.shared.poison.check()?;
        let begun = self.incoming.begin().and_then(|claim| {
            RedbReplacement::begin(&*self.disk, claim, self.shared.clone(), self.step_bytes)
        });
        let replacement = begun.inspect_err(|error| self.shared.stop_at(error))?;
        Ok(Box::new(replacement))
    }

    fn sealed(&self) -> Option<LogIndex> {
        self.incoming.sealed()
    }

    fn switch(&mut self) -> Result<(), EngineError> {
        self.shared.switch(&self.incoming)?;
        self.active = Layer::default();
        self.gaps = Gaps::default();
        Ok(())
    }
}
