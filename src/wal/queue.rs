//! What the handle and the writer share: the queue between them, and what is
//! known about the log.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::WalError;
use super::format::batch_bytes;
use super::record::{Durability, GroupId, PAYLOAD_BYTES_MAX, Record, RecordKind};
use super::room::{Room, Sizes};
use super::segment::Segments;
use crate::base::histogram::{self, Histogram};
use crate::base::limits::WAL_QUEUE_BYTES_MAX;

/// Appends and syncs that may wait: small ones must not pile up without bound.
const QUEUE_ITEMS_MAX: usize = 1 << 16;

/// How many more appends without entries may wait.
const QUEUE_RESERVE: usize = QUEUE_ITEMS_MAX / 8;

/// Called once, on the writer's thread, when an append or sync is done.
pub type Done = Box<dyn FnOnce(Result<(), WalError>) + Send>;

/// Records that go into the log together, all or none.
pub struct Append {
    /// In this order.
    pub records: Vec<Record>,
    /// What `done` waits for.
    pub durability: Durability,
    /// Told the outcome. It must be quick, and must not wait for the log.
    pub done: Done,
}

/// One thing the writer was asked for.
pub(super) enum Item {
    Append {
        append: Append,
        /// The segment it was admitted to.
        epoch: u64,
        /// The room it took there, bytes.
        taken: u64,
    },
    Sync(Done),
}

impl Item {
    pub(super) fn done(self) -> Done {
        match self {
            Self::Append { append, .. } => append.done,
            Self::Sync(done) => done,
        }
    }
}

/// Both sides' common ground.
pub(super) struct Shared {
    pub(super) sizes: Sizes,
    pub(super) figures: Figures,
    state: Mutex<State>,
    wake: Condvar,
}

pub(super) struct State {
    pub(super) queue: VecDeque<Item>,
    pub(super) queued_bytes: u64,
    pub(super) room: Room,
    /// The most that each group's state took so far, as a record: an upper bound of
    /// what the head of a segment must hold, whichever states are written by then.
    pub(super) states_bytes: BTreeMap<GroupId, u64>,
    pub(super) segments: Segments,
    pub(super) read_only: Option<ReadOnly>,
    pub(super) poisoned: Option<Arc<str>>,
    pub(super) closed: bool,
    pub(super) finished: bool,
    pub(super) counters: Counters,
}

/// Why no entries are taken.
#[derive(Debug, Clone)]
pub(super) struct ReadOnly {
    pub(super) path: PathBuf,
    pub(super) needed_bytes: u64,
}

/// What the writer did since it started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) batches: u64,
    pub(super) appended_bytes: u64,
    pub(super) fsyncs: u64,
    pub(super) fsync_last_us: u64,
    pub(super) fsync_longest_us: u64,
}

/// How the writer's work is spread, since it started.
pub(super) struct Figures {
    /// Of each wait for the disk, microseconds.
    pub(super) fsync_us: Histogram,
    /// Records of each batch.
    pub(super) batch_records: Histogram,
    /// Bytes of each batch, framing included.
    pub(super) batch_bytes: Histogram,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            fsync_us: Histogram::new(histogram::LATENCY_US),
            batch_records: Histogram::new(histogram::COUNT),
            batch_bytes: Histogram::new(histogram::SIZE_BYTES),
        }
    }
}

impl ReadOnly {
    pub(super) fn error(&self) -> WalError {
        WalError::ReadOnly {
            path: self.path.clone(),
            needed_bytes: self.needed_bytes,
        }
    }
}

impl Shared {
    pub(super) fn new(
        sizes: Sizes,
        room: Room,
        segments: Segments,
        states: &BTreeMap<GroupId, Record>,
    ) -> Self {
        let states_bytes = states
            .iter()
            .map(|(group, state)| (*group, state.encoded_bytes()))
            .collect();
        let state = State {
            queue: VecDeque::new(),
            queued_bytes: 0,
            room,
            states_bytes,
            segments,
            read_only: None,
            poisoned: None,
            closed: false,
            finished: false,
            counters: Counters::default(),
        };
        Self {
            sizes,
            figures: Figures::default(),
            state: Mutex::new(state),
            wake: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Wakes the writer, if it waits.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until woken, or at most `us` microseconds.
    pub(super) fn wait(&self, state: &mut MutexGuard<'_, State>, us: Option<u64>) {
        match us {
            None => self.wake.wait(state),
            Some(us) => {
                let _timed_out = self
                    .wake
                    .wait_for(state, std::time::Duration::from_micros(us));
            }
        }
    }

    /// Queues `append`, or refuses it and does nothing. What was let in before the log was
    /// read-only may use up the room that is left.
    pub(super) fn append(&self, append: Append, was_let_in: bool) -> Result<(), WalError> {
        let bytes = self.check_size(&append.records)?;
        let taken = if bytes == 0 { 0 } else { batch_bytes(bytes) };
        let mut state = self.lock();
        state.check_open()?;
        let has_entries = append
            .records
            .iter()
            .any(|record| record.kind == RecordKind::Entry);
        let refuses = has_entries && !was_let_in;
        if let Some(read_only) = state.read_only.as_ref().filter(|_| refuses) {
            return Err(read_only.error());
        }
        let queue_is_full = WalError::QueueFull {
            queued_bytes: state.queued_bytes,
        };
        if has_entries {
            let too_much = state.queued_bytes + taken > WAL_QUEUE_BYTES_MAX;
            if (too_much && state.queued_bytes > 0) || state.queue.len() >= QUEUE_ITEMS_MAX {
                return Err(queue_is_full);
            }
        } else if state.queue.len() >= QUEUE_ITEMS_MAX + QUEUE_RESERVE {
            return Err(queue_is_full);
        }
        let states = self.check_states(&state, &append.records)?;
        let Some(epoch) = state.room.admit(taken, has_entries) else {
            // Either there is no room on the disk, or the writer is about to make some.
            return Err(state
                .read_only
                .as_ref()
                .map_or(queue_is_full, ReadOnly::error));
        };
        state.states_bytes.extend(states);
        state.queued_bytes += taken;
        state.queue.push_back(Item::Append {
            append,
            epoch,
            taken,
        });
        drop(state);
        self.wake();
        Ok(())
    }

    /// Queues `done` for when everything queued before is durable.
    pub(super) fn sync(&self, done: Done) {
        let mut state = self.lock();
        let mut refused = state.check_open();
        if refused.is_ok() && state.queue.len() >= QUEUE_ITEMS_MAX {
            refused = Err(WalError::QueueFull {
                queued_bytes: state.queued_bytes,
            });
        }
        if refused.is_ok() {
            state.queue.push_back(Item::Sync(done));
            drop(state);
            self.wake();
        } else {
            drop(state);
            done(refused);
        }
    }

    /// Closes the log, with `done` as the last thing it does. One step: nothing can be
    /// accepted between the two and be left without an answer.
    pub(super) fn finish(&self, done: Done) {
        let mut state = self.lock();
        let refused = state.check_open();
        if refused.is_ok() {
            state.queue.push_back(Item::Sync(done));
            state.closed = true;
            drop(state);
            self.wake();
        } else {
            drop(state);
            done(refused);
        }
    }

    /// The bytes of `records`, if they fit one append.
    fn check_size(&self, records: &[Record]) -> Result<u64, WalError> {
        for record in records {
            let bytes = record.payload.len();
            if bytes > PAYLOAD_BYTES_MAX {
                return Err(WalError::TooLarge {
                    what: "a record",
                    bytes: bytes as u64,
                    bytes_max: PAYLOAD_BYTES_MAX as u64,
                });
            }
        }
        let bytes = records.iter().map(Record::encoded_bytes).sum();
        let bytes_max = self.sizes.append_bytes_max;
        if bytes > bytes_max {
            return Err(WalError::TooLarge {
                what: "an append",
                bytes,
                bytes_max,
            });
        }
        Ok(bytes)
    }

    /// What `records` make larger of `states_bytes`, if the head of a segment can hold it.
    /// Mostly nothing: a group writes states of one size.
    fn check_states(
        &self,
        state: &State,
        records: &[Record],
    ) -> Result<BTreeMap<GroupId, u64>, WalError> {
        let mut grown: BTreeMap<GroupId, u64> = BTreeMap::new();
        for record in records
            .iter()
            .filter(|record| record.kind == RecordKind::State)
        {
            let before = state.states_bytes.get(&record.group).copied().unwrap_or(0);
            if record.encoded_bytes() > before {
                let bytes = grown.entry(record.group).or_insert(before);
                *bytes = record.encoded_bytes().max(*bytes);
            }
        }
        if grown.is_empty() {
            return Ok(grown);
        }
        let others = state
            .states_bytes
            .iter()
            .filter(|(group, _)| !grown.contains_key(group));
        let bytes = others.map(|(_, bytes)| bytes).sum::<u64>() + grown.values().sum::<u64>();
        let bytes_max = self.sizes.states_bytes_max;
        if bytes > bytes_max {
            return Err(WalError::TooLarge {
                what: "the state of all groups",
                bytes,
                bytes_max,
            });
        }
        Ok(grown)
    }
}

impl State {
    fn check_open(&self) -> Result<(), WalError> {
        if let Some(reason) = &self.poisoned {
            return Err(WalError::Poisoned(reason.clone()));
        }
        if self.closed {
            return Err(WalError::Closed);
        }
        Ok(())
    }
}
