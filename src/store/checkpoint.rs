//! Makes a local shard's state durable outside the log, so that the log can be
//! released and a restart stays short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::core::{Core, Sequence};
use super::history_file::{HistoryFiles, Span};
use crate::base::histogram::{self, Histogram};
use crate::base::host::{DiskLock, Patience, Progress, Step};
use crate::base::limits;
use crate::base::types::{LogIndex, Revision};
use crate::engine::{CheckpointJob, EngineError};
use crate::machine::{Event, query};
use crate::wal::WalError;

/// How often a quiet shard looks whether it pins the log, ms.
const LOOK_MS: u64 = 1_000;

/// A shard that was quiet for so long, ms, ...
const QUIET_MS: u64 = 10_000;

/// ... with so many rows in memory only gets a checkpoint, too: its next start is short
/// then, and the room of what was deleted comes back.
const QUIET_ROWS_MIN: u64 = 10_000;

/// Rows that a usual command changes, at most: its record, and two of its deadlines.
const ROWS_PER_COMMAND: u64 = 3;

/// How long after a checkpoint that found no space the next is tried, ms, ...
const RETRY_MS: u64 = 10_000;

/// ... and how long while writers wait for it.
const RETRY_HELD_UP_MS: u64 = 1_000;

/// What became of the sync that a checkpoint waits for.
const WAITING: u8 = 0;
const SYNCED: u8 = 1;
/// The log is full of work, or closed: the checkpoint is tried again later.
const REFUSED: u8 = 2;

/// Where a checkpoint is. Only `Idle` waits for a reason; the rest goes on by itself.
enum Stage {
    /// None is under way.
    Idle,
    /// The state is frozen; the log is being synced up to it. Invariant: a checkpoint
    /// never covers an entry that the log has not made durable.
    Syncing {
        frozen: Frozen,
        synced: Arc<AtomicU8>,
    },
}

/// A state frozen under the machine's lock.
struct Frozen {
    covers: LogIndex,
    mark: Option<Bytes>,
    generation: u64,
    job: CheckpointJob,
    span: Span,
    events: Vec<Arc<Event>>,
    history_floor: Revision,
    commands: u64,
    bytes: u64,
    begun_us: u64,
}

/// What a shard's checkpoints were like, since the start.
pub(super) struct Figures {
    /// From the frozen state to the durable one, microseconds.
    pub(super) took_us: Histogram,
    /// What they wrote, bytes.
    pub(super) bytes: AtomicU64,
    /// How many found no room on the disk.
    pub(super) refused: AtomicU64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            took_us: Histogram::new(histogram::LATENCY_US),
            bytes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

/// Owns a shard's checkpoints and history files.
pub(super) struct Checkpointer {
    core: Arc<Core>,
    sequence: Arc<dyn Sequence>,
    history: HistoryFiles,
    stage: Stage,
    /// What the last checkpoint took on disk: the next one waits until the log
    /// has grown by as much, so that writing is at most doubled.
    bytes_last: u64,
    not_before_ms: u64,
    /// When the last checkpoint found no space, if it did.
    no_room_at_ms: Option<u64>,
    /// The commands since the last checkpoint as they were seen last, and since when.
    seen: (u64, u64),
    /// Nobody else may write here before this is dropped.
    _lock: Arc<DiskLock>,
}

impl Checkpointer {
    pub(super) fn new(
        core: Arc<Core>,
        sequence: Arc<dyn Sequence>,
        history: HistoryFiles,
        lock: Arc<DiskLock>,
    ) -> Self {
        Self {
            core,
            sequence,
            history,
            stage: Stage::Idle,
            bytes_last: 0,
            not_before_ms: 0,
            no_room_at_ms: None,
            seen: (0, 0),
            _lock: lock,
        }
    }

    /// True when a restart would replay too much, or the log is held back.
    fn is_due(&mut self) -> bool {
        let now_ms = self.core.host.clock.boot_ms();
        if self.core.is_checkpoint_wanted.swap(false, Ordering::SeqCst) {
            return true;
        }
        let held_up = self.core.held_up.load(Ordering::Relaxed);
        if now_ms < self.not_before_ms || self.waits_for_room(now_ms, held_up) {
            return false;
        }
        let options = &self.core.options;
        let commands = self.core.commands_since.load(Ordering::Relaxed);
        let bytes = self.core.bytes_since.load(Ordering::Relaxed);
        let grown = bytes >= self.bytes_last;
        let long = commands >= options.snapshot_entries || bytes >= options.snapshot_bytes;
        let pinned = self.core.wal.pinned_segments(options.shard.0);
        let held_back = pinned > limits::WAL_PINNED_SEGMENTS_MAX
            && (grown || bytes == 0 || pinned > 2 * limits::WAL_PINNED_SEGMENTS_MAX);
        if self.seen.0 != commands {
            self.seen = (commands, now_ms);
        }
        let quiet = now_ms.saturating_sub(self.seen.1) >= QUIET_MS;
        (long && grown) || held_back || held_up || self.is_filling(quiet)
    }

    /// True if the last checkpoint found no space a short while ago. It may have been
    /// begun early, and writers come to wait for the next one only later.
    fn waits_for_room(&self, now_ms: u64, held_up: bool) -> bool {
        let pause_ms = match held_up {
            true => RETRY_HELD_UP_MS,
            false => RETRY_MS,
        };
        self.no_room_at_ms
            .is_some_and(|at_ms| now_ms < at_ms + pause_ms)
    }

    /// True when the engine holds much in memory only. The log need not be long for that:
    /// one command may change thousands of rows.
    fn is_filling(&self, quiet: bool) -> bool {
        let stats = self.core.machine.read().engine().stats();
        let options = &self.core.options;
        stats.unflushed_bytes >= options.snapshot_bytes
            || stats.unflushed_rows >= ROWS_PER_COMMAND.saturating_mul(options.snapshot_entries)
            || (quiet && stats.unflushed_rows >= QUIET_ROWS_MIN)
    }

    /// Something happened between the last look and the lock of the wake-up.
    fn has_news(&self) -> bool {
        let answered = match &self.stage {
            Stage::Idle => false,
            Stage::Syncing { synced, .. } => synced.load(Ordering::SeqCst) != WAITING,
        };
        answered
            || self.core.is_checkpoint_wanted.load(Ordering::SeqCst)
            || self.core.closing.load(Ordering::SeqCst)
    }

    fn begin(&mut self) {
        let core = &self.core;
        let mut machine = core.machine.write();
        let covers = machine.state().applied;
        if covers == machine.engine().durable_index() {
            core.commands_since.store(0, Ordering::Relaxed);
            core.bytes_since.store(0, Ordering::Relaxed);
            drop(machine);
            self.not_before_ms = core.host.clock.boot_ms() + LOOK_MS;
            self.sequence.checkpointed(covers);
            return;
        }
        let mark = match query::mark(machine.engine()) {
            Ok(mark) => mark,
            Err(failure) => {
                core.fatal.raise(&failure.to_string());
                return;
            }
        };
        let history = machine.history();
        let from = history.persisted().next().max(history.floor());
        let frozen = Frozen {
            span: Span {
                from,
                through: machine.state().revision,
            },
            events: history.unpersisted().cloned().collect(),
            history_floor: history.floor(),
            covers,
            mark,
            generation: core.generation.load(Ordering::SeqCst),
            job: machine.engine_mut().checkpoint(covers),
            commands: core.commands_since.load(Ordering::Relaxed),
            bytes: core.bytes_since.load(Ordering::Relaxed),
            begun_us: core.host.clock.boot_us(),
        };
        drop(machine);
        let synced = Arc::new(AtomicU8::new(WAITING));
        let tell = (synced.clone(), core.clone());
        core.wal.sync(Box::new(move |result| {
            let outcome = match result {
                Ok(()) => SYNCED,
                Err(WalError::Poisoned(why)) => {
                    tell.1.fatal.raise(&why);
                    REFUSED
                }
                Err(_) => REFUSED,
            };
            tell.0.store(outcome, Ordering::SeqCst);
            tell.1.wake_checkpointer();
        }));
        self.stage = Stage::Syncing { frozen, synced };
    }

    /// Writes the frozen state. IMPORTANT: history before the checkpoint, and both
    /// before the log is released; history that is ahead of the checkpoint is cut at
    /// the next start, history that is behind would have a hole.
    fn finish(&mut self, frozen: Frozen) {
        let Frozen {
            covers,
            mark,
            generation,
            job,
            span,
            events,
            history_floor,
            commands,
            bytes,
            begun_us,
        } = frozen;
        let core = self.core.clone();
        let written = self
            .history
            .trim(history_floor)
            .and_then(|()| self.history.append(span, &events))
            .and_then(|()| {
                let mut machine = core.machine.write();
                if core.generation.load(Ordering::SeqCst) == generation {
                    machine.history_mut().mark_persisted(span.through);
                }
                drop(machine);
                job()
            });
        match written {
            Ok(checkpointed) => {
                self.bytes_last = checkpointed.bytes;
                self.no_room_at_ms = None;
                let took_us = core.host.clock.boot_us().saturating_sub(begun_us);
                core.checkpoints.took_us.record(took_us);
                let written = &core.checkpoints.bytes;
                written.fetch_add(checkpointed.bytes, Ordering::Relaxed);
                *core.no_room.lock() = None;
                core.held_up.store(false, Ordering::Relaxed);
                {
                    let _machine = core.machine.read();
                    if core.generation.load(Ordering::SeqCst) != generation {
                        return;
                    }
                    core.commands_since.fetch_sub(commands, Ordering::Relaxed);
                    core.bytes_since.fetch_sub(bytes, Ordering::Relaxed);
                    *core.durable_mark.lock() = mark;
                }
                self.sequence.checkpointed(covers);
                self.sequence.has_room();
                tracing::debug!(
                    shard = core.options.shard.0,
                    index = covers.0,
                    bytes = checkpointed.bytes,
                    "checkpoint written"
                );
            }
            Err(failure @ EngineError::OutOfSpace { .. }) => {
                tracing::warn!(
                    shard = core.options.shard.0,
                    "{failure}: the log stays longer"
                );
                core.checkpoints.refused.fetch_add(1, Ordering::Relaxed);
                *core.no_room.lock() = Some(failure.to_string());
                self.no_room_at_ms = Some(core.host.clock.boot_ms());
            }
            Err(failure) => core.fatal.raise(&failure.to_string()),
        }
    }

    /// Does a piece of the engine's own work. False if there is none.
    fn keep_up(&self) -> bool {
        if self.core.closing.load(Ordering::SeqCst) {
            return false;
        }
        let Some(job) = self.core.machine.read().engine().upkeep() else {
            return false;
        };
        if let Err(failure) = job() {
            self.core.fatal.raise(&failure.to_string());
        }
        true
    }

    fn wait(&self, patience: Patience) -> Progress {
        if self.core.closing.load(Ordering::SeqCst) {
            return Progress::Finished;
        }
        if patience == Patience::Block {
            let (lock, wake) = &self.core.checkpoint_wake;
            let mut guard = lock.lock();
            if !self.has_news() {
                let _timed_out = wake.wait_for(&mut guard, Duration::from_millis(LOOK_MS));
            }
        }
        Progress::Idle
    }
}

impl Step for Checkpointer {
    fn step(&mut self, patience: Patience) -> Progress {
        if self.core.fatal.reason().is_some() {
            return Progress::Finished;
        }
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle if self.is_due() => {
                self.begin();
                Progress::Worked
            }
            Stage::Idle if self.keep_up() => Progress::Worked,
            Stage::Idle => self.wait(patience),
            Stage::Syncing { frozen, synced } => match synced.load(Ordering::SeqCst) {
                SYNCED => {
                    self.finish(frozen);
                    Progress::Worked
                }
                REFUSED => {
                    self.not_before_ms = self.core.host.clock.boot_ms() + LOOK_MS;
                    Progress::Worked
                }
                _ => {
                    self.stage = Stage::Syncing { frozen, synced };
                    self.wait(patience)
                }
            },
        }
    }
}
