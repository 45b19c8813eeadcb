//! What a command makes of one key, before anything is written: the same for a command of
//! its own and for one within a transaction.

use super::Done;
use crate::base::time::{MachineTime, lengthened_ms};
use crate::base::types::Revision;
use crate::kv::ops::{self, NotAdded};
use crate::kv::{KvCommand, Record, Set};
use crate::machine::bucket::BucketSettings;
use crate::machine::outcome::{EventKind, OutcomeKind};

/// What is to become of a key.
pub(super) struct Change {
    /// `None`: it goes.
    pub(super) after: Option<Record>,
    pub(super) kind: EventKind,
}

/// The moment a command is applied at.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: MachineTime,
    /// The revision the change would have.
    pub(super) next: Revision,
    pub(super) settings: BucketSettings,
}

/// The outcome of a command on one key, and the change that brings it, if any does.
/// Everything due on the key has been done.
///
/// # Panics
/// If the command is about a range, or was never stamped.
pub(super) fn plan(
    command: &KvCommand,
    current: Option<&Record>,
    moment: Moment,
) -> (Done, Option<Change>) {
    let next = moment.next;
    let changed = |record: Option<Record>, kind, outcome| match record {
        Some(record) => (Done::from(outcome), Some(change(record, kind))),
        None => (OutcomeKind::Unchanged.into(), None),
    };
    match command {
        KvCommand::Set(set) => plan_set(set, current, moment),
        KvCommand::Delete { .. } => {
            let gone = Change {
                after: None,
                kind: EventKind::Delete,
            };
            let count = u64::from(current.is_some());
            let done = Done::counted(OutcomeKind::Deleted, count);
            (done, current.map(|_| gone))
        }
        KvCommand::Expire { .. } => {
            let expired = ops::expire(current, next);
            changed(expired, EventKind::Expire, OutcomeKind::Expired)
        }
        KvCommand::Touch { expire, delete, .. } => {
            let touched = ops::touch(current, *expire, *delete, next);
            changed(touched, EventKind::Touch, OutcomeKind::Touched)
        }
        KvCommand::Persist { .. } => {
            let persisted = ops::persist(current, next);
            changed(persisted, EventKind::Touch, OutcomeKind::Persisted)
        }
        KvCommand::Incr(incr) => match ops::incr(current, incr, next) {
            Ok((sum, mut record)) => {
                if current.is_none() {
                    moment.give_timers(&mut record);
                }
                let done = Done::counted(OutcomeKind::Added, sum.cast_unsigned());
                (done, Some(change(record, EventKind::Set)))
            }
            Err(NotAdded::NotInteger) => (OutcomeKind::NotInteger.into(), None),
            Err(NotAdded::Overflow) => (OutcomeKind::Overflow.into(), None),
        },
        KvCommand::DeleteRange { .. } => unreachable!("a range is no key"),
    }
}

fn plan_set(set: &Set, current: Option<&Record>, moment: Moment) -> (Done, Option<Change>) {
    let Some(mut record) = ops::set(current, set, moment.next) else {
        return (OutcomeKind::ConditionFailed.into(), None);
    };
    if !set.keep_timers || current.is_none() {
        moment.give_timers(&mut record);
    }
    let mut done = Done::counted(OutcomeKind::Written, record.version);
    if set.return_previous {
        done.previous = current.cloned();
    }
    (done, Some(change(record, EventKind::Set)))
}

fn change(record: Record, kind: EventKind) -> Change {
    let after = Some(record);
    Change { after, kind }
}

impl Moment {
    /// Gives a record that was written without timers those of its bucket.
    fn give_timers(&self, record: &mut Record) {
        if record.expire_at.is_some() || record.delete_at.is_some() {
            return;
        }
        // Lengthened as a duration in a request is: never early.
        let due = |ms: u64| (ms > 0).then(|| self.now.plus_ms(lengthened_ms(ms)));
        record.expire_at = due(self.settings.expire_in_ms);
        record.delete_at = due(self.settings.delete_in_ms);
    }
}
