//! The application of one entry, up to the commit.
//!
//! Invariant: before a command reads a key or a lock, whatever is due on it has been
//! done; all that a command decides follows from rows, machine time and itself.

mod buckets;
mod keys;
mod locks;
mod plan;
mod sweep;
mod transaction;

use std::collections::BTreeMap;

use self::buckets::Kept;
use crate::base::time::MachineTime;
use crate::base::types::{LogIndex, Revision};
use crate::base::{Result, mutant};
use crate::engine::{Batch, Read, Table};
use crate::kv::Record;
use crate::machine::apply::Effects;
use crate::machine::command::{Command, Entry, Op};
use crate::machine::outcome::{Applied, OpResult, Outcome, OutcomeKind};
use crate::machine::pending::Pending;
use crate::machine::sessions::{Admission, Sessions};
use crate::machine::state::State;
use crate::machine::{codec, keys as rows};

/// An entry under way: its rows, the state as it becomes, its effects.
pub(super) struct Run<'a> {
    rows: Pending<'a>,
    sessions: &'a mut Sessions,
    state: State,
    effects: Effects,
    /// Buckets that were looked at, by name.
    buckets: BTreeMap<String, Kept>,
    /// Bytes of the records that events of this entry hold.
    event_bytes: usize,
}

/// What a command did: an outcome without its revision.
struct Done {
    kind: OutcomeKind,
    count: u64,
    previous: Option<Record>,
    results: Vec<OpResult>,
}

impl From<OutcomeKind> for Done {
    fn from(kind: OutcomeKind) -> Self {
        Self::counted(kind, 0)
    }
}

impl Done {
    fn counted(kind: OutcomeKind, count: u64) -> Self {
        Self {
            kind,
            count,
            previous: None,
            results: Vec::new(),
        }
    }
}

impl<'a> Run<'a> {
    /// Begins an entry. Machine time never goes back, whatever the entry says.
    pub(super) fn begin(
        rows: &'a dyn Read,
        sessions: &'a mut Sessions,
        state: State,
        index: LogIndex,
        entry: &Entry,
    ) -> Self {
        let now = match mutant::is_on("time-goes-back") {
            true => entry.now,
            false => state.now.max(entry.now),
        };
        Self {
            rows: Pending::new(rows, state.hash, index, now),
            sessions,
            state: State {
                applied: index,
                now,
                boot: entry.boot,
                ..state
            },
            effects: Effects::default(),
            buckets: BTreeMap::new(),
            event_bytes: 0,
        }
    }

    /// Applies one command, unless it was applied before. What came before under its request
    /// id and cannot have been the same is neither its answer nor forgotten.
    pub(super) fn command(&mut self, command: &Command) -> Result<()> {
        let applied = match &command.request {
            None => self.execute(command)?,
            Some(_) if mutant::is_on("repetitions-applied") => self.execute(command)?,
            Some(request) => match self.sessions.admit(request, self.now()) {
                Admission::Known(outcome) if !command.can_give(outcome.kind) => {
                    self.applied(OutcomeKind::OtherRequest.into())
                }
                Admission::Known(outcome) => Applied {
                    outcome,
                    previous: None,
                    results: Vec::new(),
                    repeated: true,
                },
                Admission::Forgotten => self.applied(OutcomeKind::OutcomeUnknown.into()),
                Admission::Full => self.applied(OutcomeKind::SessionsFull.into()),
                Admission::New => {
                    let applied = self.execute(command)?;
                    let now = self.now();
                    self.sessions.record(request, applied.outcome, now);
                    applied
                }
            },
        };
        self.rows.hash_reply(&applied);
        self.effects.replies.push(applied);
        Ok(())
    }

    /// Ends the entry: the state after it, all its rows, and what it caused.
    pub(super) fn finish(mut self) -> (State, Batch, Effects) {
        self.write_buckets();
        for (client, row) in self.sessions.take_changed() {
            match row {
                Some(row) => self.rows.put(Table::Sessions, client, row),
                None => self.rows.delete(Table::Sessions, client),
            }
        }
        self.state.hash = self.rows.hash();
        let mut batch = self.rows.into_batch();
        batch.put(Table::Meta, rows::STATE, codec::encode_state(&self.state));
        (self.state, batch, self.effects)
    }

    fn execute(&mut self, command: &Command) -> Result<Applied> {
        if let Some(fence) = &command.fence
            && let Some(stale) = self.check_fence(fence)?
            && !mutant::is_on("fences-unchecked")
        {
            return Ok(self.applied(stale));
        }
        let done = match &command.op {
            Op::Kv { bucket, command } => self.kv(bucket, command)?,
            Op::Transaction {
                bucket,
                transaction,
            } => self.transaction(bucket, transaction)?,
            Op::Bucket { name, command } => self.bucket_command(name, command)?,
            Op::Lock { name, command } => self.lock(name, command)?,
            Op::Sweep => self.sweep()?,
        };
        debug_assert!(
            command.can_give(done.kind),
            "{:?} is not known to come of {:?}: its repetition would be refused",
            done.kind,
            command.op
        );
        Ok(self.applied(done))
    }

    fn applied(&self, done: Done) -> Applied {
        let outcome = Outcome {
            kind: done.kind,
            revision: self.state.revision,
            count: done.count,
        };
        Applied {
            outcome,
            previous: done.previous,
            results: done.results,
            repeated: false,
        }
    }

    fn now(&self) -> MachineTime {
        self.state.now
    }

    fn next_revision(&self) -> Revision {
        self.state.revision.next()
    }

    fn take_revision(&mut self) -> Revision {
        self.state.revision = self.next_revision();
        self.state.revision
    }

    /// Moves the one deadline a record or a lock has.
    fn move_deadline(
        &mut self,
        domain: rows::Domain,
        row: &[u8],
        before: Option<MachineTime>,
        after: Option<MachineTime>,
    ) {
        if before == after {
            return;
        }
        if let Some(due) = before {
            let deadline = rows::deadline(due, domain, row);
            self.rows.delete(Table::Deadlines, deadline);
        }
        if let Some(due) = after {
            let deadline = rows::deadline(due, domain, row);
            self.rows
                .put(Table::Deadlines, deadline, bytes::Bytes::new());
        }
    }
}
