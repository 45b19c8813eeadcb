//! What runs beside the engine, from whichever thread: checkpoints and upkeep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::layer::Layer;
use super::snapshot::Snapshot;
use super::view::Below;
use super::writer::{Flushed, Writer};
use crate::base::types::LogIndex;
use crate::engine::incoming::Incoming;
use crate::engine::poison::Poison;
use crate::engine::{Checkpointed, EngineError, UpkeepJob};

/// What jobs share with the engine, from whichever thread they run on.
pub(super) struct Shared {
    pub(super) below: RwLock<Arc<Below>>,
    pub(super) durable_index: AtomicU64,
    pub(super) disk_bytes: AtomicU64,
    pub(super) wants_rewrite: AtomicBool,
    pub(super) poison: Poison,
    /// How often the file was replaced by a sealed one. Changed by who holds the writer.
    pub(super) switches: AtomicU64,
    /// Held by the job that runs, so that two never write at once.
    pub(super) writer: Mutex<Writer>,
}

impl Shared {
    /// Takes over the writer and what its file holds.
    pub(super) fn new(writer: Writer) -> Result<Self, EngineError> {
        let below = Below {
            frozen: None,
            rows: writer.snapshot()?.map(Arc::new),
        };
        Ok(Self {
            below: RwLock::new(Arc::new(below)),
            durable_index: AtomicU64::new(writer.covers().0),
            disk_bytes: AtomicU64::new(writer.disk_bytes()),
            wants_rewrite: AtomicBool::new(writer.wants_rewrite()),
            poison: Poison::default(),
            switches: AtomicU64::new(0),
            writer: Mutex::new(writer),
        })
    }

    /// Nothing is written after a failure.
    fn stop(&self, writer: &Writer, error: &EngineError) {
        self.poison.set(error);
        writer.close();
    }

    /// Stops at a failure from beside the writer, unless it leaves all as it was.
    pub(super) fn stop_at(&self, error: &EngineError) {
        if !error.is_harmless() {
            self.stop(&self.writer.lock(), error);
        }
    }

    pub(super) fn below(&self) -> Arc<Below> {
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

    pub(super) fn checkpoint(
        &self,
        layer: &Arc<Layer>,
        covers: LogIndex,
        switches: u64,
    ) -> Result<Checkpointed, EngineError> {
        let mut writer = self.writer.lock();
        self.poison.check()?;
        if self.switches() != switches {
            let covers = writer.covers();
            return Ok(Checkpointed { covers, bytes: 0 });
        }
        let flushed = writer.flush(layer, covers);
        self.note(&writer);
        match flushed.inspect_err(|error| self.stop(&writer, error))? {
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

    pub(super) fn upkeep_job(shared: &Arc<Self>) -> Option<UpkeepJob> {
        if !shared.wants_rewrite.load(Ordering::Relaxed) {
            return None;
        }
        let shared = shared.clone();
        let switches = shared.switches();
        Some(Box::new(move || shared.upkeep(switches)))
    }

    fn upkeep(&self, switches: u64) -> Result<(), EngineError> {
        let mut writer = self.writer.lock();
        self.poison.check()?;
        if self.switches() != switches {
            return Ok(());
        }
        let Some(from) = self.below().rows.clone() else {
            return Ok(());
        };
        let rewritten = writer.rewrite(&from);
        if let Some(rows) = rewritten.inspect_err(|error| self.stop(&writer, error))? {
            self.set_rows(rows, None);
        }
        let goes_on = writer.is_rewriting();
        self.note(&writer);
        // What cannot be done now is looked at again after the next checkpoint.
        self.wants_rewrite.store(goes_on, Ordering::Relaxed);
        Ok(())
    }

    /// How often the file was replaced: a job that was made before does nothing after.
    pub(super) fn switches(&self) -> u64 {
        self.switches.load(Ordering::Acquire)
    }

    /// Puts the sealed rows into the place of the file, and of all that lies above it
    /// here. The owner drops what it has itself.
    pub(super) fn switch(&self, incoming: &Incoming) -> Result<(), EngineError> {
        let mut writer = self.writer.lock();
        self.poison.check()?;
        let (covers, sealed) = incoming.due(writer.covers())?;
        let taken = writer.take_over(incoming, covers, &sealed);
        let rows = taken.inspect_err(|error| self.stop(&writer, error))?;
        self.switches.fetch_add(1, Ordering::AcqRel);
        *self.below.write() = Arc::new(Below {
            frozen: None,
            rows: Some(Arc::new(rows)),
        });
        self.durable_index.store(covers.0, Ordering::Release);
        self.note(&writer);
        Ok(())
    }

    fn note(&self, writer: &Writer) {
        self.disk_bytes
            .store(writer.disk_bytes(), Ordering::Relaxed);
        self.wants_rewrite
            .store(writer.wants_rewrite(), Ordering::Relaxed);
    }
}
