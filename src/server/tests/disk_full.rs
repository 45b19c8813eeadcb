//! Running out of space: writes are refused with what is needed, reads go on, and the
//! node recovers by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::world::{SubmitNow as _, World, contents, kv, set, store};
use crate::base::{ErrorKind, Result};
use crate::kv::KvCommand;
use crate::server::settings::EngineKind;

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_recovers_by_itself() {
    let mut world = World::new(11);
    world.keep_rows_in(EngineKind::Memory);
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
        match shard.submit_now(vec![command], Box::new(|result| drop(result.unwrap()))) {
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
    world.apply(&shard, vec![kv(set("after", "x"))]);
    assert_eq!(contents(&shard).len(), written + 1);
}

/// The log has room where the engine has not: what it holds in memory stays bounded.
#[test]
fn an_engine_without_room_holds_writers_up_and_recovers_by_itself() {
    let mut world = World::new(12);
    world.keep_rows_in(EngineKind::Redb);
    world.config.disk_engine.unflushed_bytes_max = 8 << 10;
    let node = world.open().unwrap();
    let shard = store(&node);
    world.disk.set_capacity_bytes(Some(1 << 20));
    let mut written = 0;
    let refused = loop {
        assert!(written < 1_000, "nobody was held up");
        let value = "v".repeat(100);
        let command = kv(set(&format!("key-{written}"), &value));
        match shard.submit_now(vec![command], Box::new(|result| drop(result.unwrap()))) {
            Ok(()) => written += 1,
            Err(refused) => break refused,
        }
        world.clock.advance_ms(1);
        world.spawn.run_until_idle();
    };
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert!(
        refused
            .message()
            .contains("/data/shards/100/rows.redb: no space left"),
        "{refused}"
    );
    assert!(node.fatal.reason().is_none());
    assert!(node.read_only()().is_some_and(|why| why.contains("rows.redb")));
    assert!(contents(&shard).len() > 10, "reads go on");

    // Once, writers were held up for ten seconds after there was room (simulation, seed 3194).
    world.disk.set_capacity_bytes(None);
    world.clock.advance_ms(1_000);
    world.spawn.run_until_idle();
    assert_eq!(node.read_only()(), None, "there is room again");
    assert_eq!(
        contents(&shard).len(),
        written,
        "what was logged is applied"
    );
    world.apply(&shard, vec![kv(set("after", "x"))]);
    assert_eq!(contents(&shard).len(), written + 1);
}

/// Once, who was held up when the disk failed was never answered.
#[test]
fn who_is_held_up_when_the_node_stops_is_answered() {
    let mut world = World::new(13);
    world.keep_rows_in(EngineKind::Redb);
    world.config.disk_engine.unflushed_bytes_max = 8 << 10;
    let node = world.open().unwrap();
    let shard = store(&node);
    world.disk.set_capacity_bytes(Some(1 << 20));
    let answered = Arc::new(AtomicU64::new(0));
    let mut accepted = 0;
    loop {
        assert!(accepted < 1_000, "nobody was held up");
        let command = kv(set(&format!("key-{accepted}"), &"v".repeat(100)));
        let tell = answered.clone();
        let done = move |_| {
            tell.fetch_add(1, Ordering::SeqCst);
        };
        if shard.submit_now(vec![command], Box::new(done)).is_err() {
            break;
        }
        accepted += 1;
        // One step at a time: some are in the log when the others find no room.
        world.clock.advance_ms(1);
        world.spawn.poll_one();
    }
    world.spawn.run_until_idle();
    assert!(answered.load(Ordering::SeqCst) < accepted, "somebody waits");
    node.fatal.raise("the disk failed");
    world.spawn.run_until_idle();
    assert_eq!(answered.load(Ordering::SeqCst), accepted);
}

/// Once, only the length of the log began a checkpoint: a few commands that changed many
/// rows each filled the engine's memory, and everybody waited for the file.
#[test]
fn a_command_that_changes_many_rows_begins_a_checkpoint() {
    let mut world = World::new(14);
    world.keep_rows_in(EngineKind::Redb);
    world.config.snapshot_entries = 1_000_000;
    world.config.snapshot_bytes = 16 << 10;
    world.config.disk_engine.unflushed_bytes_max = 256 << 20;
    let node = world.open().unwrap();
    let shard = store(&node);
    let submit = |command| {
        let done = Box::new(|result: Result<_>| drop(result.unwrap()));
        shard.submit_now(vec![command], done).unwrap();
        world.spawn.run_until_idle();
    };
    for at in 0..400 {
        submit(kv(set(&format!("key-{at}"), "v")));
    }
    assert!(shard.status().engine.unflushed_bytes < 16 << 10);
    submit(kv(KvCommand::DeleteRange {
        start: Bytes::new(),
        end: None,
    }));
    let status = shard.status();
    assert_eq!(status.keys, 0);
    assert_eq!(status.durable, status.applied, "{:?}", status.engine);
}
