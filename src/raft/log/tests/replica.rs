//! A machine without a shard around it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::base::host::SeededRng;
use crate::base::host::sim_disk::SimDisk;
use crate::base::types::LogIndex;
use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::memory::MemoryEngine;
use crate::engine::redb::{RedbEngine, RedbOptions};
use crate::machine::{Applied, Command, HistoryLimits, Machine, SnapshotWriter, codec, query};
use crate::raft::{ForwardDone, Frozen, ReadDone, Replica};

/// A machine on a disk of its own. It takes its latest state for durable.
pub(in crate::raft) struct TestReplica {
    machine: Mutex<Machine>,
    /// It was told so, and has seen it.
    diverged: AtomicBool,
}

impl TestReplica {
    pub(in crate::raft) fn in_memory() -> Arc<Self> {
        let disk = Arc::new(SimDisk::new(Arc::new(SeededRng::new(1))));
        let engine = MemoryEngine::open(disk, PathBuf::from("/engine")).unwrap();
        Self::over(Box::new(engine))
    }

    pub(in crate::raft) fn on_redb() -> Arc<Self> {
        let disk = Arc::new(SimDisk::new(Arc::new(SeededRng::new(1))));
        let options = RedbOptions {
            cache_bytes: 1 << 20,
            rewrite_bytes_min: u64::MAX,
            rewrite_step_bytes: 4 << 10,
        };
        let engine = RedbEngine::open(disk, PathBuf::from("/engine"), options).unwrap();
        Self::over(Box::new(engine))
    }

    fn over(engine: Box<dyn Engine>) -> Arc<Self> {
        let machine = Machine::open(engine, HistoryLimits::default()).unwrap();
        Arc::new(Self {
            machine: Mutex::new(machine),
            diverged: AtomicBool::new(false),
        })
    }

    pub(in crate::raft) fn applied(&self) -> LogIndex {
        self.machine.lock().state().applied
    }

    pub(in crate::raft) fn has_diverged(&self) -> bool {
        self.diverged.load(Ordering::SeqCst)
    }
}

impl Replica for TestReplica {
    fn mark(&self) -> Result<Option<Bytes>> {
        query::mark(self.machine.lock().engine())
    }

    fn durable_mark(&self) -> Option<Bytes> {
        self.mark().unwrap()
    }

    fn room(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The library's tests leave entries out, which a machine never sees.
    fn apply(&self, index: LogIndex, entry: Option<Bytes>, mark: Bytes) -> Result<Vec<Applied>> {
        let mut machine = self.machine.lock();
        while machine.state().applied.next() < index {
            let (skipped, nothing) = (machine.state().applied.next(), machine.nothing());
            machine.apply(skipped, &nothing)?;
        }
        let entry = entry.map(codec::decode_entry).transpose()?;
        let entry = entry.unwrap_or_else(|| machine.nothing());
        Ok(machine.apply_marked(index, &entry, Some(mark))?.replies)
    }

    fn freeze(&self) -> BoxFuture<'_, Result<Frozen>> {
        let machine = self.machine.lock();
        let frozen = query::mark(machine.engine()).map(|mark| Frozen {
            mark,
            view: machine.view(),
        });
        Box::pin(std::future::ready(frozen))
    }

    fn begin_install(&self) -> Result<SnapshotWriter> {
        let replacement = self.machine.lock().engine_mut().replace()?;
        Ok(SnapshotWriter::new(replacement))
    }

    fn install(&self) -> Result<()> {
        self.machine.lock().install()
    }

    fn forwarded(&self, _commands: Vec<Command>, _due: Instant, done: ForwardDone) {
        done(Err(Error::unavailable("nobody is here")));
    }

    fn read_index(&self, _due: Instant, done: ReadDone) {
        done(Err(Error::unavailable("nobody is here")));
    }

    fn state_hash_at(&self, index: LogIndex) -> Option<u64> {
        let machine = self.machine.lock();
        let state = machine.state();
        (state.applied == index).then_some(state.hash)
    }

    fn diverged(&self, index: LogIndex, hash: u64) -> bool {
        let diverged = self.state_hash_at(index).is_some_and(|own| own != hash);
        self.diverged.fetch_or(diverged, Ordering::SeqCst);
        diverged
    }
}
