//! The engine: layers, the file below them, and who may see what.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::gaps::Gaps;
use super::layer::{Change, Layer};
use super::merge::{self, Sources};
use super::snapshot::Snapshot;
use super::writer::{Flushed, Writer};
use crate::base::host::Disk;
use crate::base::types::LogIndex;
use crate::engine::{
    Batch, CheckpointJob, Checkpointed, Engine, EngineError, EngineStats, Read, Table, UpkeepJob,
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
}

/// What jobs share with the engine, from whichever thread they run on.
struct Shared {
    below: RwLock<Arc<Below>>,
    durable_index: AtomicU64,
    disk_bytes: AtomicU64,
    wants_rewrite: AtomicBool,
    /// Why the engine stopped.
    poisoned: OnceLock<String>,
    /// Held by the job that runs, so that two never write at once.
    writer: Mutex<Writer>,
}

/// What lies below the active layer.
#[derive(Clone, Default)]
struct Below {
    frozen: Option<Arc<Layer>>,
    rows: Option<Arc<Snapshot>>,
}

/// A frozen state.
struct RedbView {
    active: Layer,
    below: Arc<Below>,
    /// Set if the engine had stopped when the view was taken.
    poisoned: Option<String>,
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
        let writer = Writer::open(disk, dir, options)?;
        let below = Below {
            frozen: None,
            rows: writer.snapshot()?.map(Arc::new),
        };
        Ok(Self {
            active: Layer::default(),
            gaps: Gaps::default(),
            shared: Arc::new(Shared {
                below: RwLock::new(Arc::new(below)),
                durable_index: AtomicU64::new(writer.covers().0),
                disk_bytes: AtomicU64::new(writer.disk_bytes()),
                wants_rewrite: AtomicBool::new(writer.wants_rewrite()),
                poisoned: OnceLock::new(),
                writer: Mutex::new(writer),
            }),
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
                self.shared.check()?;
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

impl Shared {
    fn check(&self) -> Result<(), EngineError> {
        check(self.poisoned.get())
    }

    /// The first failure is the one that tells most. Nothing is written after it.
    fn poison(&self, writer: &Writer, error: &EngineError) {
        let _ = self.poisoned.set(error.to_string());
        writer.close();
    }

    fn below(&self) -> Arc<Below> {
        self.below.read().clone()
    }

    /// Another snapshot of the file takes the place of the last.
    fn set_rows(&self, rows: Snapshot, written: Option<&Arc<Layer>>) {
        let mut below = self.below.write();
        let is_written = |frozen: &Arc<Layer>| written.is_some_and(|w| Arc::ptr_eq(w, frozen));
        let frozen = below.frozen.clone().filter(|frozen| !is_written(frozen));
        *below = Arc::new(Below {
            frozen,
            rows: Some(Arc::new(rows)),
        });
    }

    fn checkpoint(
        &self,
        layer: &Arc<Layer>,
        covers: LogIndex,
    ) -> Result<Checkpointed, EngineError> {
        let mut writer = self.writer.lock();
        self.check()?;
        let flushed = writer.flush(layer, covers);
        self.note(&writer);
        match flushed.inspect_err(|error| self.poison(&writer, error))? {
            Flushed::Done(rows) => {
                self.set_rows(rows, Some(layer));
                self.durable_index.store(covers.0, Ordering::Release);
                Ok(Checkpointed { covers, bytes: 0 })
            }
            Flushed::NoRoom { needed, reopened } => {
                if let Some(rows) = reopened {
                    self.set_rows(rows, None);
                }
                Err(EngineError::OutOfSpace {
                    path: writer.path(),
                    needed,
                })
            }
        }
    }

    fn upkeep_job(shared: &Arc<Self>) -> Option<UpkeepJob> {
        if !shared.wants_rewrite.load(Ordering::Relaxed) {
            return None;
        }
        let shared = shared.clone();
        Some(Box::new(move || shared.upkeep()))
    }

    fn upkeep(&self) -> Result<(), EngineError> {
        let mut writer = self.writer.lock();
        self.check()?;
        let Some(from) = self.below().rows.clone() else {
            return Ok(());
        };
        let rewritten = writer.rewrite(&from);
        if let Some(rows) = rewritten.inspect_err(|error| self.poison(&writer, error))? {
            self.set_rows(rows, None);
        }
        let goes_on = writer.is_rewriting();
        self.note(&writer);
        // What cannot be done now is looked at again after the next checkpoint.
        self.wants_rewrite.store(goes_on, Ordering::Relaxed);
        Ok(())
    }

    fn note(&self, writer: &Writer) {
        self.disk_bytes
            .store(writer.disk_bytes(), Ordering::Relaxed);
        self.wants_rewrite
            .store(writer.wants_rewrite(), Ordering::Relaxed);
    }
}

impl Read for RedbEngine {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.shared.check()?;
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
        self.shared.check()?;
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
}

impl Engine for RedbEngine {
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.shared.check()?;
        self.active.commit(&batch);
        self.gaps.commit(&batch);
        Ok(())
    }

    fn view(&self) -> Arc<dyn View> {
        Arc::new(RedbView {
            active: self.active.clone(),
            below: self.shared.below(),
            poisoned: self.shared.poisoned.get().cloned(),
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
        Box::new(move || shared.checkpoint(&frozen, covers))
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
}

impl Below {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        if let Some(change) = self.frozen.as_ref().and_then(|layer| layer.get(table, key)) {
            return Ok(change.into_value());
        }
        match &self.rows {
            Some(rows) => rows.get(table, key),
            None => Ok(None),
        }
    }

    fn sources<'a>(&'a self, active: &'a Layer, deleted: &'a Cell<usize>) -> Sources<'a> {
        Sources {
            active,
            frozen: self.frozen.as_deref(),
            rows: self.rows.as_deref(),
            deleted,
        }
    }
}

impl Change {
    fn into_value(self) -> Option<Bytes> {
        match self {
            Self::Value(value) => Some(value),
            Self::Deleted => None,
        }
    }
}

impl Read for RedbView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        check(self.poisoned.as_ref())?;
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
        check(self.poisoned.as_ref())?;
        let deleted = Cell::new(0);
        let sources = self.below.sources(&self.active, &deleted);
        merge::scan(&sources, table, start, end, visit)
    }
}

impl View for RedbView {}

fn check(poisoned: Option<&String>) -> Result<(), EngineError> {
    match poisoned {
        Some(reason) => Err(EngineError::Poisoned(reason.clone())),
        None => Ok(()),
    }
}
