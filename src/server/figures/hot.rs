//! Which keys and locks are asked for most, from a sample of the requests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use crate::base::heavy::{Heavy, HeavyHitters};
use crate::base::turns::Turns;
use crate::base::types::ShardId;
use crate::kv::{Incr, KvCommand, Set};
use crate::machine::{Command, Op, TxnOp};
use crate::proto::v1;
use crate::server::operation::{Operation, Query};

/// One of so many requests is looked at.
const ONE_OF: u32 = 32;

/// Of a request with many keys, so many are looked at.
const KEYS_MAX: usize = 64;

/// Longer keys are cut where they are kept, bytes; they are told apart by their hash.
const KEPT_BYTES_MAX: usize = 128;

/// What came before this long counts half, microseconds.
const HALF_LIFE_US: u64 = 10_000_000;

/// The keys of each shard, and who is looked at next.
pub(in crate::server) struct HotKeys {
    shards: BTreeMap<ShardId, Mutex<Shard>>,
    /// Whence the turns are drawn. The first of each session, and unary calls, come by here.
    draws: AtomicU64,
}

#[derive(Default)]
struct Shard {
    hitters: HeavyHitters<Thing>,
    /// How long has been counted, halved as the counts are.
    weighed_us: f64,
    since_halved_us: u64,
}

/// A key of a bucket, or a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    start: Bytes,
    bytes: usize,
    bucket: String,
    is_lock: bool,
}

/// Something that is asked for.
struct Asked<'a> {
    name: &'a [u8],
    bucket: &'a str,
    is_lock: bool,
    is_read: bool,
}

impl HotKeys {
    /// None yet, of these shards.
    pub(in crate::server) fn of(shards: impl IntoIterator<Item = ShardId>) -> Self {
        Self {
            shards: shards
                .into_iter()
                .map(|id| (id, Mutex::default()))
                .collect(),
            draws: AtomicU64::new(0),
        }
    }

    /// The turns of a new session.
    pub(in crate::server) fn turns(&self) -> Turns {
        Turns::one_of(ONE_OF, self.draws.fetch_add(1, Ordering::Relaxed))
    }

    /// Looks at a request that came alone, if it is its turn.
    pub(in crate::server) fn came_alone(&self, shard: ShardId, operation: &Operation) {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        if Turns::is_one_of(ONE_OF, draw) {
            self.came(shard, operation);
        }
    }

    /// Looks at a request whose turn it is. If somebody else looks right now, this one is
    /// not looked at: nobody waits.
    pub(in crate::server) fn came(&self, shard: ShardId, operation: &Operation) {
        if let Some(mut shard) = self.shards.get(&shard).and_then(Mutex::try_lock) {
            each(operation, &mut |asked| shard.came(asked));
        }
    }

    /// Time went by.
    pub(in crate::server) fn pass(&self, us: u64) {
        for shard in self.shards.values() {
            shard.lock().pass(us);
        }
    }

    /// What is asked for most, the most first.
    pub(in crate::server) fn hottest(&self, shard: ShardId) -> Vec<v1::HotKey> {
        let Some(shard) = self.shards.get(&shard) else {
            return Vec::new();
        };
        let (all, weighed_us) = {
            let shard = shard.lock();
            (shard.hitters.all(), shard.weighed_us)
        };
        if weighed_us < 1.0 {
            return Vec::new();
        }
        let per_s = f64::from(ONE_OF) * 1e6 / weighed_us;
        // Of many keys that come equally often, most is inherited: none of them is hot. What
        // was seen once may be chance.
        let is_known = |it: &Heavy<Thing>| it.error <= it.count / 2.0 && it.count - it.error > 1.0;
        let known = all.into_iter().filter(is_known);
        known.map(|heavy| hot_key(heavy, per_s)).collect()
    }
}

impl Shard {
    fn came(&mut self, asked: &Asked<'_>) {
        let mut hash = xxh3_64(asked.name) ^ u64::from(asked.is_lock);
        if !asked.bucket.is_empty() {
            hash = hash.rotate_left(17) ^ xxh3_64(asked.bucket.as_bytes());
        }
        let is_it = |it: &Thing| asked.is(it);
        self.hitters
            .came(hash, asked.is_read, is_it, || asked.kept());
    }

    fn pass(&mut self, us: u64) {
        self.weighed_us += us as f64;
        self.since_halved_us += us;
        while self.since_halved_us >= HALF_LIFE_US {
            self.since_halved_us -= HALF_LIFE_US;
            self.weighed_us /= 2.0;
            self.hitters.halve();
        }
    }
}

impl Asked<'_> {
    fn start(&self) -> &[u8] {
        &self.name[..self.name.len().min(KEPT_BYTES_MAX)]
    }

    fn is(&self, thing: &Thing) -> bool {
        thing.bytes == self.name.len()
            && thing.is_lock == self.is_lock
            && thing.start == self.start()
            && thing.bucket == self.bucket
    }

    /// IMPORTANT: a copy. What came holds on to the whole message it came in.
    fn kept(&self) -> Thing {
        Thing {
            start: Bytes::copy_from_slice(self.start()),
            bytes: self.name.len(),
            bucket: self.bucket.to_owned(),
            is_lock: self.is_lock,
        }
    }
}

fn hot_key(heavy: Heavy<Thing>, per_s: f64) -> v1::HotKey {
    let thing = heavy.thing;
    v1::HotKey {
        key: thing.start,
        key_bytes: u32::try_from(thing.bytes).unwrap_or(u32::MAX),
        bucket: thing.bucket,
        lock: thing.is_lock,
        per_s: rounded(heavy.count * per_s),
        per_s_error: rounded(heavy.error * per_s),
        reads: (heavy.second * 100.0).round() / 100.0,
    }
}

/// An estimate has no more digits than that.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Names every key or lock that an operation is about by name, up to `KEYS_MAX`.
fn each(operation: &Operation, visit: &mut dyn FnMut(&Asked<'_>)) {
    match operation {
        Operation::Write(command)
        | Operation::WriteInPieces(command)
        | Operation::AcquireWaiting(command, _) => each_written(&command.op, visit),
        Operation::Batch(commands) => {
            let commands = commands.iter().take(KEYS_MAX);
            commands.for_each(|Command { op, .. }| each_written(op, visit));
        }
        Operation::Read(query, _) => each_read(query, visit),
    }
}

fn each_read(query: &Query, visit: &mut dyn FnMut(&Asked<'_>)) {
    let mut key = |bucket: &str, key: &Bytes| visit(&key_of(bucket, key, true));
    match query {
        Query::Get {
            bucket, key: it, ..
        }
        | Query::History {
            bucket, key: it, ..
        } => {
            key(bucket, it);
        }
        Query::GetMany { bucket, keys, .. } => {
            keys.iter().take(KEYS_MAX).for_each(|it| key(bucket, it));
        }
        Query::Lock { name } => visit(&lock_of(name, true)),
        Query::Scan { .. } | Query::Buckets { .. } | Query::Locks { .. } => {}
    }
}

fn each_written(op: &Op, visit: &mut dyn FnMut(&Asked<'_>)) {
    match op {
        Op::Kv { bucket, command } => {
            if let Some(key) = written(command) {
                visit(&key_of(bucket, key, false));
            }
        }
        // Which branch it will be nobody knows yet: most have one.
        Op::Transaction {
            bucket,
            transaction,
        } => {
            for op in transaction.then.iter().take(KEYS_MAX) {
                match op {
                    TxnOp::Get { key } => visit(&key_of(bucket, key, true)),
                    TxnOp::Write(command) => {
                        if let Some(key) = written(command) {
                            visit(&key_of(bucket, key, false));
                        }
                    }
                }
            }
        }
        Op::Lock { name, .. } => visit(&lock_of(name, false)),
        Op::Bucket { .. } | Op::Sweep => {}
    }
}

fn written(command: &KvCommand) -> Option<&Bytes> {
    match command {
        KvCommand::Set(Set { key, .. })
        | KvCommand::Incr(Incr { key, .. })
        | KvCommand::Delete { key }
        | KvCommand::Expire { key }
        | KvCommand::Touch { key, .. }
        | KvCommand::Persist { key } => Some(key),
        KvCommand::DeleteRange { .. } => None,
    }
}

fn key_of<'a>(bucket: &'a str, key: &'a Bytes, is_read: bool) -> Asked<'a> {
    Asked {
        name: key,
        bucket,
        is_lock: false,
        is_read,
    }
}

fn lock_of(name: &Bytes, is_read: bool) -> Asked<'_> {
    Asked {
        name,
        bucket: "",
        is_lock: true,
        is_read,
    }
}
