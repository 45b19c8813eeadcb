//! Commands on locks, and fences.

use bytes::Bytes;

use super::{Done, Run, rows};
use crate::base::Result;
use crate::base::time::MachineTime;
use crate::engine::Table;
use crate::lock::ops::{self, Answer, Change, Step};
use crate::lock::{Lock, LockCommand};
use crate::machine::command::Fence;
use crate::machine::outcome::{Grant, OutcomeKind};
use crate::machine::{codec, query};

impl Run<'_> {
    pub(super) fn lock(&mut self, name: &Bytes, command: &LockCommand) -> Result<Done> {
        let lock = self.settle_lock(name)?;
        let before = Outline::of(lock.as_ref());
        let (step, answer) = ops::apply(lock, command, self.now(), self.next_revision());
        self.write_lock(name, before, &step);
        Ok(match answer {
            Answer::Granted(fence) => Done::counted(OutcomeKind::Granted, fence.0),
            Answer::Renewed(fence) => Done::counted(OutcomeKind::Renewed, fence.0),
            Answer::Revoked(fence) => Done::counted(OutcomeKind::Revoked, fence.0),
            Answer::Queued => OutcomeKind::Queued.into(),
            Answer::Held => OutcomeKind::Held.into(),
            Answer::QueueFull => OutcomeKind::QueueFull.into(),
            Answer::NotHolder => OutcomeKind::NotHolder.into(),
            Answer::Released => OutcomeKind::Released.into(),
            Answer::Cancelled => OutcomeKind::Cancelled.into(),
            Answer::Unchanged => OutcomeKind::Unchanged.into(),
        })
    }

    /// Gives the refusal, if the token is not that of the lock's holder.
    pub(super) fn check_fence(&mut self, fence: &Fence) -> Result<Option<Done>> {
        let held = self.settle_lock(&fence.name)?.map(|lock| lock.fence);
        if held == Some(fence.token) {
            return Ok(None);
        }
        let current = held.map_or(0, |held| held.0);
        Ok(Some(Done::counted(OutcomeKind::FenceStale, current)))
    }

    /// Does what is due on a lock; gives what it is then.
    pub(super) fn settle_lock(&mut self, name: &Bytes) -> Result<Option<Lock>> {
        let Some(lock) = query::lock(&self.rows, name)? else {
            return Ok(None);
        };
        if lock.due_at().is_none_or(|due| due > self.now()) {
            return Ok(Some(lock));
        }
        let before = Outline::of(Some(&lock));
        let step = ops::settle(lock, self.now(), self.next_revision());
        self.write_lock(name, before, &step);
        Ok(step.lock)
    }

    /// Writes what became of a lock: its row, its deadline, the count, the grant.
    fn write_lock(&mut self, name: &Bytes, before: Outline, step: &Step) {
        if step.change == Change::None {
            return;
        }
        if step.change.takes_revision() {
            self.take_revision();
        }
        let after = Outline::of(step.lock.as_ref());
        self.move_deadline(rows::Domain::Lock, name, before.due, after.due);
        self.state.locks += u64::from(after.held);
        self.state.locks -= u64::from(before.held);
        let Some(lock) = &step.lock else {
            self.rows.delete(Table::Locks, name.clone());
            return;
        };
        // A copy: the name in the command holds on to all of its log entry.
        let row = Bytes::copy_from_slice(name);
        self.rows.put(Table::Locks, row, codec::encode_lock(lock));
        if step.change == Change::PassedOn {
            self.effects.grants.push(Grant {
                name: name.clone(),
                owner: lock.owner,
                fence: lock.fence,
            });
        }
    }
}

/// What of a lock its other rows depend on.
#[derive(Clone, Copy)]
struct Outline {
    held: bool,
    due: Option<MachineTime>,
}

impl Outline {
    fn of(lock: Option<&Lock>) -> Self {
        Self {
            held: lock.is_some(),
            due: lock.and_then(Lock::due_at),
        }
    }
}
