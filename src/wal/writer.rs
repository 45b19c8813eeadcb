//! The one writer: takes everything that is queued, one write, one `fdatasync`,
//! then all callbacks in order. That is group commit, across all groups.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::WalError;
use super::format::{SegmentHeader, batch_bytes, begin_batch, end_batch};
use super::queue::{Item, ReadOnly, Shared, State};
use super::record::{Durability, GroupId, Record, RecordKind};
use super::segment::segment_path;
use super::spares::{Spares, sync_data, sync_dir, write_at};
use crate::base::host::{DiskFile, Host, Patience, Progress, Step};
use crate::base::mutant;

/// How long a full disk is left alone before the next try, microseconds.
const RETRY_US: u64 = 1_000_000;

/// The writer's state: the segment it writes to, and what it knows to be durable.
pub(super) struct Writer {
    pub(super) host: Host,
    pub(super) shared: Arc<Shared>,
    pub(super) dir: PathBuf,
    pub(super) current: Current,
    /// The number of the next batch.
    pub(super) next_batch: u64,
    /// Every batch up to this one is durable.
    pub(super) synced_through: u64,
    /// The latest state of each group: the head of the next segment.
    pub(super) states: BTreeMap<GroupId, Record>,
    pub(super) spares: Spares,
    /// When something written with an interval must be durable, on the boot clock.
    pub(super) sync_due_us: Option<u64>,
    /// When to try again to allocate, after the disk was full.
    pub(super) retry_at_us: u64,
    /// One encoded batch, kept for the next.
    pub(super) buffer: Vec<u8>,
}

/// The segment that is written to.
pub(super) struct Current {
    pub(super) file: Box<dyn DiskFile>,
    pub(super) path: PathBuf,
    pub(super) header: SegmentHeader,
    /// Where the next batch goes, bytes.
    pub(super) position: u64,
    /// Its length, bytes.
    pub(super) length: u64,
}

/// One bounded piece of work.
enum Work {
    Write(Vec<Item>),
    Rotate,
    Recycle(u64),
    Prepare,
    Sync,
    Finish,
}

impl Step for Writer {
    fn step(&mut self, patience: Patience) -> Progress {
        let Some(work) = self.next_work(patience) else {
            return Progress::Idle;
        };
        let finishes = matches!(work, Work::Finish);
        let worked = match work {
            Work::Write(items) => self.write(items),
            Work::Rotate => self.rotate(),
            Work::Recycle(epoch) => self.recycle(epoch),
            Work::Prepare => self.prepare(),
            Work::Sync => self.sync(),
            Work::Finish => self.finish(),
        };
        match worked {
            Ok(()) if finishes => Progress::Finished,
            Ok(()) => Progress::Worked,
            Err(failure) => {
                self.poison(&failure, Vec::new());
                Progress::Finished
            }
        }
    }
}

impl Writer {
    /// Chooses what to do; waits for something to do if `patience` allows.
    fn next_work(&self, patience: Patience) -> Option<Work> {
        let mut state = self.shared.lock();
        loop {
            let now_us = self.host.clock.boot_us();
            let work = self.choose(&mut state, now_us);
            if work.is_some() || patience == Patience::Poll {
                return work;
            }
            let retry_us = state.read_only.as_ref().map(|_| self.retry_at_us);
            let next_us = self.sync_due_us.into_iter().chain(retry_us).min();
            self.shared.wait(
                &mut state,
                next_us.map(|at_us| at_us.saturating_sub(now_us)),
            );
        }
    }

    /// Appends come last: room and promised syncs are rarely due, and under load it
    /// would never be their turn.
    fn choose(&self, state: &mut State, now_us: u64) -> Option<Work> {
        if let Some(epoch) = state.segments.free() {
            return Some(Work::Recycle(epoch));
        }
        let retry = state.read_only.is_none() || now_us >= self.retry_at_us;
        if !state.room.next_is_ready() && retry && !state.closed {
            return Some(Work::Prepare);
        }
        if self.sync_due_us.is_some_and(|due_us| now_us >= due_us) {
            return Some(Work::Sync);
        }
        let is_for_next = |item: &Item| match item {
            Item::Append { epoch, .. } => *epoch > self.current.header.epoch,
            Item::Sync(_) => false,
        };
        match state.queue.front() {
            Some(item) if is_for_next(item) => Some(Work::Rotate),
            Some(_) => Some(Work::Write(self.take_batch(state))),
            None if state.closed => Some(Work::Finish),
            None => None,
        }
    }

    /// Takes what belongs into this segment and fits one batch.
    fn take_batch(&self, state: &mut State) -> Vec<Item> {
        let mut bytes = 0;
        let mut items = Vec::new();
        while let Some(item) = state.queue.front() {
            if let Item::Append { epoch, taken, .. } = item {
                let fits = bytes == 0 || bytes + taken <= self.shared.sizes.append_bytes_max;
                if *epoch != self.current.header.epoch || !fits {
                    break;
                }
                bytes += taken;
            }
            items.extend(state.queue.pop_front());
        }
        state.queued_bytes -= bytes;
        items
    }

    /// Writes one batch, makes it durable if anything in it asks for that, and calls
    /// every `done` of it.
    fn write(&mut self, items: Vec<Item>) -> Result<(), WalError> {
        if let Err(failure) = self.write_items(&items) {
            self.poison(&failure, items);
            return Err(failure);
        }
        for item in items {
            item.done()(Ok(()));
        }
        Ok(())
    }

    fn write_items(&mut self, items: &[Item]) -> Result<(), WalError> {
        begin_batch(&mut self.buffer);
        let mut taken_bytes = 0;
        let mut must_sync = false;
        for item in items {
            let Item::Append { append, taken, .. } = item else {
                must_sync = true;
                continue;
            };
            taken_bytes += taken;
            must_sync |= append.durability == Durability::Fsync;
            for record in &append.records {
                record.encode(&mut self.buffer);
            }
        }
        let records = || items.iter().flat_map(records_of);
        if taken_bytes > 0 {
            let written = self.write_buffer()?;
            let figures = &self.shared.figures;
            figures.batch_records.record(records().count() as u64);
            figures.batch_bytes.record(written);
            let mut state = self.shared.lock();
            state.room.give_back(taken_bytes - written);
            let (batch, mut offset) = (self.current.position - written, 0);
            for record in records() {
                state.segments.note(record, batch, offset);
                offset += record.encoded_bytes();
            }
        }
        for state in records().filter(|record| record.kind == RecordKind::State) {
            self.states.insert(state.group, state.clone());
        }
        self.note_intervals(items);
        if must_sync { self.sync() } else { Ok(()) }
    }

    fn note_intervals(&mut self, items: &[Item]) {
        for item in items {
            if let Item::Append { append, .. } = item
                && let Durability::IntervalMs(ms) = append.durability
            {
                let due_us = self
                    .host
                    .clock
                    .boot_us()
                    .saturating_add(ms.saturating_mul(1_000));
                self.sync_due_us = Some(self.sync_due_us.map_or(due_us, |due| due.min(due_us)));
            }
        }
    }

    /// Writes the batch in the buffer behind the last one. How many bytes it took.
    fn write_buffer(&mut self) -> Result<u64, WalError> {
        let current = &mut self.current;
        end_batch(
            &mut self.buffer,
            &current.header,
            self.next_batch,
            self.synced_through,
        );
        let bytes = self.buffer.len() as u64;
        assert!(
            current.position + bytes <= current.length,
            "admission lets no batch grow a segment"
        );
        write_at(
            &*current.file,
            &current.path,
            &self.buffer,
            current.position,
        )?;
        current.position += bytes;
        self.next_batch += 1;
        let mut state = self.shared.lock();
        state.counters.batches += 1;
        state.counters.appended_bytes += bytes;
        Ok(bytes)
    }

    /// Makes everything written durable.
    fn sync(&mut self) -> Result<(), WalError> {
        self.sync_due_us = None;
        if self.synced_through + 1 == self.next_batch {
            return Ok(());
        }
        let started_us = self.host.clock.boot_us();
        if !mutant::is_on("ack-before-sync") {
            sync_data(&*self.current.file, &self.current.path)?;
        }
        self.synced_through = self.next_batch - 1;
        let took_us = self.host.clock.boot_us().saturating_sub(started_us);
        self.shared.figures.fsync_us.record(took_us);
        let counters = &mut self.shared.lock().counters;
        counters.fsyncs += 1;
        counters.fsync_last_us = took_us;
        counters.fsync_longest_us = took_us.max(counters.fsync_longest_us);
        Ok(())
    }

    /// Goes on in the next segment.
    ///
    /// The order matters. The old segment is durable first: so a torn tail is only
    /// ever in the last segment. The header is durable before the file has a
    /// segment's name, and the name before the first batch: so a segment with a bad
    /// header is damaged, and a missing one was never written to.
    fn rotate(&mut self) -> Result<(), WalError> {
        self.sync()?;
        let spare = self
            .spares
            .take()
            .expect("an append was admitted to the next segment");
        let mut salt = [0; 8];
        self.host.rng.fill(&mut salt);
        let header = SegmentHeader {
            node: self.current.header.node,
            epoch: self.current.header.epoch + 1,
            salt: u64::from_le_bytes(salt),
            first_batch: self.next_batch,
            synced_through: self.synced_through,
        };
        let block = header.encode();
        write_at(&*spare.file, &spare.path, &block, 0)?;
        sync_data(&*spare.file, &spare.path)?;
        let path = segment_path(&self.dir, header.epoch);
        let disk = &*self.host.disk;
        disk.rename(&spare.path, &path)
            .map_err(|error| WalError::io(&spare.path, "rename", error))?;
        if !mutant::is_on("dir-not-synced") {
            sync_dir(disk, &self.dir)?;
        }
        self.current = Current {
            file: spare.file,
            path,
            header,
            position: block.len() as u64,
            length: self.shared.sizes.segment_bytes,
        };
        self.write_states()?;
        let mut state = self.shared.lock();
        state.segments.push(&header, self.current.length);
        state
            .room
            .rotated(self.current.length - self.current.position);
        Ok(())
    }

    /// The head of a segment: from here on nobody needs the states in older ones.
    fn write_states(&mut self) -> Result<(), WalError> {
        if self.states.is_empty() {
            return Ok(());
        }
        begin_batch(&mut self.buffer);
        self.states
            .values()
            .for_each(|state| state.encode(&mut self.buffer));
        self.write_buffer().map(drop)
    }

    /// Frees the oldest segment. What says that it is not needed, a truncation or newer
    /// states, must be durable before it goes.
    fn recycle(&mut self, epoch: u64) -> Result<(), WalError> {
        self.sync()?;
        let path = segment_path(&self.dir, epoch);
        self.spares.recycle(&*self.host.disk, &path)?;
        self.shared.lock().segments.pop();
        self.retry_at_us = 0;
        Ok(())
    }

    /// Takes room for the next segment; without it the log is read-only.
    fn prepare(&mut self) -> Result<(), WalError> {
        match self.spares.prepare(&*self.host.disk) {
            Ok(()) => {
                let mut state = self.shared.lock();
                state.room.next_became_ready();
                state.read_only = None;
                Ok(())
            }
            Err(error) if error.is_out_of_space() => {
                self.retry_at_us = self.host.clock.boot_us() + RETRY_US;
                self.shared.lock().read_only = Some(ReadOnly {
                    path: self.spares.path(),
                    needed_bytes: self.shared.sizes.segment_bytes,
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the log. An empty last batch tells the next start that all before it was
    /// durable, so that damage to it is not taken for a torn tail.
    fn finish(&mut self) -> Result<(), WalError> {
        self.sync()?;
        if self.current.position + batch_bytes(0) <= self.current.length {
            begin_batch(&mut self.buffer);
            self.write_buffer()?;
            self.sync()?;
        }
        self.shared.lock().finished = true;
        Ok(())
    }

    /// Stops for good. `items` were taken from the queue; they and all that is queued
    /// are told, in order.
    fn poison(&self, failure: &WalError, items: Vec<Item>) {
        let mut state = self.shared.lock();
        let reason = state
            .poisoned
            .get_or_insert_with(|| failure.to_string().into())
            .clone();
        let queued = std::mem::take(&mut state.queue);
        state.queued_bytes = 0;
        drop(state);
        for item in items.into_iter().chain(queued) {
            item.done()(Err(WalError::Poisoned(reason.clone())));
        }
    }
}

fn records_of(item: &Item) -> &[Record] {
    match item {
        Item::Append { append, .. } => &append.records,
        Item::Sync(_) => &[],
    }
}

impl Drop for Writer {
    /// Nothing may be accepted that nobody will write. What is queued is dropped
    /// untold: its owners crash with the writer.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if !state.finished {
            state
                .poisoned
                .get_or_insert_with(|| "the log's writer is gone".into());
        }
        let queued = std::mem::take(&mut state.queue);
        drop(state);
        drop(queued);
    }
}
