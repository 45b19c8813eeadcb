//! The machine of one shard: entries of the log in, effects out.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::time::MachineTime;
use crate::base::types::{LogIndex, Revision};
use crate::base::{Error, ErrorKind, Result};
use crate::engine::{Engine, Table, View};
use crate::kv::Record;
use crate::machine::command::Entry;
use crate::machine::history::{History, HistoryLimits};
use crate::machine::outcome::{Applied, Event, Grant, NearQuota};
use crate::machine::run::Run;
use crate::machine::scan::{self, ScanPage, ScanQuery};
use crate::machine::sessions::{SessionLimits, Sessions};
use crate::machine::state::State;
use crate::machine::{keys, query};

/// What applying an entry gives: the caller passes it on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// One for each command, in their order.
    pub replies: Vec<Applied>,
    /// The visible changes, by (revision, sub).
    pub events: Vec<Arc<Event>>,
    /// Locks that passed to a waiter, who must hear of it.
    pub grants: Vec<Grant>,
    /// Buckets that came near their quota.
    pub near_quota: Vec<NearQuota>,
}

/// A shard: its rows, and what it must remember beside them.
pub struct Machine {
    engine: Box<dyn Engine>,
    state: State,
    sessions: Sessions,
    history: History,
    /// Why nothing can be applied any more.
    stopped: Option<String>,
}

impl Machine {
    /// Opens the machine whose rows an engine has; an empty engine is a new shard.
    /// Its history starts here: see [`History::load`].
    ///
    /// # Errors
    /// If the engine fails, or its rows are damaged or of a newer format.
    pub fn open(engine: Box<dyn Engine>, history: HistoryLimits) -> Result<Self> {
        Self::open_with(engine, history, SessionLimits::default())
    }

    pub(super) fn open_with(
        engine: Box<dyn Engine>,
        history: HistoryLimits,
        sessions: SessionLimits,
    ) -> Result<Self> {
        let state = query::state(&*engine)?;
        let sessions = Sessions::load(&*engine, sessions)?;
        Ok(Self {
            engine,
            state,
            sessions,
            history: History::new(history, state.revision, state.now),
            stopped: None,
        })
    }

    /// Applies the next entry of the log, all of it in one engine batch. An entry
    /// that was applied before does nothing and gives no effects.
    ///
    /// # Errors
    /// If the engine fails or rows are damaged: the machine has stopped then, and
    /// the node must stop too.
    ///
    /// # Panics
    /// If an index was skipped, or a timer of the entry was never stamped.
    pub fn apply(&mut self, index: LogIndex, entry: &Entry) -> Result<Effects> {
        self.apply_marked(index, entry, None)
    }

    /// As [`Machine::apply`]; `mark` is what the sequencer wants to find again with the
    /// state this entry leads to. It replaces the mark before it.
    ///
    /// # Errors
    /// As [`Machine::apply`].
    ///
    /// # Panics
    /// As [`Machine::apply`].
    pub fn apply_marked(
        &mut self,
        index: LogIndex,
        entry: &Entry,
        mark: Option<Bytes>,
    ) -> Result<Effects> {
        self.check_runs()?;
        if index <= self.state.applied {
            return Ok(Effects::default());
        }
        assert_eq!(
            index,
            self.state.applied.next(),
            "entries must be applied one after the other"
        );
        self.apply_next(index, entry, mark)
            .inspect_err(|error| self.stopped = Some(error.to_string()))
    }

    /// Puts the rows of a sealed snapshot into the place of its own, see
    /// [`SnapshotWriter`](crate::machine::SnapshotWriter). Its history begins anew: what
    /// was before is `Compacted`.
    ///
    /// # Errors
    /// `Internal` if no snapshot is sealed or it would take the machine back: nothing has
    /// changed. If the engine fails or rows are damaged: the machine has stopped then, and
    /// the node must stop too.
    pub fn install(&mut self) -> Result<()> {
        self.check_runs()?;
        match self.engine.sealed() {
            Some(covers) if covers >= self.state.applied => {}
            Some(covers) => {
                return Err(Error::internal(format!(
                    "the snapshot reaches to index {covers}; {} is applied already",
                    self.state.applied
                )));
            }
            None => return Err(Error::internal("there is no snapshot to install")),
        }
        self.switch()
            .inspect_err(|error| self.stopped = Some(error.to_string()))
    }

    fn switch(&mut self) -> Result<()> {
        self.engine.switch()?;
        self.state = query::state(&*self.engine)?;
        self.sessions.reload(&*self.engine)?;
        self.history.begin_anew(self.state.revision, self.state.now);
        let covers = self.engine.durable_index();
        if self.state.applied != covers {
            return Err(Error::corrupt(format!(
                "the snapshot covers index {covers}, and its rows are of index {}",
                self.state.applied
            )));
        }
        Ok(())
    }

    fn check_runs(&self) -> Result<()> {
        match &self.stopped {
            Some(why) => Err(Error::internal(format!(
                "the shard stopped after an earlier failure: {why}"
            ))),
            None => Ok(()),
        }
    }

    fn apply_next(
        &mut self,
        index: LogIndex,
        entry: &Entry,
        mark: Option<Bytes>,
    ) -> Result<Effects> {
        let mut run = Run::begin(&*self.engine, &mut self.sessions, self.state, index, entry);
        for command in &entry.commands {
            run.command(command)?;
        }
        let (state, mut batch, effects) = run.finish();
        if let Some(mark) = mark {
            batch.put(Table::Meta, keys::MARK, mark);
        }
        assert!(
            state.revision >= self.state.revision && state.now >= self.state.now,
            "revisions and machine time never go back"
        );
        self.engine.commit(batch)?;
        self.state = state;
        self.history.push(&effects.events);
        self.history.trim(state.now);
        Ok(effects)
    }

    /// How far the machine is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// An entry that changes nothing but how far the machine is.
    pub fn nothing(&self) -> Entry {
        Entry {
            now: self.state.now,
            boot: self.state.boot,
            commands: Vec::new(),
        }
    }

    /// When something next becomes due: a timer, a lock, a waiter, an idle client.
    /// A sweep at that moment has something to do.
    ///
    /// # Errors
    /// If the engine fails or a row is damaged.
    pub fn next_deadline(&self) -> Result<Option<MachineTime>> {
        let mut first = None;
        self.engine
            .scan(Table::Deadlines, &[], None, &mut |row, _| {
                first = Some(Bytes::copy_from_slice(row));
                ControlFlow::Break(())
            })?;
        let due = first
            .map(|row| keys::split_deadline(&row).map(|(due, ..)| due))
            .transpose()?;
        Ok(due.into_iter().chain(self.sessions.next_idle()).min())
    }

    /// Freezes the present state for reading; see [`query`] and [`scan`](mod@scan).
    pub fn view(&self) -> Arc<dyn View> {
        self.engine.view()
    }

    /// The record of a key, a softly expired one included, now or at a past
    /// revision.
    ///
    /// # Errors
    /// `NotFound` without such a bucket, `Compacted` below the history's floor,
    /// `Invalid` above the present revision.
    pub fn get(&self, bucket: &str, key: &[u8], at: Option<Revision>) -> Result<Option<Record>> {
        let current = query::get(&*self.engine, bucket, key)?;
        match self.past(bucket, at)? {
            Some(revision) => Ok(self.history.at(bucket, key, revision, current)),
            None => Ok(current),
        }
    }

    /// One page of a range, now or at a past revision.
    ///
    /// # Errors
    /// As [`Machine::get`]; `Invalid` if the page could hold nothing.
    pub fn scan(&self, query: &ScanQuery) -> Result<ScanPage> {
        match self.past(&query.bucket, query.at)? {
            Some(_) => scan::scan_past(&*self.engine, &self.history, query),
            None => scan::scan(&*self.engine, query),
        }
    }

    /// `None` for the present revision.
    pub(super) fn past(&self, bucket: &str, at: Option<Revision>) -> Result<Option<Revision>> {
        let Some(revision) = at.filter(|revision| *revision != self.state.revision) else {
            return Ok(None);
        };
        if revision > self.state.revision {
            return Err(Error::invalid(format!(
                "revision {revision} does not exist yet (the shard is at {})",
                self.state.revision
            )));
        }
        self.check_past_of(bucket, revision)?;
        self.history.check_readable(revision)?;
        Ok(Some(revision))
    }

    /// Errs if what was in a bucket at a past revision is not known.
    fn check_past_of(&self, name: &str, revision: Revision) -> Result<()> {
        let bucket = query::open_bucket(&*self.engine, name)?;
        if revision < bucket.create_revision {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "bucket `{name}` was not there at revision {revision}: it was made at {}",
                    bucket.create_revision
                ),
            ));
        }
        if bucket.settings.no_history && revision < bucket.revision {
            let message = format!(
                "bucket `{name}` keeps no history: revision {revision} of it is gone, for it \
                 changed at {}",
                bucket.revision
            );
            let gone = Error::new(ErrorKind::Compacted, message);
            return Err(gone.with_compacted_floor(bucket.revision));
        }
        Ok(())
    }

    /// How many clients are remembered for at-most-once writes.
    pub fn sessions_len(&self) -> usize {
        self.sessions.len()
    }

    /// What happened lately.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, to load it after opening and to note what was persisted.
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// The engine, for its durable index.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// The engine, for checkpoints. Nobody else may commit to it.
    pub fn engine_mut(&mut self) -> &mut dyn Engine {
        &mut *self.engine
    }
}
