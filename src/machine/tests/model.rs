//! What the machine should do, written down a second time and plainly: maps, linear
//! searches, no rows, no indexes. It shares the words of the machine (commands,
//! outcomes, records) and none of its rules.

mod locks;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::base::time::{MachineTime, Timer};
use crate::base::types::{ClientId, RequestId, Revision};
use crate::kv::{Condition, KvCommand, Record, Set};
use crate::lock::Lock;
use crate::machine::sessions::SessionLimits;
use crate::machine::{
    Applied, Command, Entry, Event, EventKind, Grant, Op, Outcome, OutcomeKind as Kind,
};

/// A bucket's length, the bucket, the key: in the order of the rows.
type Key = (usize, String, Bytes);

#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    pub(super) last_used: u64,
    floor: u64,
    first: u64,
    outcomes: BTreeMap<u64, Outcome>,
}

pub(super) struct Model {
    pub(super) limits: SessionLimits,
    pub(super) now: u64,
    pub(super) revision: u64,
    pub(super) keys: BTreeMap<Key, Record>,
    pub(super) locks: BTreeMap<Bytes, Lock>,
    pub(super) clients: BTreeMap<ClientId, Client>,
    /// All events ever.
    pub(super) events: Vec<Event>,
    /// The keys as they were at each revision.
    pub(super) past: BTreeMap<u64, BTreeMap<Key, Record>>,
    grants: Vec<Grant>,
}

type Reply = (Kind, u64, Option<Record>);

fn plain(kind: Kind) -> Reply {
    (kind, 0, None)
}

fn at(timer: Timer) -> Option<MachineTime> {
    match timer {
        Timer::Never => None,
        Timer::At(at) => Some(at),
        Timer::InMs(_) => unreachable!("entries are stamped"),
    }
}

/// When a record next changes, if ever.
pub(super) fn record_due(record: &Record) -> Option<u64> {
    let soft = if record.value.is_some() {
        record.expire_at
    } else {
        None
    };
    [soft, record.delete_at]
        .into_iter()
        .flatten()
        .map(|at| at.0)
        .min()
}

/// When a lock next changes, if ever.
pub(super) fn lock_due(lock: &Lock) -> Option<u64> {
    let held = if lock.claim_by.is_some() {
        lock.claim_by
    } else {
        lock.lease_until
    };
    let waiters = lock.queue.iter().map(|waiter| waiter.wait_until.0);
    waiters.chain(held.map(|at| at.0)).min()
}

impl Model {
    pub(super) fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            now: 0,
            revision: 0,
            keys: BTreeMap::new(),
            locks: BTreeMap::new(),
            clients: BTreeMap::new(),
            events: Vec::new(),
            past: BTreeMap::from([(0, BTreeMap::new())]),
            grants: Vec::new(),
        }
    }

    /// The replies, the events and the grants of an entry.
    pub(super) fn apply(&mut self, entry: &Entry) -> (Vec<Applied>, Vec<Event>, Vec<Grant>) {
        if entry.now.0 > self.now {
            self.now = entry.now.0;
        }
        let known = self.events.len();
        let replies = entry
            .commands
            .iter()
            .map(|command| self.command(command))
            .collect();
        self.past.insert(self.revision, self.keys.clone());
        (
            replies,
            self.events[known..].to_vec(),
            std::mem::take(&mut self.grants),
        )
    }

    fn command(&mut self, command: &Command) -> Applied {
        let Some(request) = &command.request else {
            return self.run(command);
        };
        if let Err(applied) = self.admit(request) {
            return applied;
        }
        let applied = self.run(command);
        if !matches!(applied.outcome.kind, Kind::Queued | Kind::DeletedMore) {
            self.remember(request, applied.outcome);
        }
        applied
    }

    fn reply(&self, (kind, count, previous): Reply) -> Applied {
        let revision = Revision(self.revision);
        Applied {
            outcome: Outcome {
                kind,
                revision,
                count,
            },
            previous,
            results: Vec::new(),
            repeated: false,
        }
    }

    /// Forgets the client that was away for longest; `false`: all were here lately.
    fn forget_one(&mut self) -> bool {
        let away = |client: &Client| self.now - client.last_used;
        let longest = self
            .clients
            .iter()
            .filter(|(_, client)| away(client) >= self.limits.held_ms)
            .max_by_key(|(id, client)| (away(client), std::cmp::Reverse(**id)))
            .map(|(id, _)| *id);
        longest.is_some_and(|id| self.clients.remove(&id).is_some())
    }

    fn admit(&mut self, request: &RequestId) -> Result<(), Applied> {
        let refuse = |model: &Self| Err(model.reply(plain(Kind::OutcomeUnknown)));
        if !self.clients.contains_key(&request.client) {
            if request.attempt > 0 {
                return refuse(self);
            }
            if self.clients.len() == self.limits.clients && !self.forget_one() {
                return Err(self.reply(plain(Kind::SessionsFull)));
            }
            let fresh = Client {
                first: request.sequence,
                ..Client::default()
            };
            self.clients.insert(request.client, fresh);
        }
        let now = self.now;
        let client = self.clients.get_mut(&request.client).unwrap();
        client.last_used = now;
        client.floor = client.floor.max(request.acked_below);
        let floor = client.floor;
        client.outcomes.retain(|sequence, _| *sequence >= floor);
        if let Some(outcome) = client.outcomes.get(&request.sequence) {
            return Err(Applied {
                outcome: *outcome,
                previous: None,
                results: Vec::new(),
                repeated: true,
            });
        }
        let lost = request.attempt > 0 && request.sequence < client.first;
        if request.sequence < floor || lost {
            return refuse(self);
        }
        Ok(())
    }

    fn outcomes(&self) -> usize {
        let clients = self.clients.values();
        clients.map(|client| client.outcomes.len()).sum()
    }

    fn remember(&mut self, request: &RequestId, outcome: Outcome) {
        while self.outcomes() >= self.limits.outcomes && self.forget_one() {}
        let is_full = self.outcomes() >= self.limits.outcomes;
        let client = self.clients.get_mut(&request.client).unwrap();
        let most = match is_full {
            true => client.outcomes.len().max(1),
            false => self.limits.outcomes_per_client,
        };
        client.outcomes.insert(request.sequence, outcome);
        if client.outcomes.len() > most {
            let (lowest, _) = client.outcomes.pop_first().unwrap();
            client.floor = client.floor.max(lowest + 1);
        }
    }

    fn run(&mut self, command: &Command) -> Applied {
        if let Some(fence) = &command.fence {
            self.lock_expires(&fence.name);
            let held = self.locks.get(&fence.name).map_or(0, |lock| lock.fence.0);
            if held == 0 || held != fence.token.0 {
                return self.reply((Kind::FenceStale, held, None));
            }
        }
        let reply = match &command.op {
            Op::Kv { bucket, .. } if !matches!(bucket.as_str(), "" | "users") => {
                plain(Kind::NoSuchBucket)
            }
            Op::Kv { bucket, command } => self.kv(bucket, command),
            Op::Transaction { .. } | Op::Bucket { .. } => todo!("the model has none yet"),
            Op::Lock { name, command } => self.lock(name, command),
            Op::Sweep => self.sweep(),
        };
        self.reply(reply)
    }

    fn next(&mut self) -> Revision {
        self.revision += 1;
        Revision(self.revision)
    }

    fn write(&mut self, key: &Key, kind: EventKind, after: Option<Record>, sub: u32) {
        let previous = match &after {
            Some(record) => self.keys.insert(key.clone(), record.clone()),
            None => self.keys.remove(key),
        };
        self.events.push(Event {
            revision: Revision(self.revision),
            sub,
            now: MachineTime(self.now),
            kind,
            bucket: key.1.clone(),
            key: key.2.clone(),
            record: after,
            previous,
        });
        self.past.insert(self.revision, self.keys.clone());
    }

    fn key_expires(&mut self, key: &Key) {
        let Some(record) = self.keys.get(key).cloned() else {
            return;
        };
        let over = |timer: Option<MachineTime>| timer.is_some_and(|at| at.0 <= self.now);
        if over(record.delete_at) {
            self.next();
            self.write(key, EventKind::Delete, None, 0);
        } else if over(record.expire_at) && record.value.is_some() {
            let revision = self.next();
            let expired = Record {
                value: None,
                expire_at: None,
                revision,
                ..record
            };
            self.write(key, EventKind::Expire, Some(expired), 0);
        }
    }

    fn kv(&mut self, bucket: &str, command: &KvCommand) -> Reply {
        let place = |key: &Bytes| (bucket.len(), bucket.to_owned(), key.clone());
        if let KvCommand::DeleteRange { start, end } = command {
            return self.delete_range(&place(start), end.as_ref());
        }
        let (KvCommand::Set(Set { key, .. })
        | KvCommand::Delete { key }
        | KvCommand::Expire { key }
        | KvCommand::Touch { key, .. }
        | KvCommand::Persist { key }) = command
        else {
            unreachable!("ranges are done");
        };
        let key = place(key);
        self.key_expires(&key);
        let old = self.keys.get(&key).cloned();
        match (command, old) {
            (KvCommand::Set(set), old) => self.set(&key, set, old),
            (KvCommand::Delete { .. }, None) => (Kind::Deleted, 0, None),
            (KvCommand::Delete { .. }, Some(_)) => {
                self.next();
                self.write(&key, EventKind::Delete, None, 0);
                (Kind::Deleted, 1, None)
            }
            (_, Some(old)) if old.value.is_some() => self.change(&key, command, old),
            _ => plain(Kind::Unchanged),
        }
    }

    fn set(&mut self, key: &Key, set: &Set, old: Option<Record>) -> Reply {
        let holds = match (&set.condition, &old) {
            (None, _) | (Some(Condition::Absent), None) | (Some(Condition::Present), Some(_)) => {
                true
            }
            (Some(Condition::Revision(revision)), Some(old)) => old.revision == *revision,
            (Some(Condition::Value(value)), Some(old)) => old.value.as_ref() == Some(value),
            _ => false,
        };
        if !holds {
            return plain(Kind::ConditionFailed);
        }
        let revision = self.next();
        let mut record = Record {
            value: Some(set.value.clone()),
            create_revision: revision,
            revision,
            version: 1,
            expire_at: at(set.expire),
            delete_at: at(set.delete),
        };
        if let Some(old) = &old {
            record.create_revision = old.create_revision;
            record.version = old.version + 1;
            if set.keep_timers {
                record.expire_at = old.expire_at;
                record.delete_at = old.delete_at;
            }
        }
        self.write(key, EventKind::Set, Some(record), 0);
        (
            Kind::Written,
            0,
            if set.return_previous { old } else { None },
        )
    }

    fn change(&mut self, key: &Key, command: &KvCommand, mut record: Record) -> Reply {
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
                return plain(Kind::Unchanged);
            }
            _ => {
                record.expire_at = None;
                record.delete_at = None;
                (EventKind::Touch, Kind::Persisted)
            }
        };
        record.revision = self.next();
        self.write(key, event, Some(record), 0);
        plain(kind)
    }

    fn delete_range(&mut self, start: &Key, end: Option<&Bytes>) -> Reply {
        let within =
            |key: &&Key| key.1 == start.1 && key.2 >= start.2 && end.is_none_or(|end| key.2 < *end);
        let keys: Vec<Key> = self.keys.keys().filter(within).cloned().collect();
        for key in &keys {
            self.key_expires(key);
        }
        let left: Vec<Key> = keys
            .into_iter()
            .filter(|key| self.keys.contains_key(key))
            .collect();
        if !left.is_empty() {
            self.next();
        }
        for (sub, key) in left.iter().enumerate() {
            self.write(key, EventKind::Delete, None, sub as u32);
        }
        (Kind::Deleted, left.len() as u64, None)
    }

    fn sweep(&mut self) -> Reply {
        let mut due = Vec::new();
        for (key, record) in &self.keys {
            due.extend(record_due(record).map(|at| (at, Some(key.clone()), Bytes::new())));
        }
        for (name, lock) in &self.locks {
            due.extend(lock_due(lock).map(|at| (at, None, name.clone())));
        }
        due.retain(|(at, ..)| *at <= self.now);
        // At one moment keys go before locks.
        due.sort_by_key(|(at, key, name)| (*at, key.is_none(), key.clone(), name.clone()));
        for (_, key, name) in &due {
            match key {
                Some(key) => self.key_expires(key),
                None => self.lock_expires(name),
            }
        }
        let (now, idle_ms) = (self.now, self.limits.idle_ms);
        let clients = self.clients.len();
        self.clients
            .retain(|_, client| client.last_used + idle_ms > now);
        let idle = clients - self.clients.len();
        (Kind::Swept, (due.len() + idle) as u64, None)
    }
}
