//! What the machine should do with keys.

use bytes::Bytes;

use super::{Key, Kind, Model, Reply, at, plain};
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::kv::{Condition, Incr, KvCommand, Record, Set};
use crate::machine::EventKind;

/// What is said of a command on a key, and the change it makes: the event and the record
/// it leaves, if it leaves one.
pub(super) type Planned = (Reply, Option<(EventKind, Option<Record>)>);

pub(super) fn place(bucket: &str, key: &Bytes) -> Key {
    (bucket.len(), bucket.to_owned(), key.clone())
}

fn nothing(kind: Kind) -> Planned {
    (plain(kind), None)
}

impl Model {
    pub(super) fn kv(&mut self, bucket: &str, command: &KvCommand) -> Reply {
        if !self.takes_keys(bucket) {
            return plain(Kind::NoSuchBucket);
        }
        if let KvCommand::DeleteRange { start, end } = command {
            let keys = self.settle_range(bucket, start, end.as_ref());
            if !keys.is_empty() {
                self.next();
            }
            self.delete_all(&keys);
            return (Kind::Deleted, keys.len() as u64, None);
        }
        let key = place(bucket, command.key().unwrap());
        self.key_expires(&key);
        let (reply, change) = self.planned(&key, command);
        let Some((kind, after)) = change else {
            return reply;
        };
        if let Some(refused) = self.beyond_quota(bucket, &[(&key, after.as_ref())]) {
            return refused;
        }
        self.next();
        self.write(&key, kind, after, 0);
        reply
    }

    /// What a command would do to a key as it is now, at the next revision.
    pub(super) fn planned(&self, key: &Key, command: &KvCommand) -> Planned {
        let old = self.keys.get(key).cloned();
        match (command, old) {
            (KvCommand::Set(set), old) => self.set(key, set, old),
            (KvCommand::Incr(incr), old) => self.incr(key, incr, old.as_ref()),
            (KvCommand::Delete { .. }, None) => nothing(Kind::Deleted),
            (KvCommand::Delete { .. }, Some(_)) => {
                ((Kind::Deleted, 1, None), Some((EventKind::Delete, None)))
            }
            (_, Some(old)) if old.value.is_some() => self.change(command, old),
            _ => nothing(Kind::Unchanged),
        }
    }

    /// The record with another value, and its timers as they were.
    fn with_value(&self, value: Bytes, old: Option<&Record>) -> Record {
        let revision = Revision(self.revision + 1);
        match old {
            None => Record {
                value: Some(value),
                create_revision: revision,
                revision,
                version: 1,
                expire_at: None,
                delete_at: None,
            },
            Some(old) => Record {
                value: Some(value),
                revision,
                version: old.version + 1,
                ..old.clone()
            },
        }
    }

    /// The bucket's timers, for a record without any. A default is a duration like any
    /// other: one millisecond more, so that it is never early.
    fn default_timers(&self, key: &Key, record: &mut Record) {
        if record.expire_at.is_some() || record.delete_at.is_some() {
            return;
        }
        let settings = self.settings(&key.1);
        let after = |ms: u64| (ms > 0).then(|| MachineTime(self.now + ms + 1));
        record.expire_at = after(settings.expire_in_ms);
        record.delete_at = after(settings.delete_in_ms);
    }

    fn set(&self, key: &Key, set: &Set, old: Option<Record>) -> Planned {
        let holds = match (&set.condition, &old) {
            (None, _) | (Some(Condition::Absent), None) | (Some(Condition::Present), Some(_)) => {
                true
            }
            (Some(Condition::Revision(revision)), Some(old)) => old.revision == *revision,
            (Some(Condition::Value(value)), Some(old)) => old.value.as_ref() == Some(value),
            _ => false,
        };
        if !holds {
            return nothing(Kind::ConditionFailed);
        }
        let mut record = self.with_value(set.value.clone(), old.as_ref());
        let keeps = set.keep_timers && old.is_some();
        if !keeps {
            record.expire_at = at(set.expire);
            record.delete_at = at(set.delete);
            self.default_timers(key, &mut record);
        }
        let previous = if set.return_previous { old } else { None };
        let reply = (Kind::Written, record.version, previous);
        (reply, Some((EventKind::Set, Some(record))))
    }

    fn incr(&self, key: &Key, incr: &Incr, old: Option<&Record>) -> Planned {
        let text = match old.and_then(|old| old.value.as_ref()) {
            Some(value) => std::str::from_utf8(value).unwrap(),
            None => "0",
        };
        let Ok(number) = text.parse::<i64>() else {
            return nothing(Kind::NotInteger);
        };
        let sum = i128::from(number) + i128::from(incr.by);
        if sum < i128::from(i64::MIN) || sum > i128::from(i64::MAX) {
            return nothing(Kind::Overflow);
        }
        let mut record = self.with_value(Bytes::from(format!("{sum}")), old);
        if old.is_none() {
            record.expire_at = at(incr.expire);
            record.delete_at = at(incr.delete);
            self.default_timers(key, &mut record);
        }
        let reply = (Kind::Added, sum as i64 as u64, None);
        (reply, Some((EventKind::Set, Some(record))))
    }

    fn change(&self, command: &KvCommand, mut record: Record) -> Planned {
        let (event, kind) = match command {
            KvCommand::Expire { .. } => {
                record.value = None;
                record.expire_at = None;
                (EventKind::Expire, Kind::Expired)
            }
            KvCommand::Touch { expire, delete, .. } => {
                record.expire_at = at(*expire);
                record.delete_at = at(*delete);
                (EventKind::Touch, Kind::Touched)
            }
            _ if record.expire_at.is_none() && record.delete_at.is_none() => {
                return nothing(Kind::Unchanged);
            }
            _ => {
                record.expire_at = None;
                record.delete_at = None;
                (EventKind::Touch, Kind::Persisted)
            }
        };
        record.revision = Revision(self.revision + 1);
        (plain(kind), Some((event, Some(record))))
    }

    /// The keys of a range that are there when what is due is done.
    pub(super) fn settle_range(
        &mut self,
        bucket: &str,
        start: &Bytes,
        end: Option<&Bytes>,
    ) -> Vec<Key> {
        let within =
            |key: &&Key| key.1 == bucket && key.2 >= *start && end.is_none_or(|end| key.2 < *end);
        let mut keys: Vec<Key> = self.keys.keys().filter(within).cloned().collect();
        for key in &keys {
            self.key_expires(key);
        }
        keys.retain(|key| self.keys.contains_key(key));
        keys
    }

    pub(super) fn delete_all(&mut self, keys: &[Key]) {
        for (sub, key) in keys.iter().enumerate() {
            self.write(key, EventKind::Delete, None, sub as u32);
        }
    }
}
