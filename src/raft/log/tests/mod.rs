//! Tests of a group's log: what a crash may take and what it may not, what is read back,
//! and the library's own tests of a store.

mod crash;
mod lagging;
mod model;
mod replica;
mod space;
mod suite;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::entry::RaftEntry as _;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::OneshotReceiverOf;

pub(in crate::raft) use self::replica::TestReplica;
use super::{Log, Replay};
use crate::base::Result;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, ManualClock, Rng, SeededRng, SimSpawn, ThreadSpawn};
use crate::base::types::NodeId;
use crate::raft::types::{Entry, LogId, Payload, Proposal, Types};
use crate::wal::{Wal, WalOptions};

const GROUP: u32 = 7;

/// A small segment, so that there are many.
const SEGMENT_BYTES: u64 = 16 << 10;

/// What comes of an append.
type Told = OneshotReceiverOf<Types, std::io::Result<()>>;

/// A simulated machine with a log.
struct Sim {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    spawn: SimSpawn,
    rng: Arc<SeededRng>,
    host: Host,
    recent_bytes_max: usize,
}

impl Sim {
    fn new(seed: u64, recent_bytes_max: usize) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let disk = SimDisk::new(rng.clone());
        let clock = Arc::new(ManualClock::default());
        let spawn = SimSpawn::new(rng.clone());
        let host = Host {
            clock: clock.clone(),
            rng: rng.clone(),
            disk: Arc::new(disk.clone()),
            spawn: Arc::new(spawn.clone()),
        };
        Self {
            disk,
            clock,
            spawn,
            rng,
            host,
            recent_bytes_max,
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// A start, as a node does it.
    fn start(&self) -> Result<Log> {
        start(&self.host, self.recent_bytes_max)
    }

    /// Lets the log's writer work while `future` waits.
    async fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::pin!(future);
        loop {
            tokio::select! {
                biased;
                out = &mut future => return out,
                () = tokio::time::sleep(Duration::from_millis(1)) => {
                    self.clock.advance_ms(1);
                    self.spawn.run_until_idle();
                }
            }
        }
    }
}

fn start(host: &Host, recent_bytes_max: usize) -> Result<Log> {
    let options = WalOptions {
        dir: Path::new("/data/wal").to_owned(),
        node: NodeId([1; 16]),
        segment_bytes: SEGMENT_BYTES,
        indexed: [GROUP].into(),
    };
    let mut recovery = Wal::recover(host, options)?;
    let mut replay = Replay::keeping(GROUP, recent_bytes_max);
    recovery.replay(&mut |record| replay.visit(record))?;
    replay.into_log(recovery.start())
}

/// An empty log on a disk of its own, whose writer works by itself.
pub(in crate::raft) fn running_log(recent_bytes_max: usize) -> Log {
    let disk = SimDisk::new(Arc::new(SeededRng::new(1)));
    running_log_on(&disk, &Arc::default(), recent_bytes_max)
}

/// As [`running_log`], on a disk that the test has in its hands.
pub(in crate::raft) fn running_log_on(
    disk: &SimDisk,
    clock: &Arc<ManualClock>,
    recent_bytes_max: usize,
) -> Log {
    let host = Host {
        clock: clock.clone(),
        disk: Arc::new(disk.clone()),
        rng: Arc::new(SeededRng::new(1)),
        spawn: Arc::new(ThreadSpawn),
    };
    start(&host, recent_bytes_max).unwrap()
}

/// Runs a test in time that passes only while everybody waits.
fn in_simulated_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test)
}

fn entry(term: u64, index: u64, payload: Bytes) -> Entry {
    let id = LogId::new_term_index(term, index);
    Entry::new(id, Payload::Normal(Proposal(payload)))
}

/// Term and payload.
fn parts(entry: &Entry) -> (u64, Bytes) {
    let term = entry.log_id.committed_leader_id().term;
    match &entry.payload {
        Payload::Normal(proposal) => (term, proposal.0.clone()),
        _ => panic!("only proposals were appended"),
    }
}

/// Appends, and returns what will be told once it is durable.
async fn append(log: &mut Log, entries: Vec<Entry>) -> std::io::Result<Told> {
    let (tell, told) = Types::oneshot();
    log.append(entries, IOFlushed::signal(tell)).await?;
    Ok(told)
}
