//! A machine to run a node on, and a client that remembers what it was told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::base::Result;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, ManualClock, Rng, SeededRng, SimSpawn};
use crate::base::time::Timer;
use crate::base::types::{ClientId, LogIndex, OwnerId, RequestId, Revision, ShardId};
use crate::kv::{KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::{Applied, Command, Op, OutcomeKind, ScanQuery};
use crate::server::node::Node;
use crate::server::settings::{DiskEngineConfig, EngineKind, ServeConfig};
use crate::store::{Done, Durability, Store};

pub(super) const SHARD: ShardId = ShardId(100);

/// A machine that a node runs on, again and again.
pub(super) struct World {
    pub(super) disk: SimDisk,
    pub(super) clock: Arc<ManualClock>,
    pub(super) rng: Arc<SeededRng>,
    pub(super) spawn: SimSpawn,
    pub(super) config: ServeConfig,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let config = ServeConfig {
            data_dir: PathBuf::from("/data"),
            wal_segment_bytes: 64 << 10,
            snapshot_entries: 40,
            disk_engine: DiskEngineConfig {
                cache_bytes: 1 << 20,
                unflushed_bytes_max: [256 << 20, 4 << 10][rng.below(2) as usize],
                rewrite_bytes_min: [0, u64::MAX][rng.below(2) as usize],
                rewrite_step_bytes: 256,
            },
            ..ServeConfig::default()
        };
        let engine = EngineKind::ALL[rng.below(2) as usize];
        let mut world = Self {
            disk: SimDisk::new(rng.clone()),
            clock: Arc::new(ManualClock::default()),
            spawn: SimSpawn::new(rng.clone()),
            rng,
            config,
        };
        world.keep_rows_in(engine);
        world
    }

    /// Chooses the engine of all shards; else the seed has.
    pub(super) fn keep_rows_in(&mut self, engine: EngineKind) {
        for shard in &mut self.config.shards {
            shard.engine = Some(engine);
        }
    }

    /// Starts the node; the background work of a former one is gone.
    pub(super) fn open(&mut self) -> Result<Node> {
        self.spawn = SimSpawn::new(self.rng.clone());
        let host = Host {
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            disk: Arc::new(self.disk.clone()),
            spawn: Arc::new(self.spawn.clone()),
        };
        Node::open(&host, &self.config)
    }

    /// Has commands applied that the shard must take.
    pub(super) fn apply(&self, shard: &Store, commands: Vec<Command>) {
        let done = Box::new(|result: Result<Vec<Applied>>| drop(result.unwrap()));
        shard.submit_now(commands, done).unwrap();
        self.spawn.run_until_idle();
    }

    pub(super) fn chance(&self, percent: u64) -> bool {
        self.rng.below(100) < percent
    }
}

pub(super) fn store(node: &Node) -> Store {
    node.service.shard(SHARD).unwrap().store.clone()
}

pub(super) fn set(key: &str, value: &str) -> KvCommand {
    KvCommand::Set(Set {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        expire: Timer::Never,
        delete: Timer::Never,
        keep_timers: false,
        condition: None,
        return_previous: false,
    })
}

pub(super) fn kv(command: KvCommand) -> Command {
    let op = Op::Kv {
        bucket: String::new(),
        command,
    };
    Command {
        request: None,
        fence: None,
        op,
    }
}

pub(super) fn lock(name: &str, command: LockCommand) -> Command {
    let op = Op::Lock {
        name: Bytes::copy_from_slice(name.as_bytes()),
        command,
    };
    Command {
        request: None,
        fence: None,
        op,
    }
}

/// Every key and value of the shard.
pub(super) fn contents(store: &Store) -> BTreeMap<String, String> {
    contents_at(store, None)
}

/// The same, as it was at a past revision.
pub(super) fn contents_at(store: &Store, at: Option<Revision>) -> BTreeMap<String, String> {
    let query = ScanQuery {
        bucket: String::new(),
        start: Bytes::new(),
        end: None,
        after: None,
        reverse: false,
        limit: 10_000,
        bytes_max: 1 << 20,
        keys_max: usize::MAX,
        count_only: false,
        keys_only: false,
        include_expired: true,
        at,
    };
    let page = store.read(|machine| machine.scan(&query)).unwrap();
    assert!(!page.more);
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    page.records
        .iter()
        .map(|(key, record)| (text(key), text(record.value.as_ref().unwrap())))
        .collect()
}

type Told = Arc<Mutex<Option<Result<Vec<Applied>>>>>;

/// A group that was accepted: entry `index` of the log.
struct Sent {
    commands: Vec<Command>,
    told: Told,
}

/// Submits groups and checks, after each restart, that the log is a prefix of what
/// was accepted which holds all that was acknowledged.
#[derive(Default)]
pub(super) struct Witness {
    /// Entry 1, 2, ... of the log.
    sent: Vec<Sent>,
    /// State hashes seen, by entry.
    hashes: BTreeMap<LogIndex, u64>,
    sequence: u64,
    values: u64,
    pub(super) acknowledged: u64,
    pub(super) lost_unacknowledged: u64,
    pub(super) repeated: u64,
}

const CLIENT: ClientId = ClientId([7; 16]);

impl Witness {
    /// Submits one random group. False when the node refused it.
    pub(super) fn submit(&mut self, world: &World, store: &Store) -> bool {
        let count = 1 + world.rng.below(4);
        let mut commands: Vec<_> = (0..count).map(|_| self.command(world)).collect();
        for command in &mut commands {
            self.sequence += 1;
            command.request = Some(RequestId {
                client: CLIENT,
                sequence: self.sequence,
                acked_below: 0,
                attempt: 0,
            });
        }
        let told = Told::default();
        let tell = told.clone();
        let done = Box::new(move |result| *tell.lock() = Some(result));
        if store.submit_now(commands.clone(), done).is_err() {
            self.sequence -= count;
            return false;
        }
        self.sent.push(Sent { commands, told });
        true
    }

    fn command(&mut self, world: &World) -> Command {
        let key = format!("key-{}", world.rng.below(12));
        match world.rng.below(10) {
            0 => kv(KvCommand::Delete {
                key: Bytes::from(key),
            }),
            1 => {
                let end = Some(Bytes::from_static(b"key-3"));
                kv(KvCommand::DeleteRange {
                    start: Bytes::from_static(b"key-1"),
                    end,
                })
            }
            2 => {
                let owner = OwnerId(world.rng.id());
                lock(
                    "lock",
                    LockCommand::Acquire {
                        owner,
                        ttl_ms: 0,
                        wait: Timer::Never,
                    },
                )
            }
            3 => lock("lock", LockCommand::Revoke),
            _ => {
                self.values += 1;
                kv(set(&key, &format!("value-{}", self.values)))
            }
        }
    }

    /// Notes the state hash of the entry applied last.
    pub(super) fn look(&mut self, store: &Store) {
        let status = store.status();
        let seen = *self
            .hashes
            .entry(status.applied)
            .or_insert(status.state_hash);
        assert_eq!(
            seen, status.state_hash,
            "entry {} gave another state",
            status.applied
        );
    }

    /// Checks a node that has just come back. `all_acknowledged`: nothing that was
    /// acknowledged may be missing; else only what waited for the disk.
    pub(super) fn check(&mut self, store: &Store, all_acknowledged: bool) {
        let applied = usize::try_from(store.status().applied.0).unwrap();
        assert!(
            applied <= self.sent.len(),
            "entries appeared that nobody sent"
        );
        for (at, sent) in self.sent.iter().enumerate() {
            let acknowledged = matches!(&*sent.told.lock(), Some(Ok(_)));
            let synced = all_acknowledged || sent.commands.iter().any(Command::must_sync);
            self.acknowledged += u64::from(acknowledged);
            assert!(
                !(acknowledged && synced) || at < applied,
                "entry {} was acknowledged and is gone (the log ends at {applied})",
                at + 1
            );
        }
        self.lost_unacknowledged += (self.sent.len() - applied) as u64;
        let lost = self.sent.split_off(applied);
        self.hashes.retain(|index, _| index.0 <= applied as u64);
        self.look(store);
        assert_eq!(contents(store), self.expected(), "after {applied} entries");
        drop(lost);
    }

    /// The keys that the entries sent so far give, by the simplest means.
    fn expected(&self) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::new();
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        for command in self.sent.iter().flat_map(|sent| &sent.commands) {
            match &command.op {
                Op::Kv {
                    command: KvCommand::Set(set),
                    ..
                } => {
                    keys.insert(text(&set.key), text(&set.value));
                }
                Op::Kv {
                    command: KvCommand::Delete { key },
                    ..
                } => {
                    keys.remove(&text(key));
                }
                Op::Kv {
                    command: KvCommand::DeleteRange { start, end },
                    ..
                } => {
                    let (start, end) = (text(start), text(end.as_ref().unwrap()));
                    keys.retain(|key, _| *key < start || *key >= end);
                }
                _ => {}
            }
        }
        keys
    }

    /// Sends the last group once more, as a client does that lost its reply: each
    /// outcome must be the one it would have been told, and nothing may change.
    pub(super) fn repeat_last(&mut self, world: &World, store: &Store) {
        let Some(last) = self.sent.last() else { return };
        let mut commands = last.commands.clone();
        for command in &mut commands {
            command.request.as_mut().unwrap().attempt += 1;
        }
        let first = match &*last.told.lock() {
            Some(Ok(replies)) => Some(replies.iter().map(|reply| reply.outcome).collect()),
            _ => None::<Vec<_>>,
        };
        let before = contents(store);
        let told = Told::default();
        let tell = told.clone();
        let done = Box::new(move |result| *tell.lock() = Some(result));
        store.submit_now(commands.clone(), done).unwrap();
        world.spawn.run_until_idle();
        let replies = told.lock().take().unwrap().unwrap();
        for reply in &replies {
            assert!(
                reply.repeated,
                "a repeated request was applied again: {reply:?}"
            );
            assert_ne!(reply.outcome.kind, OutcomeKind::OutcomeUnknown);
            self.repeated += 1;
        }
        if let Some(first) = first {
            let again: Vec<_> = replies.iter().map(|reply| reply.outcome).collect();
            assert_eq!(again, first);
        }
        assert_eq!(contents(store), before);
        // The repetition is an entry of the log, too, and changes no keys.
        self.sent.push(Sent {
            commands: Vec::new(),
            told: Told::default(),
        });
        self.look(store);
    }
}

pub(super) fn any_durability(world: &World) -> Durability {
    match world.rng.below(4) {
        0 => Durability::IntervalMs(50),
        1 => Durability::None,
        _ => Durability::Fsync,
    }
}

/// Submits with a deadline that no test reaches.
pub(super) trait SubmitNow {
    fn submit_now(&self, commands: Vec<Command>, done: Done) -> Result<()>;
}

impl SubmitNow for Store {
    fn submit_now(&self, commands: Vec<Command>, done: Done) -> Result<()> {
        let due = tokio::time::Instant::now() + std::time::Duration::from_secs(3_600);
        self.submit(commands, due, done)
    }
}
