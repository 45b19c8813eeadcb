//! Running out of space: writes are refused with what is needed, reads go on, and the
//! node recovers by itself.

use super::world::{World, contents, kv, set, store};
use crate::base::ErrorKind;

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_recovers_by_itself() {
    let mut world = World::new(11);
    world.config.snapshot_entries = 1_000_000;
    world.config.snapshot_bytes = 1 << 40;
    world.disk.set_capacity_bytes(Some(1 << 20));
    let node = world.open().unwrap();
    let shard = store(&node);
    let mut written = 0;
    let refused = loop {
        assert!(written < 10_000, "the disk never filled");
        let value = "v".repeat(1_000);
        let command = kv(set(&format!("key-{written}"), &value));
        match shard.submit(vec![command], Box::new(|result| drop(result.unwrap()))) {
            Ok(()) => written += 1,
            Err(refused) => break refused,
        }
        world.clock.advance_ms(1);
        world.spawn.run_until_idle();
    };
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert!(refused.message().contains("/data/wal"), "{refused}");
    assert!(refused.message().contains("free 65536 bytes"), "{refused}");
    world.spawn.run_until_idle();
    assert!(
        node.fatal.reason().is_none(),
        "a full disk must not stop the node"
    );
    assert_eq!(contents(&shard).len(), written);
    assert!(node.wal.status().read_only.is_some());

    world.disk.set_capacity_bytes(None);
    world.clock.advance_ms(2_000);
    world.spawn.run_until_idle();
    assert!(node.wal.status().read_only.is_none(), "there is room again");
    shard
        .submit(
            vec![kv(set("after", "x"))],
            Box::new(|result| drop(result.unwrap())),
        )
        .unwrap();
    world.spawn.run_until_idle();
    assert_eq!(contents(&shard).len(), written + 1);
}
