//! Three members on machines of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::world::{SHARD, World, kv, set, store};
use crate::base::Result;
use crate::base::host::{Host, Rng, SeededRng, SimSpawn};
use crate::base::types::{ClusterId, NodeId};
use crate::machine::{Applied, Command};
use crate::raft::{Member, PeerTransport, SimNetwork};
use crate::server::node::Node;
use crate::server::settings::{EngineKind, ShardKind, WantedShard};
use crate::server::simulated;
use crate::store::Replicated;

/// More than anything here may take.
const LONG: Duration = Duration::from_secs(60);

/// Frames that are delivered in one moment, at most.
const FRAMES: usize = 100;

/// One member and its machine.
pub(super) struct Place {
    pub(super) world: World,
    id: NodeId,
    pub(super) node: Option<Node>,
}

/// Three members on machines of their own.
pub(super) struct Three {
    pub(super) places: Vec<Place>,
    network: SimNetwork,
}

impl Place {
    fn new(number: u8, rng: &Arc<SeededRng>) -> Self {
        let mut world = World::new(rng.below(u64::MAX));
        let shard = WantedShard {
            id: SHARD,
            kind: ShardKind::Dstore,
            engine: Some(EngineKind::Memory),
        };
        world.config.node_id = Some(format!("node-{number}"));
        world.config.shards = vec![shard];
        world.config.wal_segment_bytes = 1 << 20;
        world.config.snapshot_entries = 50;
        world.config.cluster.compaction_overhead = 0;
        let id = simulated::mint(&host(&world), &world.config).unwrap();
        Self {
            world,
            id,
            node: None,
        }
    }
}

fn host(world: &World) -> Host {
    Host {
        clock: world.clock.clone(),
        rng: world.rng.clone(),
        disk: Arc::new(world.disk.clone()),
        spawn: Arc::new(world.spawn.clone()),
    }
}

impl Three {
    /// They are a cluster, which has a leader.
    pub(super) async fn found(seed: u64) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let places: Vec<_> = (1..=3).map(|number| Place::new(number, &rng)).collect();
        let member = |place: &Place| Member {
            name: place.world.config.node_id.clone().unwrap(),
            wants_vote: true,
            ..Member::default()
        };
        let members: BTreeMap<_, _> = places.iter().map(|it| (it.id, member(it))).collect();
        for (at, place) in places.iter().enumerate() {
            let founders = if at == 0 {
                members.clone()
            } else {
                BTreeMap::new()
            };
            let cluster = ClusterId([9; 16]);
            simulated::enter(&host(&place.world), &place.world.config, cluster, founders).unwrap();
        }
        let mut three = Self {
            places,
            network: SimNetwork::new(rng),
        };
        for at in 0..3 {
            three.start(at).await;
        }
        three.heal();
        three.write(0, kv(set("first", "value"))).await.unwrap();
        three.settle(&[0, 1, 2]).await;
        three
    }

    /// Lets everybody work while `future` waits, at most for a long time.
    pub(super) async fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let working = async {
            loop {
                sleep(Duration::from_millis(1)).await;
                for place in &self.places {
                    place.world.clock.advance_ms(1);
                    place.world.spawn.run_until_idle();
                }
                let mut frames = 0..FRAMES;
                while frames.next().is_some() && self.network.deliver_one() {}
            }
        };
        tokio::select! {
            biased;
            out = timeout(LONG, future) => out.expect("it takes too long"),
            () = working => unreachable!("it never ends"),
        }
    }

    /// Starts a member, with what its disk has.
    pub(super) async fn start(&mut self, at: usize) {
        let end: Arc<dyn PeerTransport> = self.network.end_of(self.places[at].id);
        let world = &mut self.places[at].world;
        world.spawn = SimSpawn::new(world.rng.clone());
        let (host, config) = (host(world), world.config.clone());
        let starting = Box::pin(simulated::start(&host, &config, &end));
        let node = self.drive(starting).await.unwrap();
        self.places[at].node = Some(node);
    }

    /// Ends a member, as its process would.
    pub(super) async fn end(&mut self, at: usize) {
        let node = self.places[at].node.take().unwrap();
        self.drive(Box::pin(node.leave_groups())).await;
        self.places[at].world.spawn.crash();
        self.places[at].world.disk.kill();
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        self.places[at].node.as_ref().unwrap()
    }

    pub(super) fn shard(&self, at: usize) -> Replicated {
        store(self.node(at)).replicated().unwrap().clone()
    }

    pub(super) fn leader(&self) -> usize {
        let leads = |at: &usize| self.shard(*at).group().leads().is_some();
        (0..3).find(leads).expect("somebody leads")
    }

    /// Asks a member.
    pub(super) async fn write(&self, at: usize, command: Command) -> Result<Vec<Applied>> {
        self.write_within(LONG / 2, at, command).await
    }

    /// The same, for as long as the client waits.
    pub(super) async fn write_within(
        &self,
        patience: Duration,
        at: usize,
        command: Command,
    ) -> Result<Vec<Applied>> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result| drop(tell.send(result)));
        let due = Instant::now() + patience;
        store(self.node(at)).submit(vec![command], due, done)?;
        self.drive(told).await.unwrap()
    }

    /// Until these members have applied all that was acknowledged.
    pub(super) async fn settle(&self, members: &[usize]) {
        for at in members {
            let barrier = store(self.node(*at)).barrier(Instant::now() + LONG / 2);
            self.drive(barrier.unwrap()).await.unwrap();
        }
    }

    /// Mends every link; nobody has one to itself.
    pub(super) fn heal(&self) {
        self.network.heal();
        for place in &self.places {
            self.network.cut(place.id, place.id);
        }
    }

    /// From now on so many of a hundred frames are lost, between all of them.
    pub(super) fn lose(&self, percent: u64) {
        self.network.lose(percent);
    }

    pub(super) fn cut_off(&self, at: usize) {
        for other in (0..3).filter(|other| *other != at) {
            let (one, other) = (self.places[at].id, self.places[other].id);
            self.network.cut(one, other);
            self.network.cut(other, one);
        }
    }

    /// Writes until a member that is cut off lacks entries that nobody has any more.
    pub(super) async fn leave_behind(&self, away: usize) {
        let leader = self.leader();
        for number in 0..150 {
            let key = format!("key-{number}");
            self.write(leader, kv(set(&key, "value"))).await.unwrap();
        }
        let before = self.shard(away).status().applied;
        let leader = self.shard(leader);
        let purged = async {
            while leader.group_status().purged <= before {
                sleep(Duration::from_millis(1)).await;
            }
        };
        self.drive(purged).await;
    }
}
