//! A replicated shard: its order is that of a consensus group.
//!
//! Any node takes requests. Commands go to the leader in batches, reads wait for a
//! position that a quorum has confirmed.

mod agreement;
mod figures;
mod guarded;
mod leadership;
mod proposer;
mod queue;
mod reader;
mod refusals;
mod replica;
mod samples;
mod verdict;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::figures::Counters;
pub use self::figures::{Fate, ReplicatedFigures};
pub use self::leadership::Leadership;
use self::proposer::Proposer;
use self::queue::{Queue, Read, Reads, Tell, Write, stopping};
use self::reader::Reader;
use self::replica::Overhead;
use self::samples::Samples;
use super::checkpoint::Checkpointer;
use super::core::{Core, Replayed, ShardOptions};
use super::fatal::Fatal;
use super::history_file::HistoryFiles;
use super::notify::Grants;
use super::sequencer::Sequencer;
use super::status::ShardStatus;
use super::{Done, Lead};
use crate::base::host::{DiskLock, Host};
use crate::base::time::{BootStamp, MachineTime};
use crate::base::{Error, Result, limits};
use crate::machine::{Command, Machine};
use crate::raft::{Group, GroupOptions, GroupStatus, Hub, Log};
use crate::wal::Wal;

/// How a replicated shard is run.
#[derive(Debug, Clone)]
pub struct ReplicatedOptions {
    /// As any shard.
    pub shard: ShardOptions,
    /// As a group.
    pub group: GroupOptions,
    /// Commands of the log that are kept behind a checkpoint, for members that lag.
    pub compaction_overhead: u64,
}

/// A handle to a replicated shard.
#[derive(Clone)]
pub struct Replicated {
    shared: Arc<Shared>,
}

/// What the handle and the shard's tasks share.
struct Shared {
    core: Arc<Core>,
    /// Set as soon as the group has started, before anybody else has the handle.
    group: OnceLock<Group>,
    writes: Queue,
    reads: Reads,
    /// When this node applied the last entry, on its own boot clock.
    applied_at: Mutex<BootStamp>,
    overhead: Mutex<Overhead>,
    samples: Mutex<Samples>,
    counters: Counters,
    /// Something was applied since the deadlines were looked at.
    has_applied: AtomicBool,
    room: Notify,
    runtime: tokio::runtime::Handle,
}

/// A shard that is not started yet: if it never is, its checkpointer ends, and gives the
/// directory up.
struct Starting(Option<Arc<Core>>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(core) = self.0.take() {
            core.closing.store(true, Ordering::SeqCst);
            core.wake_checkpointer();
        }
    }
}

impl Replicated {
    /// Takes over a machine as its engine has it, and the log that goes on from there.
    ///
    /// # Errors
    /// `Corrupt` if the two do not fit together.
    pub async fn start(
        host: &Host,
        (wal, log, hub): (Wal, Log, &Hub),
        machine: Machine,
        history: HistoryFiles,
        options: ReplicatedOptions,
        fatal: Fatal,
        lock: Arc<DiskLock>,
    ) -> Result<Self> {
        let name = options.shard.shard.to_string();
        let boot = machine.state().boot;
        let samples = Samples::beginning_at(machine.state());
        let durable_mark = crate::machine::query::mark(machine.engine())?;
        let machine = (machine, Replayed::default());
        let core = Arc::new(Core::new(options.shard, host, wal, machine, fatal));
        *core.durable_mark.lock() = durable_mark;
        let shared = Arc::new(Shared {
            core: core.clone(),
            group: OnceLock::new(),
            writes: Queue::default(),
            reads: Reads::default(),
            applied_at: Mutex::new(boot),
            overhead: Mutex::new(Overhead::keeping(options.compaction_overhead)),
            samples: Mutex::new(samples),
            counters: Counters::default(),
            has_applied: AtomicBool::new(true),
            room: Notify::new(),
            runtime: tokio::runtime::Handle::current(),
        });
        // IMPORTANT: before the group. It applies what the log has before it has started, and
        // waits for a checkpoint when that is more than may be in memory alone.
        let checkpointer = Checkpointer::new(core, shared.clone(), history, lock);
        host.spawn
            .drive(&format!("checkpoint-{name}"), Box::new(checkpointer));
        let mut starting = Starting(Some(shared.core.clone()));
        let group = Group::start(options.group, log, shared.clone(), hub).await?;
        starting.0 = None;
        if shared.group.set(group).is_err() {
            unreachable!("only this function sets it, once");
        }
        tokio::spawn(Proposer::new(shared.clone()).run());
        tokio::spawn(Reader::new(shared.clone()).run());
        tokio::spawn(leadership::watch(shared.clone()));
        tokio::spawn(agreement::watch(shared.clone()));
        Ok(Self { shared })
    }

    /// See [`super::Store::submit`]. What could not be given to a leader by `due`, or in a minute
    /// (`REQUEST_MS_MAX`), was not done, and is told so; what has no outcome by then is unknown.
    ///
    /// # Errors
    /// See [`super::Store::submit`].
    pub fn submit(&self, commands: Vec<Command>, due: Instant, done: Done) -> Result<()> {
        self.shared.submit(commands, due, false, done)
    }

    /// Resolves once a read sees everything that was acknowledged before the call.
    pub fn barrier(&self, due: Instant) -> BoxFuture<'static, Result<()>> {
        let (read, waiting) = Read::barrier(due);
        self.shared.reads.push(read);
        Box::pin(async move {
            match waiting.await {
                Ok(result) => result,
                Err(_) => Err(stopping("read")),
            }
        })
    }

    /// The group behind it, for changes of its members.
    pub fn group(&self) -> &Group {
        self.shared.group()
    }

    /// See [`super::Store::read`].
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        read(&self.shared.core.machine.read())
    }

    /// See [`super::Store::now`].
    pub fn now(&self) -> MachineTime {
        self.shared.clock().now()
    }

    /// See [`super::Store::grants`].
    pub fn grants(&self) -> &Grants {
        &self.shared.core.grants
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.shared.core
    }

    /// See [`super::Store::status`].
    pub fn status(&self) -> ShardStatus {
        self.shared.core.status()
    }

    /// See [`super::Store::lead`].
    pub fn lead(&self) -> Lead {
        let (term, leader) = self.shared.group().lead();
        Lead {
            term,
            address: leader.map_or_else(String::new, |member| member.client_address),
        }
    }

    /// How long ago this node last heard from the leader, or 0 if it leads; `None`: not
    /// since it started.
    pub fn age(&self) -> Option<Duration> {
        self.shared.group().age()
    }

    /// Who leads it, as this node can tell.
    pub fn leadership(&self) -> Leadership {
        Leadership::of(self.shared.group())
    }

    /// What it did since the node was started.
    pub fn figures(&self) -> ReplicatedFigures {
        self.shared.counters.figures()
    }

    /// How its group is doing.
    pub fn group_status(&self) -> GroupStatus {
        self.shared.group().status()
    }

    /// See [`super::Store::checkpoint_now`].
    pub fn checkpoint_now(&self) {
        self.shared.core.checkpoint_now();
    }

    /// Why writes are refused here, if the engine's disk is full.
    pub fn read_only(&self) -> Option<String> {
        self.shared.core.read_only()
    }

    /// Leaves the group alone and ends the shard's work. What has no outcome yet is told
    /// that it is unknown, or was not done.
    pub async fn close(&self) {
        self.shared.core.closing.store(true, Ordering::SeqCst);
        self.shared.core.watches.close();
        self.shared.writes.wake();
        self.shared.reads.wake();
        self.shared.room.notify_waiters();
        self.shared.group().stop().await;
        self.shared.core.wake_checkpointer();
    }
}

/// For tests of what the leader sees and a client does not.
#[cfg(test)]
impl Replicated {
    /// Rows are gone that no entry removed, as with memory that fails.
    pub(crate) fn lose_keys(&self) {
        use crate::engine::{Batch, Table};
        use bytes::Bytes;
        let mut machine = self.shared.core.machine.write();
        let mut batch = Batch::default();
        let mut lose = |key: &[u8], _: &[u8]| {
            batch.delete(Table::Data, Bytes::copy_from_slice(key));
            std::ops::ControlFlow::Continue(())
        };
        let engine = machine.engine_mut();
        engine.scan(Table::Data, &[], None, &mut lose).unwrap();
        assert!(!batch.ops.is_empty());
        engine.commit(batch).unwrap();
    }

    pub(crate) fn state_hash_at(&self, index: crate::base::types::LogIndex) -> Option<u64> {
        self.shared.samples.lock().at(index)
    }

    pub(crate) fn diverged_at(&self, index: crate::base::types::LogIndex, hash: u64) -> bool {
        self.shared.diverged_at(index, hash)
    }
}

impl Shared {
    fn group(&self) -> &Group {
        self.group
            .get()
            .expect("the handle is given out after the group has started")
    }

    fn is_closing(&self) -> bool {
        self.core.closing.load(Ordering::SeqCst) || self.core.fatal.reason().is_some()
    }

    fn submit(
        &self,
        commands: Vec<Command>,
        due: Instant,
        is_forwarded: bool,
        done: Done,
    ) -> Result<()> {
        // What is sent to one leader after the other must not outlive what the machine
        // remembers of it for sure.
        let due = due.min(Instant::now() + Duration::from_millis(limits::REQUEST_MS_MAX));
        let weight: usize = commands.iter().map(Command::weight).sum();
        self.core.admit(weight, self.core.entry_bytes_max())?;
        if let Some(why) = self.core.wal.read_only() {
            self.core.done(weight);
            return Err(Error::no_room(why));
        }
        let core = self.core.clone();
        let done = Box::new(move |result| {
            core.done(weight);
            done(result);
        });
        self.writes.push(Write {
            commands,
            proposed: 0,
            weight,
            due,
            is_forwarded,
            in_doubt: false,
            tell: Tell::new(done),
        });
        Ok(())
    }

    /// Machine time as this node can tell: what it applied last, and the time since.
    fn clock(&self) -> Sequencer {
        let machine = self.core.machine.read();
        let state = machine.state();
        let at = *self.applied_at.lock();
        Sequencer::resume(self.core.host.clock.clone(), state.applied, state.now, at)
    }
}

/// Waits a moment, or less if something changes that a retry may need.
async fn pause(changes: &mut crate::raft::Changes) {
    const RETRY: Duration = Duration::from_millis(20);
    // Either is a reason to look again.
    drop(tokio::time::timeout(RETRY, changes.next()).await);
}
