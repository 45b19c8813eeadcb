//! Members whose states differ although their logs do not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::member::in_simulated_time;
use super::world::{SHARD, World, contents, kv, set, store};
use crate::base::host::{Host, Rng, SeededRng, SimSpawn};
use crate::base::types::{ClusterId, NodeId};
use crate::base::{Error, ErrorKind, Result};
use crate::kv::KvCommand;
use crate::machine::{Applied, Command};
use crate::raft::{Member, PeerTransport, SimNetwork};
use crate::server::node::Node;
use crate::server::settings::{EngineKind, ShardKind, WantedShard};
use crate::server::simulated;
use crate::store::{Replicated, Store};

/// More than anything here may take.
const LONG: Duration = Duration::from_secs(60);

/// Time for some comparisons.
const A_WHILE: Duration = Duration::from_secs(4);

/// Frames that are delivered in one moment, at most.
const FRAMES: usize = 100;

/// One member and its machine.
struct Place {
    world: World,
    id: NodeId,
    node: Option<Node>,
}

/// Three members on machines of their own.
struct Three {
    places: Vec<Place>,
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
    async fn found(seed: u64) -> Self {
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
    async fn drive<T>(&self, future: impl Future<Output = T>) -> T {
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
    async fn start(&mut self, at: usize) {
        let end: Arc<dyn PeerTransport> = self.network.end_of(self.places[at].id);
        let world = &mut self.places[at].world;
        world.spawn = SimSpawn::new(world.rng.clone());
        let (host, config) = (host(world), world.config.clone());
        let starting = Box::pin(simulated::start(&host, &config, &end));
        let node = self.drive(starting).await.unwrap();
        self.places[at].node = Some(node);
    }

    /// Ends a member, as its process would.
    async fn end(&mut self, at: usize) {
        let node = self.places[at].node.take().unwrap();
        self.drive(Box::pin(node.leave_groups())).await;
        self.places[at].world.spawn.crash();
        self.places[at].world.disk.kill();
    }

    fn node(&self, at: usize) -> &Node {
        self.places[at].node.as_ref().unwrap()
    }

    fn shard(&self, at: usize) -> Replicated {
        store(self.node(at)).replicated().unwrap().clone()
    }

    fn leader(&self) -> usize {
        let leads = |at: &usize| self.shard(*at).group().leads().is_some();
        (0..3).find(leads).expect("somebody leads")
    }

    /// Asks a member.
    async fn write(&self, at: usize, command: Command) -> Result<Vec<Applied>> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result| drop(tell.send(result)));
        let due = Instant::now() + LONG / 2;
        store(self.node(at)).submit(vec![command], due, done)?;
        self.drive(told).await.unwrap()
    }

    /// Until these members have applied all that was acknowledged.
    async fn settle(&self, members: &[usize]) {
        for at in members {
            let barrier = store(self.node(*at)).barrier(Instant::now() + LONG / 2);
            self.drive(barrier.unwrap()).await.unwrap();
        }
    }

    /// Loses the keys of one member, and makes that show: all others delete one that
    /// it does not have any more.
    async fn damage(&self, at: usize) {
        self.shard(at).lose_keys();
        let key = Bytes::from_static(b"first");
        let via = self.leader();
        self.write(via, kv(KvCommand::Delete { key }))
            .await
            .unwrap();
        self.settle(&[at]).await;
    }

    async fn stopped(&self, at: usize) -> Error {
        self.drive(self.node(at).fatal.raised()).await
    }

    /// Those of the members that must stop.
    fn fatal(&self) -> Vec<usize> {
        let is_fatal = |at: &usize| {
            let node = self.places[*at].node.as_ref();
            node.is_some_and(|node| node.fatal.reason().is_some())
        };
        (0..3).filter(is_fatal).collect()
    }

    /// Comparisons at a member while it led, and those in which somebody differed.
    fn compared(&self, at: usize) -> (u64, u64) {
        let figures = self.shard(at).figures();
        (figures.state_checks, figures.state_mismatches)
    }

    /// Mends every link; nobody has one to itself.
    fn heal(&self) {
        self.network.heal();
        for place in &self.places {
            self.network.cut(place.id, place.id);
        }
    }

    fn cut_off(&self, at: usize) {
        for other in (0..3).filter(|other| *other != at) {
            let (one, other) = (self.places[at].id, self.places[other].id);
            self.network.cut(one, other);
            self.network.cut(other, one);
        }
    }
}

fn assert_says_what_to_do(failure: &Error, name: &str) {
    assert_eq!(failure.kind(), ErrorKind::Corrupt);
    let remove = format!("dkv cluster remove {name})");
    for words in ["shard 100", "after entry", "majority", &remove, "--join"] {
        assert!(failure.message().contains(words), "{failure}");
    }
}

#[test]
fn a_follower_in_another_state_stops_and_the_others_go_on() {
    in_simulated_time(async {
        let mut three = Box::pin(Three::found(1)).await;
        let leader = three.leader();
        let [wrong, right] = [(leader + 1) % 3, (leader + 2) % 3];
        three.drive(sleep(A_WHILE)).await;
        let (checks, mismatches) = three.compared(leader);
        assert!(checks >= 2, "a quiet shard is compared, too");
        assert_eq!(mismatches, 0);
        three.damage(wrong).await;
        let failure = three.stopped(wrong).await;
        assert_says_what_to_do(&failure, &format!("node-{}", wrong + 1));
        assert_eq!(three.fatal(), [wrong]);
        assert!(three.compared(leader).1 > 0);
        let late = three.write(wrong, kv(set("late", "value"))).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
        // One that is as it should be does not stop, whatever it is told.
        let shard = three.shard(right);
        let status = shard.status();
        assert!(!shard.diverged_at(status.applied, status.state_hash));
        assert!(!shard.diverged_at(status.applied.next(), 1));
        three.end(wrong).await;
        let mismatches = three.compared(leader).1;
        for at in [leader, right] {
            three.write(at, kv(set("next", "value"))).await.unwrap();
        }
        three.drive(sleep(A_WHILE)).await;
        three.settle(&[leader, right]).await;
        assert_eq!(three.fatal(), [] as [usize; 0]);
        assert_eq!(three.compared(leader).1, mismatches, "those two agree");
        let [one, other] = [leader, right].map(|at| contents(&store(three.node(at))));
        assert_eq!(one, other);
    });
}

#[test]
fn a_leader_in_another_state_than_the_majority_stops_itself() {
    in_simulated_time(async {
        let mut three = Box::pin(Three::found(2)).await;
        let wrong = three.leader();
        three.damage(wrong).await;
        let failure = three.stopped(wrong).await;
        assert_says_what_to_do(&failure, &format!("node-{}", wrong + 1));
        three.end(wrong).await;
        let right = (wrong + 1) % 3;
        three.write(right, kv(set("next", "value"))).await.unwrap();
        three.drive(sleep(A_WHILE)).await;
        assert_eq!(three.fatal(), [] as [usize; 0]);
    });
}

/// Two members differ and the third cannot be asked: none of them is known to be wrong.
/// When it is back, its state decides.
#[test]
fn without_a_majority_nobody_stops_until_there_is_one() {
    in_simulated_time(async {
        let three = Box::pin(Three::found(3)).await;
        let leader = three.leader();
        let [wrong, away] = [(leader + 1) % 3, (leader + 2) % 3];
        three.cut_off(away);
        three.damage(wrong).await;
        three.drive(sleep(A_WHILE)).await;
        assert!(three.compared(leader).1 > 0, "it must be seen");
        assert_eq!(three.fatal(), [] as [usize; 0]);
        three.heal();
        three.stopped(wrong).await;
        three.drive(sleep(A_WHILE)).await;
        assert_eq!(three.fatal(), [wrong]);
    });
}

/// Its checkpoint has the damage, and nothing was written since: what it has is compared
/// all the same.
#[test]
fn a_member_that_comes_back_as_wrong_as_it_went_stops_again() {
    in_simulated_time(async {
        let mut three = Box::pin(Three::found(4)).await;
        let leader = three.leader();
        let [wrong, away] = [(leader + 1) % 3, (leader + 2) % 3];
        // Without the third it is left alone for now.
        three.cut_off(away);
        three.damage(wrong).await;
        let shard = three.shard(wrong);
        shard.checkpoint_now();
        let covered = async {
            while shard.status().durable < shard.status().applied {
                sleep(Duration::from_millis(1)).await;
            }
        };
        three.drive(covered).await;
        drop(shard);
        assert_eq!(three.fatal(), [] as [usize; 0]);
        three.end(wrong).await;
        three.heal();
        three.start(wrong).await;
        assert_eq!(three.stopped(wrong).await.kind(), ErrorKind::Corrupt);
        assert_eq!(three.fatal(), [wrong]);
    });
}

/// A member that took over rows has come to its state by another way than entries.
#[test]
fn a_snapshot_replaces_what_a_member_remembers() {
    in_simulated_time(async {
        let three = Box::pin(Three::found(5)).await;
        let leader = three.leader();
        let away = (leader + 1) % 3;
        let shard = three.shard(away);
        three.cut_off(away);
        shard.lose_keys();
        let before = shard.status().applied;
        assert!(shard.state_hash_at(before).is_some());
        for number in 0..150 {
            let key = format!("key-{number}");
            three.write(leader, kv(set(&key, "value"))).await.unwrap();
        }
        let shard_of_leader = three.shard(leader);
        let purged = async {
            while shard_of_leader.group_status().purged <= before {
                sleep(Duration::from_millis(1)).await;
            }
        };
        three.drive(purged).await;
        three.heal();
        three.settle(&[away]).await;
        assert_eq!(shard.state_hash_at(before), None);
        let status = shard.status();
        let hash = shard.state_hash_at(status.applied);
        assert_eq!(hash, Some(status.state_hash));
        let seen = three.compared(three.leader());
        three.drive(sleep(A_WHILE)).await;
        let now = three.compared(three.leader());
        assert!(now.0 > seen.0);
        assert_eq!(now.1, seen.1, "they agree");
        assert_eq!(three.fatal(), [] as [usize; 0]);
        let stores: Vec<Store> = (0..3).map(|at| store(three.node(at))).collect();
        assert_eq!(contents(&stores[away]), contents(&stores[leader]));
    });
}
