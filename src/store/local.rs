//! A local shard: its order is this node's log.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};

use super::Done;
use super::applier::{Applier, Inbox, Logged};
use super::checkpoint::{Checkpointer, Figures};
use super::fatal::Fatal;
use super::history_file::HistoryFiles;
use super::notify::Grants;
use super::sequencer::Sequencer;
use crate::base::histogram::HistogramSnapshot;
use crate::base::host::{DiskLock, Host};
use crate::base::time::MachineTime;
use crate::base::types::{LogIndex, Revision, ShardId};
use crate::base::{Error, Result, duration, limits};
use crate::engine::EngineStats;
use crate::machine::{Command, Machine, codec};
use crate::wal::{self, Append, Wal, WalError};

/// What an acknowledged write of a local shard survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power loss.
    Fsync,
    /// The end of the process; a power loss loses at most this many ms.
    IntervalMs(u64),
    /// The end of the process; a power loss loses what the system had not written.
    None,
}

/// How a local shard is run.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The shard.
    pub shard: ShardId,
    /// When writes are acknowledged.
    pub durability: Durability,
    /// Where its checkpoints and history are.
    pub dir: PathBuf,
    /// Commands between checkpoints, and ...
    pub snapshot_entries: u64,
    /// ... bytes of log between checkpoints: whichever comes first.
    pub snapshot_bytes: u64,
    /// What the engine may hold in memory only, bytes: beyond it writers wait.
    pub unflushed_bytes_max: u64,
}

/// What was applied from the log at the start, and is in no checkpoint yet.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replayed {
    /// Commands.
    pub commands: u64,
    /// Their weight, bytes.
    pub bytes: u64,
}

/// How a local shard is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalStatus {
    /// The revision of its last change.
    pub revision: Revision,
    /// The last entry applied.
    pub applied: LogIndex,
    /// The state hash there.
    pub state_hash: u64,
    /// Keys, softly expired ones included.
    pub keys: u64,
    /// Held locks.
    pub locks: u64,
    /// Clients remembered for at-most-once writes.
    pub sessions: u64,
    /// The first revision that history holds.
    pub history_floor: Revision,
    /// What history takes in memory, bytes, about.
    pub history_bytes: u64,
    /// How many events it holds.
    pub history_events: u64,
    /// The last entry that a checkpoint covers.
    pub durable: LogIndex,
    /// Commands that no checkpoint covers: what a restart would apply again.
    pub uncovered_commands: u64,
    /// Their weight, bytes.
    pub uncovered_bytes: u64,
    /// Writes that were taken and are not applied yet, bytes.
    pub inflight_bytes: u64,
    /// Segments of the log that cannot go because of this shard.
    pub pinned_segments: u64,
    /// How large the engine is, and what of it waits for a checkpoint.
    pub engine: EngineStats,
    /// How long each checkpoint took, microseconds.
    pub checkpoint_us: HistogramSnapshot,
    /// What the checkpoints wrote whole, bytes.
    pub checkpoint_bytes: u64,
    /// Checkpoints that found no room on the disk.
    pub checkpoints_refused: u64,
    /// Why writes are refused, if the engine's disk is full.
    pub read_only: Option<String>,
}

/// A handle to a local shard.
#[derive(Clone)]
pub struct Local {
    pub(super) shared: Arc<Shared>,
}

/// What the handle, the applier and the checkpointer share.
pub(super) struct Shared {
    pub(super) options: LocalOptions,
    pub(super) host: Host,
    pub(super) wal: Wal,
    pub(super) machine: RwLock<Machine>,
    pub(super) inbox: Inbox,
    pub(super) grants: Grants,
    pub(super) fatal: Fatal,
    pub(super) closing: AtomicBool,
    /// Log written since the last checkpoint: what a restart would replay.
    pub(super) commands_since: AtomicU64,
    pub(super) bytes_since: AtomicU64,
    pub(super) checkpoint_wake: (Mutex<()>, Condvar),
    /// Nothing is applied until the engine has written more of what it holds.
    pub(super) held_up: AtomicBool,
    /// Why the last checkpoint could not be written, while that is so.
    pub(super) no_room: Mutex<Option<String>>,
    pub(super) checkpoints: Figures,
    sequencer: Mutex<Sequencer>,
    inflight_bytes: AtomicUsize,
}

impl Local {
    /// Takes over a recovered machine: `machine` reflects everything in `wal`. Whoever
    /// writes in the data directory keeps `lock` until it has ended.
    pub fn start(
        host: &Host,
        wal: Wal,
        (machine, replayed): (Machine, Replayed),
        history: HistoryFiles,
        options: LocalOptions,
        fatal: Fatal,
        lock: Arc<DiskLock>,
    ) -> Self {
        let state = machine.state();
        let sequencer = Sequencer::resume(host.clock.clone(), state.applied, state.now, state.boot);
        let name = options.shard.to_string();
        let shared = Arc::new(Shared {
            options,
            host: host.clone(),
            wal,
            machine: RwLock::new(machine),
            inbox: Inbox::default(),
            grants: Grants::default(),
            fatal,
            closing: AtomicBool::new(false),
            commands_since: AtomicU64::new(replayed.commands),
            bytes_since: AtomicU64::new(replayed.bytes),
            checkpoint_wake: (Mutex::new(()), Condvar::new()),
            held_up: AtomicBool::new(false),
            no_room: Mutex::new(None),
            checkpoints: Figures::default(),
            sequencer: Mutex::new(sequencer),
            inflight_bytes: AtomicUsize::new(0),
        });
        let local = Self { shared };
        host.spawn.drive(
            &format!("apply-{name}"),
            Box::new(Applier::new(local.clone())),
        );
        let checkpointer = Checkpointer::new(local.shared.clone(), history, lock);
        host.spawn
            .drive(&format!("checkpoint-{name}"), Box::new(checkpointer));
        local
    }

    /// See [`super::Store::submit`]. The commands must fit in one entry.
    ///
    /// # Errors
    /// See [`super::Store::submit`].
    pub fn submit(&self, commands: Vec<Command>, done: Done) -> Result<()> {
        assert!(
            commands.len() <= limits::ENTRY_COMMANDS_MAX,
            "callers cut their groups"
        );
        let shared = &self.shared;
        if let Some(reason) = shared.fatal.reason() {
            return Err(Error::unavailable(format!(
                "this node is stopping: {reason}"
            )));
        }
        let weight: usize = commands.iter().map(Command::weight).sum();
        shared.admit(weight)?;
        let must_sync = commands.iter().any(Command::must_sync);
        let durability = shared.options.durability.of_append(must_sync);
        let mut sequencer = shared.sequencer.lock();
        let (index, entry) = sequencer.stamp(commands);
        let payload = codec::encode_entry(&entry);
        let record = wal::Record {
            group: shared.options.shard.0,
            kind: wal::RecordKind::Entry,
            index,
            payload,
        };
        let then = self.clone();
        let logged = Logged {
            index,
            entry,
            weight,
            done,
        };
        let append = Append {
            records: vec![record],
            durability,
            done: Box::new(move |result| then.logged(logged, result)),
        };
        match shared.wal.append(append) {
            Ok(()) => {
                sequencer.advance();
                Ok(())
            }
            Err(refused) => {
                shared.inflight_bytes.fetch_sub(weight, Ordering::Relaxed);
                if let WalError::Poisoned(_) = refused {
                    shared.fatal.raise(&refused.to_string());
                    let message = format!("this node is stopping: {refused}");
                    return Err(Error::unavailable(message));
                }
                Err(refused.into())
            }
        }
    }

    /// See [`super::Store::read`].
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        read(&self.shared.machine.read())
    }

    /// See [`super::Store::now`].
    pub fn now(&self) -> MachineTime {
        self.shared.sequencer.lock().now()
    }

    /// See [`super::Store::grants`].
    pub fn grants(&self) -> &Grants {
        &self.shared.grants
    }

    /// See [`super::Store::status`].
    pub fn status(&self) -> LocalStatus {
        let shared = &self.shared;
        let pinned_segments = shared.wal.pinned_segments(shared.options.shard.0);
        self.read(|machine| {
            let state = machine.state();
            LocalStatus {
                revision: state.revision,
                applied: state.applied,
                state_hash: state.hash,
                keys: state.keys,
                locks: state.locks,
                sessions: machine.sessions_len() as u64,
                history_floor: machine.history().floor(),
                history_bytes: machine.history().bytes() as u64,
                history_events: machine.history().events_len() as u64,
                durable: machine.engine().durable_index(),
                uncovered_commands: shared.commands_since.load(Ordering::Relaxed),
                uncovered_bytes: shared.bytes_since.load(Ordering::Relaxed),
                inflight_bytes: shared.inflight_bytes.load(Ordering::Relaxed) as u64,
                pinned_segments,
                engine: machine.engine().stats(),
                checkpoint_us: shared.checkpoints.took_us.snapshot(),
                checkpoint_bytes: shared.checkpoints.bytes.load(Ordering::Relaxed),
                checkpoints_refused: shared.checkpoints.refused.load(Ordering::Relaxed),
                read_only: shared.read_only(),
            }
        })
    }

    /// Why writes are refused, if the engine's disk is full.
    pub fn read_only(&self) -> Option<String> {
        self.shared.read_only()
    }

    /// Stops the shard's background work once what is logged is applied. The log
    /// must have been closed before.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.inbox.wake();
        self.shared.wake_checkpointer();
    }

    /// The log answered: the entry may be applied, or the node must stop.
    fn logged(&self, logged: Logged, result: Result<(), WalError>) {
        match result {
            Ok(()) => self.shared.inbox.push(logged),
            Err(failure) => {
                self.shared.fatal.raise(&failure.to_string());
                let unknown = format!("the log failed, so the outcome is unknown: {failure}");
                (logged.done)(Err(Error::timeout(unknown)));
            }
        }
    }
}

impl Shared {
    fn read_only(&self) -> Option<String> {
        if !self.held_up.load(Ordering::Relaxed) {
            return None;
        }
        self.no_room.lock().clone()
    }

    fn admit(&self, weight: usize) -> Result<()> {
        if let Some(why) = self.read_only() {
            return Err(Error::limit_exceeded(format!(
                "shard {} is read-only until its disk has room: {why}",
                self.options.shard
            )));
        }
        let waiting = self.inflight_bytes.fetch_add(weight, Ordering::Relaxed);
        if waiting + weight <= limits::SHARD_INFLIGHT_BYTES_MAX {
            return Ok(());
        }
        self.inflight_bytes.fetch_sub(weight, Ordering::Relaxed);
        Err(Error::limit_exceeded(format!(
            "shard {} has {waiting} bytes of writes waiting for its disk ({} at most): \
             send less, or later",
            self.options.shard,
            limits::SHARD_INFLIGHT_BYTES_MAX
        )))
    }

    /// An entry is applied: its room in the queue is free again.
    pub(super) fn applied(&self, weight: usize, commands: usize) {
        self.inflight_bytes.fetch_sub(weight, Ordering::Relaxed);
        let commands_since = self
            .commands_since
            .fetch_add(commands as u64, Ordering::Relaxed)
            + commands as u64;
        let bytes_since =
            self.bytes_since.fetch_add(weight as u64, Ordering::Relaxed) + weight as u64;
        let options = &self.options;
        if commands_since >= options.snapshot_entries || bytes_since >= options.snapshot_bytes {
            self.wake_checkpointer();
        }
    }

    pub(super) fn wake_checkpointer(&self) {
        // Under the lock, or a checkpointer about to wait would not hear of it.
        let _guard = self.checkpoint_wake.0.lock();
        self.checkpoint_wake.1.notify_one();
    }
}

impl Durability {
    /// Lock commands wait for the disk in every mode, so that fences never repeat.
    fn of_append(self, must_sync: bool) -> wal::Durability {
        match self {
            _ if must_sync => wal::Durability::Fsync,
            Self::Fsync => wal::Durability::Fsync,
            Self::IntervalMs(ms) => wal::Durability::IntervalMs(ms),
            Self::None => wal::Durability::None,
        }
    }
}

impl std::fmt::Display for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fsync => f.write_str("fsync"),
            Self::IntervalMs(ms) => {
                write!(
                    f,
                    "interval:{}",
                    duration::format(Duration::from_millis(*ms))
                )
            }
            Self::None => f.write_str("none"),
        }
    }
}
