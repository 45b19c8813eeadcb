//! A local shard: its order is this node's log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::Done;
use super::applier::{Applier, Inbox, Logged};
use super::checkpoint::Checkpointer;
use super::core::{Core, Replayed, Sequence, ShardOptions};
use super::fatal::Fatal;
use super::history_file::HistoryFiles;
use super::notify::Grants;
use super::sequencer::Sequencer;
use super::status::ShardStatus;
use crate::base::host::{DiskLock, Host};
use crate::base::time::MachineTime;
use crate::base::types::LogIndex;
use crate::base::{Error, Result, duration, limits};
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

/// A handle to a local shard.
#[derive(Clone)]
pub struct Local {
    pub(super) shared: Arc<Shared>,
}

/// What the handle and the applier share.
pub(super) struct Shared {
    pub(super) core: Arc<Core>,
    pub(super) inbox: Inbox,
    durability: Durability,
    sequencer: Mutex<Sequencer>,
}

impl Local {
    /// Takes over a recovered machine: `machine` reflects everything in `wal`. Whoever
    /// writes in the data directory keeps `lock` until it has ended.
    pub fn start(
        host: &Host,
        wal: Wal,
        machine: (Machine, Replayed),
        history: HistoryFiles,
        (options, durability): (ShardOptions, Durability),
        fatal: Fatal,
        lock: Arc<DiskLock>,
    ) -> Self {
        let state = machine.0.state();
        let sequencer = Sequencer::resume(host.clock.clone(), state.applied, state.now, state.boot);
        let name = options.shard.to_string();
        let core = Arc::new(Core::new(options, host, wal, machine, fatal));
        let shared = Arc::new(Shared {
            core: core.clone(),
            inbox: Inbox::default(),
            durability,
            sequencer: Mutex::new(sequencer),
        });
        let local = Self { shared };
        host.spawn.drive(
            &format!("apply-{name}"),
            Box::new(Applier::new(local.clone())),
        );
        let checkpointer = Checkpointer::new(core, local.shared.clone(), history, lock);
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
        let core = &shared.core;
        let weight: usize = commands.iter().map(Command::weight).sum();
        core.admit(weight, limits::REQUEST_BYTES_MAX)?;
        let must_sync = commands.iter().any(Command::must_sync);
        let durability = shared.durability.of_append(must_sync);
        let mut sequencer = shared.sequencer.lock();
        let (index, entry) = sequencer.stamp(commands);
        let payload = codec::encode_entry(&entry);
        let record = wal::Record {
            group: core.options.shard.0,
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
        match core.wal.append(append) {
            Ok(()) => {
                sequencer.advance();
                Ok(())
            }
            Err(refused) => {
                core.done(weight);
                if let WalError::Poisoned(_) = refused {
                    core.fatal.raise(&refused.to_string());
                    let message = format!("this node is stopping: {refused}");
                    return Err(Error::unavailable(message));
                }
                Err(refused.into())
            }
        }
    }

    /// See [`super::Store::read`].
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        read(&self.shared.core.machine.read())
    }

    /// See [`super::Store::now`].
    pub fn now(&self) -> MachineTime {
        self.shared.sequencer.lock().now()
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

    /// See [`super::Store::checkpoint_now`].
    pub fn checkpoint_now(&self) {
        self.shared.core.checkpoint_now();
    }

    /// Why writes are refused, if the engine's disk is full.
    pub fn read_only(&self) -> Option<String> {
        self.shared.core.read_only()
    }

    /// Stops the shard's background work once what is logged is applied. The log
    /// must have been closed before.
    pub fn close(&self) {
        self.shared.core.closing.store(true, Ordering::SeqCst);
        self.shared.core.watches.close();
        self.shared.inbox.wake();
        self.shared.core.wake_checkpointer();
    }

    /// The log answered: the entry may be applied, or the node must stop.
    fn logged(&self, logged: Logged, result: Result<(), WalError>) {
        match result {
            Ok(()) => self.shared.inbox.push(logged),
            Err(failure) => {
                self.shared.core.fatal.raise(&failure.to_string());
                let unknown = format!("the log failed, so the outcome is unknown: {failure}");
                (logged.done)(Err(Error::timeout(unknown)));
            }
        }
    }
}

impl Sequence for Shared {
    /// Notes in the log how far the checkpoint reaches, then lets the entries go.
    /// IMPORTANT: in this order. A log without the entries and without the note would
    /// make a shard whose checkpoint was lost look like a new one.
    fn checkpointed(&self, covers: LogIndex) {
        let group = self.core.options.shard.0;
        let note = wal::Record {
            group,
            kind: wal::RecordKind::State,
            index: covers,
            payload: Bytes::new(),
        };
        let wal = self.core.wal.clone();
        let append = Append {
            records: vec![note],
            durability: wal::Durability::Fsync,
            done: Box::new(move |result| {
                if result.is_ok() {
                    wal.release(group, covers);
                }
            }),
        };
        if let Err(refused) = self.core.wal.append(append) {
            // The entries stay until the next checkpoint.
            tracing::debug!(group, %refused, "the log was not released");
        }
    }

    fn has_room(&self) {
        self.inbox.wake();
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
