//! Power losses, kills and failing disks, at every moment: nothing acknowledged is
//! lost, nothing is half there, nothing is applied twice.

use std::io::ErrorKind;

use super::world::{Witness, World, any_durability, store};
use crate::base::host::{Disk, Rng};
use crate::server::settings::EngineKind;
use crate::store::Durability;

const SEEDS: u64 = 60;

/// Random groups, random interleaving, then the power fails or the process is killed;
/// several times over, on one disk.
#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let mut acknowledged = 0;
    let mut lost = 0;
    let mut repeated = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.config.durability = any_durability(&world);
        let mut witness = Witness::default();
        for _ in 0..6 {
            live_and_die(&mut world, &mut witness);
        }
        acknowledged += witness.acknowledged;
        lost += witness.lost_unacknowledged;
        repeated += witness.repeated;
    }
    assert!(
        acknowledged > 1_000,
        "only {acknowledged} acknowledged: the test saw nothing"
    );
    assert!(
        lost > 20,
        "only {lost} unacknowledged groups were lost: the crashes were too kind"
    );
    assert!(repeated > 100, "only {repeated} requests were repeated");
}

fn live_and_die(world: &mut World, witness: &mut Witness) {
    let node = world.open().unwrap();
    let shard = store(&node);
    witness.look(&shard);
    for _ in 0..world.rng.below(60) {
        assert!(witness.submit(world, &shard));
        world.clock.advance_ms(world.rng.below(30));
        for _ in 0..world.rng.below(8) {
            world.spawn.poll_one();
            witness.look(&shard);
        }
    }
    if world.chance(30) {
        world.spawn.run_until_idle();
    }
    let power = world.chance(60);
    die(world, power);
    drop((shard, node));
    let strict = !power || world.config.durability == Durability::Fsync;
    let node = world.open().unwrap();
    let shard = store(&node);
    witness.check(&shard, strict);
    witness.repeat_last(world, &shard);
    die(world, false);
}

fn die(world: &World, power: bool) {
    world.spawn.crash();
    if power {
        world.disk.crash();
    } else {
        world.disk.kill();
    }
}

/// The same life, but its n-th disk operation fails, for every n: the node stops, and
/// after a power loss comes back whole.
#[test]
fn every_failing_disk_operation_stops_the_node_and_loses_nothing() {
    let mut n = 0;
    let mut stopped = 0;
    loop {
        let mut world = World::new(n);
        let mut witness = Witness::default();
        world.disk.fail_after(n, ErrorKind::Other);
        let Some(fatal) = one_life(&mut world, &mut witness) else {
            // Even the start failed; nothing was acknowledged.
            recover(&mut world, &mut witness);
            n += 1;
            continue;
        };
        let failed = world.disk.operations() > n;
        stopped += u64::from(fatal);
        recover(&mut world, &mut witness);
        if !failed {
            break;
        }
        n += 1;
    }
    assert!(n > 100, "a life has only {n} disk operations");
    assert!(stopped > 50, "only {stopped} failures stopped the node");
}

/// The n-th operation of a recovery is its last, for every n; the recovery after it
/// must still find everything.
#[test]
fn a_crash_during_recovery_loses_nothing() {
    for seed in 0..6 {
        let engine = EngineKind::ALL[usize::from(seed < 2)];
        let mut n = 0;
        loop {
            let mut world = World::new(seed);
            world.keep_rows_in(engine);
            let mut witness = Witness::default();
            one_life(&mut world, &mut witness).unwrap();
            die(&world, true);
            world.disk.halt_after(n);
            let finished = world.open().is_ok();
            recover(&mut world, &mut witness);
            if finished {
                break;
            }
            n += 1;
        }
        eprintln!(
            "XX seed {seed} n {n} {:?}",
            World::new(seed).config.shards[0].engine
        );
        assert!(n > 10, "a recovery has only {n} disk operations");
    }
}

/// A life of fixed length. `None`: the node did not start; else whether it stopped.
fn one_life(world: &mut World, witness: &mut Witness) -> Option<bool> {
    let node = world.open().ok()?;
    let shard = store(&node);
    for _ in 0..60 {
        if !witness.submit(world, &shard) {
            break;
        }
        world.clock.advance_ms(5);
        for _ in 0..world.rng.below(6) {
            world.spawn.poll_one();
        }
        if world.chance(20) {
            world.spawn.run_until_idle();
        }
    }
    world.spawn.run_until_idle();
    Some(node.fatal.reason().is_some())
}

fn recover(world: &mut World, witness: &mut Witness) {
    die(world, true);
    let node = world.open().unwrap();
    let shard = store(&node);
    witness.check(&shard, true);
    witness.repeat_last(world, &shard);
}

/// Damage in the middle of what was synced is refused, naming file and offset.
#[test]
fn a_damaged_log_is_refused() {
    let mut world = World::new(3);
    let mut witness = Witness::default();
    world.config.snapshot_entries = 1_000_000;
    one_life(&mut world, &mut witness).unwrap();
    die(&world, false);
    let files = world.disk.files();
    let (path, _) = files
        .iter()
        .find(|(path, _)| path.extension().is_some_and(|extension| extension == "wal"))
        .expect("there is a log");
    world.disk.flip(path, 4_096 + 200, 0x10);
    let Err(refused) = world.open() else {
        panic!("a damaged log was opened")
    };
    let message = refused.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(message.contains("damaged at byte"), "{message}");
}

/// A log that was there and is gone must not be taken for a new one.
#[test]
fn a_missing_log_is_refused() {
    let mut world = World::new(4);
    let mut witness = Witness::default();
    one_life(&mut world, &mut witness).unwrap();
    die(&world, false);
    for (path, _) in world.disk.files() {
        if path.starts_with("/data/wal") {
            world.disk.remove(&path).unwrap();
        }
    }
    let Err(refused) = world.open() else {
        panic!("a node without its log was opened")
    };
    assert!(refused.to_string().contains("the log is gone"), "{refused}");
}

/// A spare file, which holds nothing, was taken for the log: the node started empty.
#[test]
fn a_missing_log_is_refused_although_its_spare_files_are_there() {
    let mut world = World::new(5);
    let mut witness = Witness::default();
    one_life(&mut world, &mut witness).unwrap();
    die(&world, false);
    let mut spares = 0;
    for (path, _) in world.disk.files() {
        let is_spare = path.to_string_lossy().contains("/spare-");
        spares += usize::from(is_spare);
        if path.starts_with("/data/wal") && !is_spare {
            world.disk.remove(&path).unwrap();
        }
    }
    assert!(spares > 0, "there is no spare file to be mistaken");
    let Err(refused) = world.open() else {
        panic!("a node without its log was opened")
    };
    assert!(refused.to_string().contains("the log is gone"), "{refused}");
}

/// The node took a new identity, and called its own log another node's.
#[test]
fn a_missing_manifest_is_refused_by_name() {
    let mut world = World::new(6);
    let mut witness = Witness::default();
    one_life(&mut world, &mut witness).unwrap();
    die(&world, false);
    let manifest = std::path::Path::new("/data/manifest");
    world.disk.remove(manifest).unwrap();
    for _ in 0..2 {
        let Err(refused) = world.open() else {
            panic!("a node without its manifest was opened")
        };
        let refused = refused.to_string();
        assert!(
            refused.contains("/data/manifest: the manifest is gone"),
            "{refused}"
        );
    }
}

/// A checkpoint that was there and is gone, after the log let its entries go, must not be
/// taken for a new shard: revisions and fences would begin again.
#[test]
fn a_missing_checkpoint_is_refused() {
    for engine in EngineKind::ALL {
        refuses_without_its_checkpoint(engine);
    }
}

fn refuses_without_its_checkpoint(engine: EngineKind) {
    let mut world = World::new(5);
    world.keep_rows_in(engine);
    let mut witness = Witness::default();
    for _ in 0..6 {
        one_life(&mut world, &mut witness).unwrap();
        die(&world, false);
    }
    let files = world.disk.files();
    let checkpoints = files.iter().filter(|(path, _)| {
        path.extension()
            .is_some_and(|kind| kind == "ckpt" || kind == "redb")
    });
    for (path, _) in checkpoints {
        world.disk.remove(path).unwrap();
    }
    let Err(refused) = world.open() else {
        panic!("a shard without its checkpoint was opened")
    };
    assert!(refused.to_string().contains("is gone"), "{refused}");
}
