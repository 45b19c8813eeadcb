//! The shard as its group sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::Shared;
use super::guarded::{self, Guarded};
use super::queue::{Read, Wants};
use super::samples::Samples;
use crate::base::time::BootStamp;
use crate::base::types::LogIndex;
use crate::base::{Error, ErrorKind, Result, limits, mutant};
use crate::machine::{Applied, Command, SnapshotWriter, codec, query};
use crate::raft::{ForwardDone, Frozen, ReadDone, Replica};
use crate::store::core::Sequence;

/// How often a shard that is held up looks whether it may go on, if nobody tells it.
const HELD_UP_LOOK: Duration = Duration::from_millis(100);

/// How many commands each of the latest entries had, so that enough of them are kept for
/// members that lag.
pub(super) struct Overhead {
    keep: u64,
    entries: VecDeque<(LogIndex, u32)>,
    commands: u64,
}

impl Overhead {
    pub(super) fn keeping(commands: u64) -> Self {
        Self {
            keep: commands,
            entries: VecDeque::new(),
            commands: 0,
        }
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.commands = 0;
    }

    fn note(&mut self, index: LogIndex, commands: usize) {
        let commands = u32::try_from(commands).expect("an entry is bounded");
        self.entries.push_back((index, commands));
        self.commands += u64::from(commands);
    }

    /// The last entry up to `covers` that may go; `None`: all of them are kept.
    fn release(&mut self, covers: LogIndex, keep_none: bool) -> Option<LogIndex> {
        let keep = if keep_none { 0 } else { self.keep };
        let mut last = None;
        while let Some((index, commands)) = self.entries.front().copied() {
            let left = self.commands - u64::from(commands);
            let is_needed = index > covers && !mutant::is_on("log-dropped-too-early");
            if is_needed || left < keep {
                break;
            }
            self.entries.pop_front();
            self.commands = left;
            last = Some(index);
        }
        last
    }
}

impl Replica for Shared {
    fn mark(&self) -> Result<Option<Bytes>> {
        query::mark(self.core.machine.read().engine())
    }

    fn durable_mark(&self) -> Option<Bytes> {
        self.core.durable_mark.lock().clone()
    }

    fn room(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            while self.core.look_held_up() {
                drop(tokio::time::timeout(HELD_UP_LOOK, self.room.notified()).await);
            }
        })
    }

    fn apply(&self, index: LogIndex, entry: Option<Bytes>, mark: Bytes) -> Result<Vec<Applied>> {
        let applied = self.apply_entry(index, entry, mark);
        applied.inspect_err(|failure| self.core.fatal.raise(&failure.to_string()))
    }

    fn freeze(&self) -> BoxFuture<'_, Result<Frozen>> {
        Box::pin(async {
            let frozen = {
                let machine = self.core.machine.read();
                Frozen {
                    mark: query::mark(machine.engine())?,
                    view: machine.view(),
                }
            };
            let (tell, told) = tokio::sync::oneshot::channel();
            self.core
                .wal
                .sync(Box::new(move |synced| drop(tell.send(synced))));
            match told.await {
                Ok(synced) => synced.map_err(Error::from)?,
                Err(_) => return Err(Error::unavailable("the log has stopped")),
            }
            Ok(frozen)
        })
    }

    fn begin_install(&self) -> Result<SnapshotWriter> {
        let fatal = &self.core.fatal;
        let replacing = self.core.machine.write().engine_mut().replace();
        let replacement = replacing.inspect_err(|failure| guarded::check(failure, fatal))?;
        let guarded = Guarded::new(replacement, fatal.clone());
        Ok(SnapshotWriter::new(Box::new(guarded)))
    }

    fn install(&self) -> Result<()> {
        let installed = self.install_sealed();
        installed.inspect_err(|failure| self.core.fatal.raise(&failure.to_string()))
    }

    fn forwarded(&self, commands: Vec<Command>, due: Instant, done: ForwardDone) {
        let slot = Arc::new(parking_lot::Mutex::new(Some(done)));
        let told = slot.clone();
        let tell = move |result| {
            if let Some(done) = told.lock().take() {
                done(result);
            }
        };
        if let Err(refused) = self.submit(commands, due, true, Box::new(tell))
            && let Some(done) = slot.lock().take()
        {
            done(Err(refused));
        }
    }

    fn read_index(&self, due: Instant, done: ReadDone) {
        let leads = self
            .group
            .get()
            .is_some_and(|group| group.leads().is_some());
        if !leads {
            let message = "this node does not lead the shard";
            done(Err(Error::new(ErrorKind::NotLeader, message)));
            return;
        }
        let wants = Wants::Index(done);
        self.reads.push(Read { due, wants });
    }

    fn state_hash_at(&self, index: LogIndex) -> Option<u64> {
        self.samples.lock().at(index)
    }

    fn diverged(&self, index: LogIndex, hash: u64) -> bool {
        self.diverged_at(index, hash)
    }
}

impl Shared {
    fn install_sealed(&self) -> Result<()> {
        let mut machine = self.core.machine.write();
        machine.install()?;
        self.core.installed(query::mark(machine.engine())?);
        self.overhead.lock().forget();
        *self.samples.lock() = Samples::beginning_at(machine.state());
        self.note_applied();
        // Locks may have passed on in entries that were never applied here.
        self.core
            .grants
            .look_again(|name| query::lock(machine.engine(), name).ok().flatten());
        drop(machine);
        self.core.watches.note();
        Ok(())
    }

    fn note_applied(&self) {
        let clock = &self.core.host.clock;
        *self.applied_at.lock() = BootStamp {
            boot_ms: clock.boot_ms(),
            boot_id: clock.boot_id(),
        };
        // Whoever proposed it may have given it up, and what it made due is to be swept all the
        // same. A follower's proposer, which sweeps nothing, is woken once.
        if !self.has_applied.swap(true, Ordering::SeqCst) {
            self.writes.wake();
        }
    }

    fn apply_entry(
        &self,
        index: LogIndex,
        entry: Option<Bytes>,
        mark: Bytes,
    ) -> Result<Vec<Applied>> {
        if let Some(reason) = self.core.fatal.reason() {
            return Err(Error::internal(reason));
        }
        let weight = entry.as_ref().map_or(0, Bytes::len);
        let entry = entry.map(codec::decode_entry).transpose()?;
        let mut machine = self.core.machine.write();
        let entry = entry.unwrap_or_else(|| machine.nothing());
        let effects = machine.apply_marked(index, &entry, Some(mark))?;
        self.samples.lock().note(machine.state());
        self.note_applied();
        let commands = entry.commands.len();
        self.core.count_applied(weight, commands);
        drop(machine);
        self.core.watches.note();
        self.overhead.lock().note(index, commands);
        self.core.grants.announce(effects.grants);
        self.core.warn_of(&effects.near_quota);
        Ok(effects.replies)
    }
}

impl Sequence for Shared {
    /// Tells the group, which lets the log go in its own order of things.
    fn checkpointed(&self, covers: LogIndex) {
        let pinned = self.core.wal.pinned_segments(self.core.options.shard.0);
        let keep_none = pinned > limits::WAL_PINNED_SEGMENTS_MAX;
        // While it starts, nothing is released: the next checkpoint does that.
        let Some(group) = self.group.get().cloned() else {
            return;
        };
        if let Some(upto) = self.overhead.lock().release(covers, keep_none) {
            self.runtime
                .spawn(async move { group.checkpointed(upto).await });
        }
    }

    fn has_room(&self) {
        self.room.notify_waiters();
    }
}
