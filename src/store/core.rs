//! What every shard has, whatever orders its commands: the machine, who waits for its
//! locks, and the account of what no checkpoint covers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};

use super::checkpoint::Figures;
use super::fatal::Fatal;
use super::notify::Grants;
use super::status::ShardStatus;
use super::watch::Hub;
use crate::base::host::Host;
use crate::base::types::{LogIndex, ShardId};
use crate::base::{Error, Result, limits};
use crate::machine::{Machine, NearQuota};
use crate::wal::Wal;

/// What the log takes around the commands of an entry, bytes: heads, at most.
const ENTRY_SLACK_BYTES: u64 = 256;

/// How a shard is run.
#[derive(Debug, Clone)]
pub struct ShardOptions {
    /// The shard.
    pub shard: ShardId,
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

/// The part of a shard that its handle, its applier and its checkpointer share.
pub(super) struct Core {
    pub(super) options: ShardOptions,
    pub(super) host: Host,
    pub(super) wal: Wal,
    pub(super) machine: RwLock<Machine>,
    pub(super) grants: Grants,
    pub(super) watches: Hub,
    pub(super) fatal: Fatal,
    pub(super) closing: AtomicBool,
    /// Log written since the last checkpoint: what a restart would replay.
    pub(super) commands_since: AtomicU64,
    pub(super) bytes_since: AtomicU64,
    pub(super) checkpoint_wake: (Mutex<()>, Condvar),
    /// Nothing is applied until the engine has written more of what it holds.
    pub(super) held_up: AtomicBool,
    /// Somebody asked for a checkpoint.
    pub(super) is_checkpoint_wanted: AtomicBool,
    /// Why the last checkpoint could not be written, while that is so.
    pub(super) no_room: Mutex<Option<String>>,
    pub(super) checkpoints: Figures,
    /// The machine's mark as a reopened engine would have it.
    pub(super) durable_mark: Mutex<Option<Bytes>>,
    /// Grows when other rows take the place of the machine's: a checkpoint that was begun
    /// before is of no use then.
    pub(super) generation: AtomicU64,
    inflight_bytes: AtomicUsize,
}

/// What a sequencer does when a checkpoint is written.
pub(super) trait Sequence: Send + Sync {
    /// The engine has everything up to `covers`, durably: the log before it may go.
    fn checkpointed(&self, covers: LogIndex);

    /// The engine may hold more again.
    fn has_room(&self);
}

impl Core {
    pub(super) fn new(
        options: ShardOptions,
        host: &Host,
        wal: Wal,
        (machine, replayed): (Machine, Replayed),
        fatal: Fatal,
    ) -> Self {
        Self {
            options,
            host: host.clone(),
            wal,
            machine: RwLock::new(machine),
            grants: Grants::default(),
            watches: Hub::default(),
            fatal,
            closing: AtomicBool::new(false),
            commands_since: AtomicU64::new(replayed.commands),
            bytes_since: AtomicU64::new(replayed.bytes),
            checkpoint_wake: (Mutex::new(()), Condvar::new()),
            held_up: AtomicBool::new(false),
            is_checkpoint_wanted: AtomicBool::new(false),
            no_room: Mutex::new(None),
            checkpoints: Figures::default(),
            durable_mark: Mutex::new(None),
            generation: AtomicU64::new(0),
            inflight_bytes: AtomicUsize::new(0),
        }
    }

    /// Why writes are refused, if the engine's disk is full.
    pub(super) fn read_only(&self) -> Option<String> {
        if !self.held_up.load(Ordering::Relaxed) {
            return None;
        }
        self.no_room.lock().clone()
    }

    /// The most that the commands of one entry may weigh, bytes: more than its log takes would stop
    /// a group, not just be refused.
    pub(super) fn entry_bytes_max(&self) -> usize {
        let log = self
            .wal
            .append_bytes_max()
            .saturating_sub(ENTRY_SLACK_BYTES);
        usize::try_from(log).map_or(limits::REQUEST_BYTES_MAX, |log| {
            log.min(limits::REQUEST_BYTES_MAX)
        })
    }

    /// Takes room for commands of this weight, of which `most` fit at once. [`Core::done`] gives it
    /// back.
    pub(super) fn admit(&self, weight: usize, most: usize) -> Result<()> {
        if let Some(reason) = self.fatal.reason() {
            return Err(Error::unavailable(format!(
                "this node is stopping: {reason}"
            )));
        }
        if let Some(why) = self.read_only() {
            return Err(Error::no_room(format!(
                "shard {} is read-only until its disk has room: {why}",
                self.options.shard
            )));
        }
        if weight > most {
            return Err(Error::limit_exceeded(format!(
                "what was sent takes {weight} bytes of the log with its keys, names and fences, \
                 and {most} fit at once: send less"
            )));
        }
        let waiting = self.inflight_bytes.fetch_add(weight, Ordering::Relaxed);
        if waiting + weight <= limits::SHARD_INFLIGHT_BYTES_MAX {
            return Ok(());
        }
        self.done(weight);
        Err(Error::too_busy(format!(
            "shard {} has {waiting} bytes of writes waiting for its disk ({} at most): \
             send less, or later",
            self.options.shard,
            limits::SHARD_INFLIGHT_BYTES_MAX
        )))
    }

    /// Gives back the room of commands that are applied, or never will be.
    pub(super) fn done(&self, weight: usize) {
        self.inflight_bytes.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Other rows are the machine's now, and durable. To be called under its lock.
    pub(super) fn installed(&self, mark: Option<Bytes>) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        *self.durable_mark.lock() = mark;
        self.commands_since.store(0, Ordering::Relaxed);
        self.bytes_since.store(0, Ordering::Relaxed);
    }

    /// Counts what was applied towards the next checkpoint.
    pub(super) fn count_applied(&self, weight: usize, commands: usize) {
        let add = |since: &AtomicU64, more: u64| since.fetch_add(more, Ordering::Relaxed) + more;
        let commands_since = add(&self.commands_since, commands as u64);
        let bytes_since = add(&self.bytes_since, weight as u64);
        let options = &self.options;
        if commands_since >= options.snapshot_entries || bytes_since >= options.snapshot_bytes {
            self.wake_checkpointer();
        }
    }

    /// True while the engine holds too much in memory only. What is logged waits then,
    /// and writers with it; their bytes are bounded by what the shard admits. A node that
    /// stops holds nobody up: there is nothing to wait for any more.
    pub(super) fn look_held_up(&self) -> bool {
        let unflushed = self.machine.read().engine().stats().unflushed_bytes;
        let held_up = unflushed > self.options.unflushed_bytes_max
            && !self.closing.load(Ordering::SeqCst)
            && self.fatal.reason().is_none();
        self.held_up.store(held_up, Ordering::Relaxed);
        if held_up {
            self.wake_checkpointer();
        }
        held_up
    }

    /// Tells whoever reads the node's log that buckets have come near their quota.
    pub(super) fn warn_of(&self, near_quota: &[NearQuota]) {
        for NearQuota {
            bucket,
            usage,
            quota,
        } in near_quota
        {
            tracing::warn!(
                shard = %self.options.shard, bucket, bytes = usage.bytes, keys = usage.keys,
                quota_bytes = quota.bytes, quota_keys = quota.keys,
                "a bucket has come near its quota"
            );
        }
    }

    pub(super) fn checkpoint_now(&self) {
        self.is_checkpoint_wanted.store(true, Ordering::SeqCst);
        self.wake_checkpointer();
    }

    pub(super) fn wake_checkpointer(&self) {
        // Under the lock, or a checkpointer about to wait would not hear of it.
        let _guard = self.checkpoint_wake.0.lock();
        self.checkpoint_wake.1.notify_one();
    }

    pub(super) fn status(&self) -> ShardStatus {
        let pinned_segments = self.wal.pinned_segments(self.options.shard.0);
        let machine = self.machine.read();
        let state = machine.state();
        ShardStatus {
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
            uncovered_commands: self.commands_since.load(Ordering::Relaxed),
            uncovered_bytes: self.bytes_since.load(Ordering::Relaxed),
            inflight_bytes: self.inflight_bytes.load(Ordering::Relaxed) as u64,
            pinned_segments,
            engine: machine.engine().stats(),
            checkpoint_us: self.checkpoints.took_us.snapshot(),
            checkpoint_bytes: self.checkpoints.bytes.load(Ordering::Relaxed),
            checkpoints_refused: self.checkpoints.refused.load(Ordering::Relaxed),
            read_only: self.read_only(),
        }
    }
}
