//! A simulated machine and the node that lives on it, again and again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use dkv::base::Result;
use dkv::base::host::sim_disk::SimDisk;
use dkv::base::host::{Host, Rng, SeededRng, SimSpawn};
use dkv::base::time::MachineTime;
use dkv::base::types::{LogIndex, NodeId};
use dkv::machine::HistoryLimits;
use dkv::raft::{Ballot, Group, GroupStatus};
use dkv::server::service::{Answer, Operation};
use dkv::server::settings::{
    ClusterConfig, DiskEngineConfig, EngineKind, ServeConfig, ShardKind, WantedShard,
};
use dkv::server::{Node, simulated};
use dkv::store::{Replicated, ShardStatus, WatchFigures};

use crate::SHARD;
use crate::clocks::MachineClock;
use crate::lines::Wire;
use crate::links::{self, Weather};
use crate::members::Errand;
use crate::stage::Stage;
use crate::wired;

/// Requests that wait at a node; clients are few.
const REQUESTS_MAX: usize = 64;

/// Background work at one moment, at most.
const STEPS_MAX: u64 = 4;

/// What a client asks of a node. Whoever answers may find that nobody listens any more.
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) within: Duration,
    pub(crate) tell: oneshot::Sender<Result<Answer>>,
}

/// What a node is to do.
pub(crate) enum Job {
    Answer(Request),
    /// It serves watches.
    Watch(Wire),
    Run(Errand),
}

/// How the nodes of a run are set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) engine: EngineKind,
    pub(crate) snapshot_entries: u64,
    pub(crate) unflushed_bytes_max: u64,
    pub(crate) compaction_overhead: u64,
    pub(crate) wal_segment_bytes: u64,
    pub(crate) history: HistoryLimits,
    /// They listen to clients.
    pub(crate) has_port: bool,
}

/// See the module.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) disk: SimDisk,
    pub(crate) clock: MachineClock,
    pub(crate) weather: Arc<Weather>,
    rng: Arc<SeededRng>,
    config: ServeConfig,
    has_port: bool,
    /// What clients have to the node.
    connections: Arc<wired::Open>,
    /// They end now.
    hangs_up: AtomicBool,
    stage: Arc<Stage>,
    place: Mutex<Option<Place>>,
    spawn: Mutex<SimSpawn>,
    life: Mutex<Option<Life>>,
    lives: AtomicU64,
    is_paused: AtomicBool,
    /// Of a hundred moments, in how many the disk does nothing.
    disk_lag_percent: AtomicU64,
    /// Its disk stops or has stopped: the node may say so.
    is_dying: AtomicBool,
    /// The node has said that it cannot go on.
    has_stopped: AtomicBool,
}

/// Who the node is, and the machines of the others.
struct Place {
    node: NodeId,
    others: BTreeMap<NodeId, String>,
}

/// One life of a node, as others see it.
struct Life {
    number: u64,
    node: Arc<Node>,
    shard: Replicated,
    jobs: mpsc::Sender<Job>,
}

impl Life {
    fn watches(&self) -> WatchFigures {
        let shard = self.node.service.shard(SHARD).expect("it is there");
        shard.store.watch_figures()
    }
}

/// What there is to see of a node.
pub(crate) struct Glimpse {
    pub(crate) life: u64,
    pub(crate) shard: ShardStatus,
    pub(crate) group: GroupStatus,
    pub(crate) ballot: Ballot,
    /// Which term it leads, with everything applied that was before.
    pub(crate) leads: Option<u64>,
    /// The last entry applied, the machine time of it, and of now by this machine's clock.
    pub(crate) state: (LogIndex, MachineTime, MachineTime),
    pub(crate) clock_us: u64,
    pub(crate) handle: Group,
    pub(crate) store: Replicated,
    pub(crate) watches: WatchFigures,
    /// How often it compared its state with that of the others, in this life.
    pub(crate) state_checks: u64,
    pub(crate) fatal: Option<String>,
    /// Why it takes no writes, if its disk is full.
    pub(crate) read_only: Option<String>,
    /// So says the log, which looks often whether there is room again.
    pub(crate) is_log_full: bool,
}

impl Machine {
    pub(crate) fn new(name: &str, seed: u64, setup: &Setup, stage: &Arc<Stage>) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let shard = WantedShard {
            id: SHARD,
            kind: ShardKind::Dstore,
            engine: Some(setup.engine),
        };
        let config = ServeConfig {
            data_dir: PathBuf::from("/data"),
            node_id: Some(name.to_owned()),
            shards: vec![shard],
            wal_segment_bytes: setup.wal_segment_bytes,
            snapshot_entries: setup.snapshot_entries,
            history: setup.history,
            disk_engine: DiskEngineConfig {
                cache_bytes: 1 << 20,
                unflushed_bytes_max: setup.unflushed_bytes_max,
                ..DiskEngineConfig::default()
            },
            cluster: ClusterConfig {
                heartbeat: Duration::from_millis(50),
                election_timeout: Duration::from_millis(400),
                compaction_overhead: setup.compaction_overhead,
                ..ClusterConfig::default()
            },
            ..ServeConfig::default()
        };
        Self {
            name: name.to_owned(),
            disk: SimDisk::new(rng.clone()),
            clock: MachineClock::default(),
            weather: Arc::new(Weather::new(stage, &rng)),
            spawn: Mutex::new(SimSpawn::new(rng.clone())),
            rng,
            config,
            has_port: setup.has_port,
            connections: Arc::default(),
            hangs_up: AtomicBool::new(false),
            stage: stage.clone(),
            place: Mutex::new(None),
            life: Mutex::new(None),
            lives: AtomicU64::new(0),
            is_paused: AtomicBool::new(false),
            disk_lag_percent: AtomicU64::new(0),
            is_dying: AtomicBool::new(false),
            has_stopped: AtomicBool::new(false),
        }
    }

    fn host(&self) -> Host {
        Host {
            clock: self.clock.shown(),
            rng: self.rng.clone(),
            disk: Arc::new(self.disk.clone()),
            spawn: Arc::new(self.spawn.lock().clone()),
        }
    }

    /// Where clients find the node, if it listens to them.
    pub(crate) fn client_address(&self) -> String {
        match self.has_port {
            true => wired::address(&self.name),
            false => String::new(),
        }
    }

    /// Makes the node somebody.
    pub(crate) fn mint(&self) -> Result<NodeId> {
        simulated::mint(&self.host(), &self.config)
    }

    /// Makes it part of a cluster; whoever is given members founds it.
    pub(crate) fn enter(
        &self,
        node: NodeId,
        others: BTreeMap<NodeId, String>,
        founders: BTreeMap<NodeId, dkv::raft::Member>,
    ) -> Result<()> {
        *self.place.lock() = Some(Place { node, others });
        let cluster = dkv::base::types::ClusterId([9; 16]);
        simulated::enter(&self.host(), &self.config, cluster, founders)
    }

    /// A life, from start to crash. Goes on for ever.
    pub(crate) async fn live(self: Arc<Self>) -> turmoil::Result {
        let number = self.lives.fetch_add(1, Ordering::SeqCst) + 1;
        let fresh = SimSpawn::new(self.rng.clone());
        *self.spawn.lock() = fresh.clone();
        tokio::task::spawn_local(self.clone().work(fresh));
        if let Some((node, jobs)) = self.start(number).await? {
            work_off(self, node, jobs).await;
        }
        std::future::pending().await
    }

    async fn start(
        &self,
        number: u64,
    ) -> turmoil::Result<Option<(Arc<Node>, mpsc::Receiver<Job>)>> {
        let (me, others) = {
            let place = self.place.lock();
            let place = place.as_ref().expect("it entered a cluster before");
            (place.node, place.others.clone())
        };
        let links = links::open(me, number, &others, &self.weather).await?;
        let node = match simulated::start(&self.host(), &self.config, &links).await {
            Ok(node) => Arc::new(node),
            Err(error) => {
                self.ended_badly(&error.to_string());
                return Ok(None);
            }
        };
        if self.has_port {
            let (config, connections) = (self.config.clone(), self.connections.clone());
            let serving = wired::serve(self.host(), config, node.clone(), connections);
            tokio::task::spawn_local(serving);
        }
        let store = node.service.shard(SHARD)?.store.clone();
        let shard = store.replicated().expect("it is a dstore").clone();
        let (jobs, waiting) = mpsc::channel(REQUESTS_MAX);
        self.stage.note(format!("{} lives ({number})", self.name));
        *self.life.lock() = Some(Life {
            number,
            node: node.clone(),
            shard,
            jobs,
        });
        Ok(Some((node, waiting)))
    }

    /// What a node says that cannot go on, which it may if its disk has stopped or failed.
    fn ended_badly(&self, why: &str) {
        self.has_stopped.store(true, Ordering::SeqCst);
        let may = self.is_dying.load(Ordering::SeqCst) || self.disk.has_failed_write();
        match may {
            true => self.stage.note(format!("{} stopped: {why}", self.name)),
            false => self.stage.is_wrong(format!("{} stopped: {why}", self.name)),
        }
    }

    /// Background work, a little at each moment.
    async fn work(self: Arc<Self>, steps: SimSpawn) {
        loop {
            if self.hangs_up.swap(false, Ordering::SeqCst) {
                self.connections.end();
            }
            let lags = self.rng.below(100) < self.disk_lag_percent.load(Ordering::SeqCst);
            if !lags && !self.is_paused.load(Ordering::SeqCst) {
                for _ in 0..=self.rng.below(STEPS_MAX) {
                    steps.poll_one();
                }
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Hands a job to the node, if one lives.
    pub(crate) fn give(&self, job: Job) -> bool {
        let life = self.life.lock();
        life.as_ref()
            .is_some_and(|life| life.jobs.try_send(job).is_ok())
    }

    pub(crate) fn look(&self) -> Option<Glimpse> {
        let life = self.life.lock();
        let life = life.as_ref()?;
        let group = life.shard.group();
        let (applied, then) = life
            .shard
            .read(|machine| (machine.state().applied, machine.state().now));
        Some(Glimpse {
            life: life.number,
            shard: life.shard.status(),
            group: life.shard.group_status(),
            ballot: group.ballot(),
            leads: group.leads(),
            state: (applied, then, life.shard.now()),
            clock_us: self.clock.now_us(),
            handle: group.clone(),
            store: life.shard.clone(),
            watches: life.watches(),
            state_checks: life.shard.figures().state_checks,
            fatal: life.node.fatal.reason(),
            read_only: life.node.read_only()(),
            is_log_full: life.node.wal.status().read_only.is_some(),
        })
    }

    /// True if a node lives here, and its disk is as it should be.
    pub(crate) fn is_well(&self) -> bool {
        self.life.lock().is_some() && !self.disk.has_failed_write()
    }

    /// How the node is, for whoever reads the trace of a run that went wrong.
    pub(crate) fn describe(&self) -> String {
        match self.look() {
            None => format!("{} does not live", self.name),
            Some(Glimpse { shard, group, .. }) => {
                let durable = shard.durable;
                format!(
                    "{} ({}): durable {durable}, {group:?}",
                    self.name,
                    self.node()
                )
            }
        }
    }

    /// A node that says that it must not go on: wrong, unless its disk has stopped.
    pub(crate) fn note_fatal(&self, why: &str) {
        self.ended_badly(why);
        *self.life.lock() = None;
    }

    /// Something that must not be was said there.
    pub(crate) fn is_wrong(&self, what: impl std::fmt::Display) {
        self.stage.is_wrong(format!("{}: {what}", self.name));
    }

    /// True once the node has said that it cannot go on.
    pub(crate) fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::SeqCst)
    }

    /// Who lives here.
    pub(crate) fn node(&self) -> NodeId {
        let place = self.place.lock();
        place.as_ref().expect("it entered a cluster before").node
    }

    /// Leaves so much room on the disk.
    pub(crate) fn fill_disk(&self, free_bytes: u64) {
        let used: u64 = self.disk.files().iter().map(|(_, bytes)| bytes).sum();
        self.disk.set_capacity_bytes(Some(used + free_bytes));
    }

    pub(crate) fn checkpoint_now(&self) {
        if let Some(life) = self.life.lock().as_ref() {
            life.shard.checkpoint_now();
        }
    }

    pub(crate) fn pause(&self, pauses: bool) {
        self.is_paused.store(pauses, Ordering::SeqCst);
    }

    pub(crate) fn lag(&self, percent: u64) {
        self.disk_lag_percent.store(percent, Ordering::SeqCst);
    }

    /// From here on the disk may stop in the middle of whatever it does.
    pub(crate) fn begin_to_die(&self, operations: u64) {
        self.is_dying.store(true, Ordering::SeqCst);
        self.disk.halt_after(operations);
    }

    /// The system ends the connections of a process that is about to die, and says so.
    pub(crate) fn hang_up(&self) {
        self.hangs_up.store(true, Ordering::SeqCst);
    }

    /// Nothing leaves the machine any more. Before the simulated runtime goes.
    pub(crate) fn fall_silent(&self) {
        self.connections.end();
    }

    /// What is left once the simulated runtime is gone.
    pub(crate) fn die(&self, of_power_loss: bool) {
        *self.life.lock() = None;
        self.spawn.lock().crash();
        self.is_paused.store(false, Ordering::SeqCst);
        self.is_dying.store(false, Ordering::SeqCst);
        self.hangs_up.store(false, Ordering::SeqCst);
        self.has_stopped.store(false, Ordering::SeqCst);
        if of_power_loss {
            self.disk.crash();
            self.clock.reboot(self.rng.below(u64::MAX));
        } else {
            self.disk.kill();
        }
    }
}

/// Does what is asked of the node.
async fn work_off(machine: Arc<Machine>, node: Arc<Node>, mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        while machine.is_paused() {
            sleep(Duration::from_millis(1)).await;
        }
        match job {
            Job::Answer(request) => drop(tokio::task::spawn_local(answer(node.clone(), request))),
            Job::Watch(wire) => {
                drop(tokio::task::spawn_local(
                    wire.serve(machine.clone(), node.clone()),
                ));
            }
            Job::Run(errand) => {
                let store = &node.service.shard(SHARD).expect("it is there").store;
                let group = store.replicated().expect("it is a dstore").group().clone();
                let errand = errand.run(machine.name.clone(), group, machine.stage.clone());
                drop(tokio::task::spawn_local(errand));
            }
        }
    }
}

async fn answer(node: Arc<Node>, request: Request) {
    let due = Instant::now() + request.within;
    let answer = node.service.call(SHARD, request.operation, due).await;
    // The client has given up, or never meant to hear of it.
    drop(request.tell.send(answer));
}
