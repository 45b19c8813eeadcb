//! A member of a cluster whose disk fails, fills up or stands still.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::world::{SHARD, World, kv, set, store};
use crate::base::host::{Host, SimSpawn};
use crate::base::types::ClusterId;
use crate::base::{ErrorKind, Result};
use crate::machine::Applied;
use crate::raft::{Member, SimNetwork};
use crate::server::node::Node;
use crate::server::settings::{EngineKind, ShardKind, WantedShard};
use crate::server::simulated;
use crate::store::Store;

/// More than anything here may take.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// Many of them fill a disk soon.
const VALUE_BYTES: usize = 20_000;

type Told = tokio::sync::oneshot::Receiver<Result<Vec<Applied>>>;

/// Runs a test in time that passes only while everybody waits.
pub(super) fn in_simulated_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// Lets the background work go on while `future` waits, at most for a long time.
pub(super) async fn drive<T>(world: &World, future: impl Future<Output = T>) -> Option<T> {
    let working = async {
        loop {
            sleep(Duration::from_millis(1)).await;
            world.clock.advance_ms(1);
            world.spawn.run_until_idle();
        }
    };
    tokio::select! {
        biased;
        out = timeout(LONG, future) => out.ok(),
        () = working => None,
    }
}

/// A cluster of one, which has a leader.
async fn member(seed: u64) -> (World, Node) {
    member_with(seed, EngineKind::Memory).await
}

async fn member_with(seed: u64, engine: EngineKind) -> (World, Node) {
    member_with_log(seed, engine, 4 << 20).await
}

/// The same, with segments of so many bytes.
pub(super) async fn member_with_log(
    seed: u64,
    engine: EngineKind,
    segment_bytes: u64,
) -> (World, Node) {
    let mut world = World::new(seed);
    world.spawn = SimSpawn::new(world.rng.clone());
    world.config.node_id = Some("node-1".to_owned());
    world.config.shards = vec![WantedShard {
        id: SHARD,
        kind: ShardKind::Dstore,
        engine: Some(engine),
    }];
    world.config.wal_segment_bytes = segment_bytes;
    world.config.snapshot_entries = 1_000_000;
    world.config.snapshot_bytes = 1 << 40;
    world.config.disk_engine.unflushed_bytes_max = 256 << 20;
    let (host, config) = (host(&world), &world.config);
    let id = simulated::mint(&host, config).unwrap();
    let me = Member {
        name: "node-1".to_owned(),
        peer_address: "node-1:1".to_owned(),
        client_address: "node-1:2".to_owned(),
        wants_vote: false,
        leaving: false,
    };
    let founders = BTreeMap::from([(id, me)]);
    simulated::enter(&host, config, ClusterId([9; 16]), founders).unwrap();
    let node = start(&world).await;
    let first = submit(&store(&node), "first", LONG);
    drive(&world, first)
        .await
        .expect("it leads")
        .unwrap()
        .unwrap();
    (world, node)
}

fn host(world: &World) -> Host {
    Host {
        clock: world.clock.clone(),
        rng: world.rng.clone(),
        disk: Arc::new(world.disk.clone()),
        spawn: Arc::new(world.spawn.clone()),
    }
}

async fn start(world: &World) -> Node {
    try_start(world).await.expect("it starts")
}

/// Nothing if it does not start in a long time: then nobody waits for it any more.
async fn try_start(world: &World) -> Option<Node> {
    let (host, config) = (host(world), &world.config);
    let id = simulated::mint(&host, config).unwrap();
    let end = SimNetwork::new(world.rng.clone()).end_of(id);
    let starting = Box::pin(simulated::start(&host, config, &end));
    let started = drive(world, starting).await;
    started.map(Result::unwrap)
}

/// A life ends, and the next one begins with what is on the disk.
async fn kill_and_start(world: &mut World, node: Node) -> Node {
    drop(node);
    world.spawn.crash();
    world.disk.kill();
    world.spawn = SimSpawn::new(world.rng.clone());
    start(world).await
}

pub(super) fn submit(shard: &Store, key: &str, within: Duration) -> Told {
    let (tell, told) = tokio::sync::oneshot::channel();
    let done = Box::new(move |result| drop(tell.send(result)));
    let command = kv(set(key, &"v".repeat(VALUE_BYTES)));
    let due = Instant::now() + within;
    shard.submit(vec![command], due, done).unwrap();
    told
}

/// The log could not be written, which ended the group. The node lived on without it, and
/// still called itself the leader.
#[test]
fn a_log_that_cannot_be_written_stops_a_member() {
    in_simulated_time(async {
        let (world, node) = Box::pin(member(31)).await;
        world.disk.fail_after(0, io::ErrorKind::Other);
        let told = submit(&store(&node), "lost", LONG);
        let unknown = drive(&world, told).await.expect("it is told").unwrap();
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Timeout);
        let raised = drive(&world, node.fatal.raised()).await;
        let failure = raised.expect("nothing stopped the node");
        assert_eq!(failure.kind(), ErrorKind::Internal);
        assert!(failure.message().contains(&format!("shard {SHARD}")));
    });
}

/// As many entries were under way as may be, and the disk stood still. Whoever came next
/// waited for them, far beyond the own deadline.
#[test]
fn a_write_that_waits_for_others_keeps_its_own_deadline() {
    in_simulated_time(async {
        let (_world, node) = Box::pin(member(32)).await;
        let shard = store(&node);
        let mut under_way = Vec::new();
        for at in 0..4 {
            under_way.push(submit(&shard, &format!("key-{at}"), 60 * LONG));
            sleep(Duration::from_millis(1)).await;
        }
        let waits = submit(&shard, "waits", Duration::from_millis(500));
        let told = timeout(Duration::from_secs(1), waits).await;
        let refused = told.expect("its time is over").unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(refused.message().contains("earlier writes"), "{refused}");
    });
}

/// What was proposed together was told together: when the last of it had no time left.
#[test]
fn a_write_that_was_proposed_with_others_keeps_its_own_deadline() {
    in_simulated_time(async {
        let (world, node) = Box::pin(member(35)).await;
        let shard = store(&node);
        let short = Duration::from_millis(500);
        let late = submit(&shard, "patient", 60 * LONG);
        let (began, soon) = (Instant::now(), submit(&shard, "soon", short));
        let told = timeout(LONG, soon)
            .await
            .expect("it waits for the other one");
        assert_eq!(told.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
        let took = began.elapsed();
        assert!(
            took >= short && took < short + Duration::from_millis(50),
            "{took:?}"
        );
        // The disk works again: whoever has time left is told what became of it.
        let told = drive(&world, late).await.expect("it is told").unwrap();
        assert_eq!(told.unwrap().len(), 1);
    });
}

/// What came while a shard was closing was put where nobody looked any more.
#[test]
fn a_closed_shard_answers_what_comes_late() {
    in_simulated_time(async {
        let (world, node) = Box::pin(member(33)).await;
        let shard = store(&node);
        let closing = drive(&world, Box::pin(node.leave_groups())).await;
        closing.expect("it closes");
        let told = submit(&shard, "late", LONG);
        let told = drive(&world, timeout(LONG / 2, told)).await.unwrap();
        let refused = told.expect("a write is told").unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        let barrier = shard.barrier(Instant::now() + LONG).unwrap();
        let read = drive(&world, timeout(LONG / 2, barrier)).await.unwrap();
        let refused = read.expect("a read is told").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
    });
}

/// A group that waited for room on a full disk did not hear that it was to end, and a node
/// that was told to stop never did.
#[test]
fn a_member_with_a_full_disk_can_be_stopped() {
    in_simulated_time(async {
        let (world, node) = Box::pin(member(34)).await;
        let shard = store(&node);
        world.disk.set_capacity_bytes(Some(24 << 20));
        // More than there is room for, before the log knows that.
        let key = |at| format!("key-{at}");
        let mut told: Vec<_> = (0..1_500)
            .map(|at| submit(&shard, &key(at), LONG / 4))
            .collect();
        drive(&world, sleep(LONG / 2)).await.unwrap();
        let last = told.pop().expect("there are some").await.unwrap();
        assert!(last.is_err(), "there was room for all of them");
        let left = drive(&world, Box::pin(node.leave_groups())).await;
        left.expect("it waits for room that never comes");
        assert_eq!(node.fatal.reason(), None, "nothing has failed");
    });
}

/// Whoever applied the log at the start waited for a checkpoint, which only a started shard
/// makes: the node never started, however often it was tried.
#[test]
fn a_member_starts_whose_log_has_more_than_may_be_in_memory_alone() {
    in_simulated_time(async {
        let (mut world, node) = Box::pin(member_with(36, EngineKind::Redb)).await;
        for at in 0..20 {
            let told = submit(&store(&node), &format!("key-{at}"), LONG);
            let told = drive(&world, told).await.expect("it is told").unwrap();
            told.unwrap();
        }
        assert_eq!(store(&node).status().durable.0, 0, "no checkpoint has it");
        world.config.disk_engine.unflushed_bytes_max = 3 * VALUE_BYTES as u64;
        let node = Box::pin(kill_and_start(&mut world, node)).await;
        let after = submit(&store(&node), "after", LONG);
        let told = drive(&world, after).await.expect("it leads").unwrap();
        told.unwrap();
        assert!(store(&node).status().durable.0 > 0, "a checkpoint was due");
    });
}

/// A start that waited for room on a full disk could not be given up: what it had begun kept the
/// directory.
#[test]
fn a_start_that_waits_for_room_can_be_given_up_and_tried_again() {
    in_simulated_time(async {
        let (mut world, node) = Box::pin(member_with(37, EngineKind::Redb)).await;
        for at in 0..20 {
            let told = submit(&store(&node), &format!("key-{at}"), LONG);
            drive(&world, told)
                .await
                .expect("it is told")
                .unwrap()
                .unwrap();
        }
        world.config.disk_engine.unflushed_bytes_max = 3 * VALUE_BYTES as u64;
        drop(node);
        world.spawn.crash();
        world.disk.kill();
        world.spawn = SimSpawn::new(world.rng.clone());
        world.disk.set_capacity_bytes(Some(1));
        assert!(Box::pin(try_start(&world)).await.is_none(), "there is room");
        world.disk.set_capacity_bytes(None);
        world.spawn.run_until_idle();
        Box::pin(start(&world)).await;
    });
}
