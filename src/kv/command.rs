//! What can be asked of keys. Timers are relative until stamped.

use bytes::Bytes;

use crate::base::time::{MachineTime, Timer};
use crate::base::types::Revision;

/// A change to one key, or to a range of keys, of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvCommand {
    /// Replaces value and timers.
    Set(Set),
    /// Removes the key.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// Removes the first keys of a range, at most `COMMAND_KEYS_MAX`.
    DeleteRange {
        /// Inclusive.
        start: Bytes,
        /// Exclusive; `None`: to the last key of the bucket.
        end: Option<Bytes>,
    },
    /// Drops the value now; the key remains.
    Expire {
        /// The key.
        key: Bytes,
    },
    /// Replaces both timers of a live key.
    Touch {
        /// The key.
        key: Bytes,
        /// When the value goes.
        expire: Timer,
        /// When the key goes.
        delete: Timer,
    },
    /// Clears both timers of a live key.
    Persist {
        /// The key.
        key: Bytes,
    },
    /// Adds to a number.
    Incr(Incr),
}

/// Adds to the number that a key's value is, as decimal text. A key that is not there, or
/// is softly expired, counts as 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incr {
    /// 1 to 4,096 bytes.
    pub key: Bytes,
    /// What is added.
    pub by: i64,
    /// When the value goes, of a key that begins here.
    pub expire: Timer,
    /// When the key goes, of a key that begins here.
    pub delete: Timer,
}

/// Replaces the value and the timers of a key, if the condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// 1 to 4,096 bytes.
    pub key: Bytes,
    /// The new value.
    pub value: Bytes,
    /// When the value goes.
    pub expire: Timer,
    /// When the key goes.
    pub delete: Timer,
    /// Keep the timers the key has; `expire` and `delete` are `Never` then.
    pub keep_timers: bool,
    /// Must hold, or nothing changes.
    pub condition: Option<Condition>,
    /// Return the record that was replaced.
    pub return_previous: bool,
}

/// Whether a set may take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The key is not there; a softly expired key is there.
    Absent,
    /// The key is there.
    Present,
    /// The key was last changed at this revision.
    Revision(Revision),
    /// The key has this value.
    Value(Bytes),
}

impl KvCommand {
    /// Makes relative timers absolute.
    pub fn stamp(&mut self, now: MachineTime) {
        self.map_timers(|timer| timer.stamped(now));
    }

    /// Makes timers that were stamped at time zero relative again.
    pub fn unstamp(&mut self) {
        self.map_timers(Timer::unstamped);
    }

    /// Makes relative timers longer by what a clock of whole milliseconds cuts off.
    pub fn lengthen(&mut self) {
        self.map_timers(Timer::lengthened);
    }

    fn map_timers(&mut self, map: impl Fn(Timer) -> Timer) {
        match self {
            Self::Set(Set { expire, delete, .. })
            | Self::Touch { expire, delete, .. }
            | Self::Incr(Incr { expire, delete, .. }) => {
                *expire = map(*expire);
                *delete = map(*delete);
            }
            Self::Delete { .. }
            | Self::DeleteRange { .. }
            | Self::Expire { .. }
            | Self::Persist { .. } => {}
        }
    }

    /// Bytes it takes in a log entry, at most about.
    pub fn weight(&self) -> usize {
        64 + match self {
            Self::Set(set) => {
                let compared = match &set.condition {
                    Some(Condition::Value(value)) => value.len(),
                    _ => 0,
                };
                set.key.len() + set.value.len() + compared
            }
            Self::DeleteRange { start, end } => start.len() + end.as_ref().map_or(0, Bytes::len),
            Self::Delete { key }
            | Self::Expire { key }
            | Self::Touch { key, .. }
            | Self::Persist { key }
            | Self::Incr(Incr { key, .. }) => key.len(),
        }
    }

    /// The one key it is about; `None` for a range.
    pub fn key(&self) -> Option<&Bytes> {
        match self {
            Self::Set(Set { key, .. })
            | Self::Delete { key }
            | Self::Expire { key }
            | Self::Touch { key, .. }
            | Self::Persist { key }
            | Self::Incr(Incr { key, .. }) => Some(key),
            Self::DeleteRange { .. } => None,
        }
    }
}
