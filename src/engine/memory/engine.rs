//! The engine: trees, who may see them, and what is on disk of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::checkpoint::{self, Trees, VALUE_BYTES_MAX};
use super::replacement::MemoryReplacement;
use crate::base::host::{Disk, OpenMode};
use crate::base::types::LogIndex;
use crate::engine::incoming::Incoming;
use crate::engine::poison::Poison;
use crate::engine::{
    Batch, CheckpointJob, Checkpointed, Engine, EngineError, EngineStats, Op, Read, Replacement,
    Table, Value, View, Visit,
};

/// All rows in memory; a checkpoint is a file.
///
/// Takes for a row of a 16-byte key and a 90-byte record about 150 bytes.
pub struct MemoryEngine {
    trees: Trees,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Arc<State>,
    incoming: Incoming,
}

/// What jobs and replacements tell the engine, from whichever thread they run on.
#[derive(Default)]
pub(super) struct State {
    durable_index: AtomicU64,
    disk_bytes: AtomicU64,
    pub(super) poison: Poison,
    /// Held by the job that runs, so that two never write at once.
    job: Mutex<()>,
    /// How often the rows were replaced: a job that was made before does nothing after.
    switches: AtomicU64,
}

impl State {
    /// Stops the engine, unless there was just no room, or nothing was done.
    pub(super) fn stop_at(&self, error: &EngineError) {
        if !error.is_harmless() {
            self.poison.set(error);
        }
    }
}

/// A frozen state.
struct MemoryView {
    trees: Trees,
    poison: Poison,
}

impl MemoryEngine {
    /// Opens the engine in `dir`, made if missing, at its newest finished checkpoint, or
    /// empty. What a crash left unfinished is removed.
    ///
    /// # Errors
    /// `Corrupt` if the newest checkpoint is damaged: an older one is no way out, the
    /// log that leads on from it is gone. `NewerFormat`, `Io`.
    pub fn open(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<Self, EngineError> {
        let made = disk.create_dir_all(&dir);
        made.map_err(|source| EngineError::Io {
            path: dir.clone(),
            source,
        })?;
        let state = State::default();
        let mut trees = Trees::default();
        if let Some((covers, path)) = checkpoint::newest(&*disk, &dir)? {
            trees = checkpoint::load(&*disk, &path, covers)?;
            state.durable_index.store(covers.0, Ordering::Release);
            let bytes = file_bytes(&*disk, &path)?;
            state.disk_bytes.store(bytes, Ordering::Relaxed);
        }
        Ok(Self {
            trees,
            incoming: Incoming::open(disk.clone(), dir.clone())?,
            disk,
            dir,
            state: Arc::new(state),
        })
    }

    /// Loads the sealed rows, and makes their file the engine's checkpoint.
    fn take_over(&mut self, covers: LogIndex, sealed: &Path) -> Result<(), EngineError> {
        // What was there goes first: the memory need not hold both.
        self.trees = Trees::default();
        self.trees = checkpoint::load(&*self.disk, sealed, covers)?;
        let path = checkpoint::finished_path(&self.dir, covers);
        self.incoming.hand_over(covers, &path)?;
        checkpoint::remove_older(&*self.disk, &self.dir, covers)?;
        let bytes = file_bytes(&*self.disk, &path)?;
        self.state.disk_bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Rows of a table.
    pub fn rows(&self, table: Table) -> u64 {
        self.trees[table.place()].rows()
    }

    /// Bytes of all keys and values, without what keeping them takes.
    pub fn bytes(&self) -> u64 {
        self.trees
            .iter()
            .map(crate::engine::tree::Tree::bytes)
            .sum()
    }
}

impl Read for MemoryEngine {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.state.poison.check()?;
        Ok(self.trees[table.place()].get(key))
    }

    fn look(
        &self,
        table: Table,
        key: &[u8],
        see: &mut dyn FnMut(Value<'_>),
    ) -> Result<(), EngineError> {
        self.state.poison.check()?;
        self.trees[table.place()]
            .look(key)
            .into_iter()
            .for_each(see);
        Ok(())
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.state.poison.check()?;
        let _ = self.trees[table.place()].scan(start, end, visit);
        Ok(())
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.state.poison.check()?;
        let _ = self.trees[table.place()].scan_back(start, end, visit);
        Ok(())
    }
}

impl Engine for MemoryEngine {
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.state.poison.check()?;
        // Readers share `&self`, so none of them sees what is between two operations.
        for op in batch.ops {
            match op {
                Op::Put(table, key, value) => {
                    assert!(
                        value.len() <= VALUE_BYTES_MAX,
                        "a row's value of {} bytes; the rooms above must keep it to {}",
                        value.len(),
                        VALUE_BYTES_MAX,
                    );
                    self.trees[table.place()].put(&key, &value);
                }
                Op::Delete(table, key) => self.trees[table.place()].delete(&key),
            }
        }
        Ok(())
    }

    fn view(&self) -> Arc<dyn View> {
        Arc::new(MemoryView {
            trees: self.trees.clone(),
            poison: self.state.poison.clone(),
        })
    }

    fn checkpoint(&mut self, covers: LogIndex) -> CheckpointJob {
        let durable = self.durable_index();
        assert!(
            covers >= durable,
            "a checkpoint of index {covers}, but {durable} is covered already"
        );
        let trees = self.trees.clone();
        let disk = Arc::clone(&self.disk);
        let dir = self.dir.clone();
        let state = Arc::clone(&self.state);
        let switches = state.switches.load(Ordering::Acquire);
        Box::new(move || {
            let _running = state.job.lock();
            state.poison.check()?;
            if state.switches.load(Ordering::Acquire) != switches {
                let covers = LogIndex(state.durable_index.load(Ordering::Acquire));
                return Ok(Checkpointed { covers, bytes: 0 });
            }
            let finished = || state.durable_index.store(covers.0, Ordering::Release);
            let written = checkpoint::write(&*disk, &dir, covers, &trees, finished);
            let bytes = written.inspect_err(|error| state.stop_at(error))?;
            state.disk_bytes.store(bytes, Ordering::Relaxed);
            Ok(Checkpointed { covers, bytes })
        })
    }

    fn durable_index(&self) -> LogIndex {
        LogIndex(self.state.durable_index.load(Ordering::Acquire))
    }

    fn stats(&self) -> EngineStats {
        EngineStats {
            disk_bytes: self.state.disk_bytes.load(Ordering::Relaxed),
            ..EngineStats::default()
        }
    }

    fn replace(&mut self) -> Result<Box<dyn Replacement>, EngineError> {
        self.state.poison.check()?;
        let begun = self.incoming.begin().and_then(|claim| {
            let state = Arc::clone(&self.state);
            MemoryReplacement::begin(&*self.disk, claim, state)
        });
        let replacement = begun.inspect_err(|error| self.state.stop_at(error))?;
        Ok(Box::new(replacement))
    }

    fn sealed(&self) -> Option<LogIndex> {
        self.incoming.sealed()
    }

    fn switch(&mut self) -> Result<(), EngineError> {
        let state = Arc::clone(&self.state);
        let _running = state.job.lock();
        state.poison.check()?;
        let (covers, sealed) = self.incoming.due(self.durable_index())?;
        self.take_over(covers, &sealed)
            .inspect_err(|error| state.poison.set(error))?;
        state.switches.fetch_add(1, Ordering::AcqRel);
        state.durable_index.store(covers.0, Ordering::Release);
        Ok(())
    }
}

impl Read for MemoryView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.poison.check()?;
        Ok(self.trees[table.place()].get(key))
    }

    fn look(
        &self,
        table: Table,
        key: &[u8],
        see: &mut dyn FnMut(Value<'_>),
    ) -> Result<(), EngineError> {
        self.poison.check()?;
        self.trees[table.place()]
            .look(key)
            .into_iter()
            .for_each(see);
        Ok(())
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.poison.check()?;
        let _ = self.trees[table.place()].scan(start, end, visit);
        Ok(())
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.poison.check()?;
        let _ = self.trees[table.place()].scan_back(start, end, visit);
        Ok(())
    }
}

impl View for MemoryView {}

fn file_bytes(disk: &dyn Disk, path: &Path) -> Result<u64, EngineError> {
    let bytes = disk.open(path, OpenMode::Read).and_then(|file| file.len());
    bytes.map_err(|source| EngineError::Io {
        path: path.to_owned(),
        source,
    })
}
