//! The engine: trees, who may see them, and what is on disk of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::checkpoint::{self, Trees, VALUE_BYTES_MAX};
use crate::base::host::{Disk, OpenMode};
use crate::base::types::LogIndex;
use crate::engine::poison::Poison;
use crate::engine::{
    Batch, CheckpointJob, Checkpointed, Engine, EngineError, EngineStats, Op, Read, Table, View,
    Visit,
};

/// All rows in memory; a checkpoint is a file.
///
/// Takes for a row of a 16-byte key and a 90-byte record about 150 bytes.
pub struct MemoryEngine {
    trees: Trees,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Arc<State>,
}

/// What a checkpoint's job tells the engine, from whichever thread it runs on.
#[derive(Default)]
struct State {
    durable_index: AtomicU64,
    disk_bytes: AtomicU64,
    poison: Poison,
    /// Held by the job that runs, so that two never write at once.
    job: Mutex<()>,
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
            let bytes = disk.open(&path, OpenMode::Read).and_then(|file| file.len());
            let bytes = bytes.map_err(|source| EngineError::Io { path, source })?;
            state.disk_bytes.store(bytes, Ordering::Relaxed);
        }
        Ok(Self {
            trees,
            disk,
            dir,
            state: Arc::new(state),
        })
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
        Box::new(move || {
            let _running = state.job.lock();
            state.poison.check()?;
            let finished = || state.durable_index.store(covers.0, Ordering::Release);
            let written = checkpoint::write(&*disk, &dir, covers, &trees, finished);
            match written {
                Ok(bytes) => {
                    state.disk_bytes.store(bytes, Ordering::Relaxed);
                    Ok(Checkpointed { covers, bytes })
                }
                Err(error) => {
                    if !matches!(error, EngineError::OutOfSpace { .. }) {
                        state.poison.set(&error);
                    }
                    Err(error)
                }
            }
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
}

impl Read for MemoryView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.poison.check()?;
        Ok(self.trees[table.place()].get(key))
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
}

impl View for MemoryView {}
