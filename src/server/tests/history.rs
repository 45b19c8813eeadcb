//! History of a whole node: what keys were at a past revision is the same after kills
//! and power losses, and nothing of it goes missing before its time.

use std::collections::BTreeMap;

use super::world::{SubmitNow as _, World, contents_at, kv, set, store};
use crate::base::host::Rng;
use crate::base::types::Revision;
use crate::store::Store;

#[test]
fn the_past_is_the_same_after_every_restart() {
    let mut checked = 0;
    let mut files = 0;
    for seed in 0..12 {
        let mut world = World::new(seed);
        let mut past = BTreeMap::new();
        for _ in 0..5 {
            let node = world.open().unwrap();
            let shard = store(&node);
            checked += check(&shard, &past);
            for n in 0..world.rng.below(80) {
                let key = format!("key-{}", world.rng.below(9));
                let value = format!("value-{seed}-{n}-{}", past.len());
                shard
                    .submit_now(vec![kv(set(&key, &value))], Box::new(|_| {}))
                    .unwrap();
                world.clock.advance_ms(world.rng.below(20));
                for _ in 0..world.rng.below(6) {
                    world.spawn.poll_one();
                }
            }
            world.spawn.run_until_idle();
            let now = shard.status().revision;
            let floor = shard.status().history_floor;
            for revision in floor.0.saturating_sub(1)..=now.0 {
                let revision = Revision(revision);
                past.insert(revision, contents_at(&shard, Some(revision)));
            }
            let names = world.disk.files();
            files += names
                .iter()
                .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "events"))
                .count();
            world.spawn.crash();
            if world.chance(50) {
                world.disk.crash();
            } else {
                world.disk.kill();
            }
        }
    }
    assert!(checked > 2_000, "only {checked} past states were compared");
    assert!(files > 20, "only {files} history files were seen");
}

fn check(shard: &Store, past: &BTreeMap<Revision, BTreeMap<String, String>>) -> u64 {
    assert_eq!(
        shard.status().history_floor,
        Revision(1),
        "history went missing"
    );
    let mut checked = 0;
    for (revision, expected) in past {
        assert_eq!(
            contents_at(shard, Some(*revision)),
            *expected,
            "at {revision}"
        );
        checked += 1;
    }
    checked
}
