//! What the machine should do, written down a second time and plainly: maps, linear
//! searches, no rows, no indexes. It shares the words of the machine (commands,
//! outcomes, records) and none of its rules.

mod buckets;
mod clients;
mod keys;
mod locks;
mod transactions;

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use crate::base::time::{MachineTime, Timer};
use crate::base::types::{ClientId, Revision};
use crate::kv::Record;
use crate::lock::Lock;
use crate::machine::sessions::SessionLimits;
use crate::machine::{
    Applied, Command, Entry, Event, EventKind, Grant, NearQuota, Op, Outcome, OutcomeKind as Kind,
};

use self::buckets::ModelBucket;
use self::clients::Client;
pub(super) use self::transactions::Compared;

/// A bucket's length, the bucket, the key: in the order of the rows.
type Key = (usize, String, Bytes);

pub(super) struct Model {
    pub(super) limits: SessionLimits,
    pub(super) now: u64,
    pub(super) revision: u64,
    pub(super) keys: BTreeMap<Key, Record>,
    pub(super) locks: BTreeMap<Bytes, Lock>,
    pub(super) clients: BTreeMap<ClientId, Client>,
    pub(super) buckets: BTreeMap<String, ModelBucket>,
    /// All events ever that are told.
    pub(super) events: Vec<Event>,
    /// The keys as they were at each revision.
    pub(super) past: BTreeMap<u64, BTreeMap<Key, Record>>,
    grants: Vec<Grant>,
    near_quota: Vec<NearQuota>,
    /// The compares that were made, to see that the drawing makes all kinds.
    pub(super) compared: HashSet<Compared>,
}

/// What an entry causes, as [`crate::machine::Effects`] has it.
pub(super) struct Caused {
    pub(super) replies: Vec<Applied>,
    pub(super) events: Vec<Event>,
    pub(super) grants: Vec<Grant>,
    pub(super) near_quota: Vec<NearQuota>,
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
            buckets: BTreeMap::new(),
            events: Vec::new(),
            past: BTreeMap::from([(0, BTreeMap::new())]),
            grants: Vec::new(),
            near_quota: Vec::new(),
            compared: HashSet::new(),
        }
    }

    pub(super) fn apply(&mut self, entry: &Entry) -> Caused {
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
        Caused {
            replies,
            events: self.events[known..].to_vec(),
            grants: std::mem::take(&mut self.grants),
            near_quota: std::mem::take(&mut self.near_quota),
        }
    }

    fn command(&mut self, command: &Command) -> Applied {
        let Some(request) = &command.request else {
            return self.run(command);
        };
        if let Err(applied) = self.admit(request, command) {
            return *applied;
        }
        let applied = self.run(command);
        if !matches!(
            applied.outcome.kind,
            Kind::Queued | Kind::DeletedMore | Kind::BucketDroppedMore
        ) {
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

    fn run(&mut self, command: &Command) -> Applied {
        if let Some(fence) = &command.fence {
            self.lock_expires(&fence.name);
            let held = self.locks.get(&fence.name).map_or(0, |lock| lock.fence.0);
            if held == 0 || held != fence.token.0 {
                return self.reply((Kind::FenceStale, held, None));
            }
        }
        let reply = match &command.op {
            Op::Kv { bucket, command } => self.kv(bucket, command),
            Op::Transaction {
                bucket,
                transaction,
            } => {
                let (reply, results) = self.transaction(bucket, transaction);
                return Applied {
                    results,
                    ..self.reply(reply)
                };
            }
            Op::Bucket { name, command } => self.bucket(name, command),
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
        let name = key.1.as_str();
        let near_before = self.is_near_quota(name);
        let previous = match &after {
            Some(record) => self.keys.insert(key.clone(), record.clone()),
            None => self.keys.remove(key),
        };
        self.past.insert(self.revision, self.keys.clone());
        if !near_before && self.is_near_quota(name) {
            self.near_quota.push(NearQuota {
                bucket: name.to_owned(),
                usage: self.usage(name),
                quota: self.buckets[name].settings.quota,
            });
        }
        let revision = Revision(self.revision);
        if let Some(bucket) = self.buckets.get_mut(name) {
            bucket.revision = revision;
            if bucket.settings.no_history {
                return;
            }
        }
        self.events.push(Event {
            revision,
            sub,
            now: MachineTime(self.now),
            kind,
            bucket: name.to_owned(),
            key: key.2.clone(),
            record: after,
            previous,
        });
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
