//! Defects that were found, each as the story that showed it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::world::{SHARD, SubmitNow as _, World, kv, lock, set, store};
use crate::base::ErrorKind;
use crate::base::time::Timer;
use crate::base::types::{ClientId, OwnerId, RequestId};
use crate::kv::KvCommand;
use crate::lock::LockCommand;
use crate::machine::{Command, OutcomeKind};
use crate::server::service::{Answer, Operation};
use crate::server::settings::EngineKind;
use crate::store::Store;

pub(super) fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    let waker = futures_util::task::noop_waker();
    future.as_mut().poll(&mut Context::from_waker(&waker))
}

/// Goes on with `future` and the background work until it is done.
pub(super) fn finish<F: Future>(world: &World, future: &mut Pin<Box<F>>) -> F::Output {
    for _ in 0..10_000 {
        if let Poll::Ready(done) = poll(future) {
            return done;
        }
        world.spawn.run_until_idle();
    }
    panic!("the call never ended");
}

/// Timers of calls need a runtime to be made in; nothing here waits for one.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

fn delete_everything(attempt: u32) -> Operation {
    let end = None;
    let mut command = kv(KvCommand::DeleteRange {
        start: Bytes::new(),
        end,
    });
    command.request = Some(RequestId {
        client: ClientId([1; 16]),
        sequence: 1,
        acked_below: 0,
        attempt,
    });
    Operation::WriteInPieces(command)
}

fn has(store: &Store, key: &str) -> bool {
    store
        .read(|machine| machine.get("", key.as_bytes(), None))
        .unwrap()
        .is_some()
}

/// The stream of a range delete stalled after its first piece. The client repeated the
/// request elsewhere and was told that it was done; a key was set; then the first try
/// woke up, deleted its next piece, and the key with it. Repeating the finished request
/// once more did the same.
#[test]
fn a_range_delete_that_is_done_deletes_nothing_later() {
    let mut world = World::new(1);
    world.config.wal_segment_bytes = 8 << 20;
    let node = world.open().unwrap();
    let shard = store(&node);
    for group in 0..25 {
        let commands = (0..1_000)
            .map(|n| kv(set(&format!("{group:03}{n:04}"), "v")))
            .collect();
        world.apply(&shard, commands);
    }
    let mut stalled = Box::pin(
        node.service
            .call(SHARD, delete_everything(0), node.service.due()),
    );
    assert!(poll(&mut stalled).is_pending());
    world.spawn.run_until_idle();
    let mut repeated = Box::pin(
        node.service
            .call(SHARD, delete_everything(1), node.service.due()),
    );
    let Answer::Applied(deleted) = finish(&world, &mut repeated).unwrap() else {
        panic!("a long range is deleted in pieces")
    };
    assert_eq!(
        deleted.outcome.count, 15_000,
        "the first try had 10,000 of 25,000"
    );
    world.apply(&shard, vec![kv(set("key", "v"))]);
    assert!(has(&shard, "key"));
    drop(finish(&world, &mut stalled));
    assert!(
        has(&shard, "key"),
        "an acknowledged write was deleted by a stalled try"
    );
    let mut again = Box::pin(
        node.service
            .call(SHARD, delete_everything(2), node.service.due()),
    );
    drop(finish(&world, &mut again));
    assert!(
        has(&shard, "key"),
        "an acknowledged write was deleted by a repetition"
    );
}

fn acquire(owner: OwnerId, wait: Option<Duration>) -> Operation {
    let timer = wait.map_or(Timer::Never, |wait| Timer::InMs(wait.as_millis() as u64));
    let command = lock(
        "job",
        LockCommand::Acquire {
            owner,
            ttl_ms: 0,
            wait: timer,
        },
    );
    match wait {
        Some(wait) => Operation::AcquireWaiting(command, wait),
        None => Operation::Write(command),
    }
}

/// A waiter's stream broke, and it asked again on another one, keeping its place. Then
/// the server noticed that the old stream was gone, and took the waiter's place away.
#[test]
fn a_waiter_that_came_back_is_not_thrown_out_by_its_old_stream() {
    let runtime = runtime();
    let _context = runtime.enter();
    let mut world = World::new(2);
    let node = world.open().unwrap();
    let (holder, waiter) = (OwnerId([9; 16]), OwnerId([1; 16]));
    let wait = Some(Duration::from_secs(60));
    finish(
        &world,
        &mut Box::pin(
            node.service
                .call(SHARD, acquire(holder, None), node.service.due()),
        ),
    )
    .unwrap();
    let mut old = Box::pin(
        node.service
            .call(SHARD, acquire(waiter, wait), node.service.due()),
    );
    let mut new = Box::pin(
        node.service
            .call(SHARD, acquire(waiter, wait), node.service.due()),
    );
    for call in [&mut old, &mut new] {
        assert!(poll(call).is_pending());
        world.spawn.run_until_idle();
        assert!(poll(call).is_pending(), "it waits in the queue");
    }
    drop(old);
    world.spawn.run_until_idle();
    let release = Operation::Write(lock("job", LockCommand::Release { owner: holder }));
    finish(
        &world,
        &mut Box::pin(node.service.call(SHARD, release, node.service.due())),
    )
    .unwrap();
    let Answer::Applied(granted) = finish(&world, &mut new).unwrap() else {
        panic!("an acquire is a write")
    };
    assert_eq!(granted.outcome.kind, OutcomeKind::Granted);
}

/// The disk stalled while the log's queue was full of small writes, and a checkpoint came
/// due: its sync was refused, and that stopped the node.
#[test]
fn a_log_full_of_work_does_not_stop_the_node() {
    let mut refusals = 0;
    for seed in 0..6 {
        let mut world = World::new(seed);
        world.config.wal_segment_bytes = 64 << 20;
        let node = world.open().unwrap();
        let shard = store(&node);
        let write = || -> Command { kv(set("key", "value")) };
        let before = shard.status().applied;
        for _ in 0..100 {
            shard.submit_now(vec![write()], Box::new(|_| {})).unwrap();
        }
        while shard.status().applied == before {
            world.spawn.poll_one();
        }
        let refused = loop {
            if let Err(refused) = shard.submit_now(vec![write()], Box::new(|_| {})) {
                break refused;
            }
        };
        refusals += u64::from(refused.kind() == ErrorKind::LimitExceeded);
        for _ in 0..3 {
            world.spawn.poll_one();
        }
        assert_eq!(node.fatal.reason(), None, "seed {seed}");
    }
    assert_eq!(refusals, 6);
}

/// A shard whose keys were deleted, and that nobody wrote to afterwards, kept the room of
/// its file, and a long replay for its next start.
#[test]
fn a_quiet_shard_does_not_keep_its_changes_in_memory() {
    let mut world = World::new(3);
    world.keep_rows_in(EngineKind::Redb);
    world.config.wal_segment_bytes = 8 << 20;
    world.config.snapshot_entries = 1_000_000;
    world.config.disk_engine.unflushed_bytes_max = 256 << 20;
    let node = world.open().unwrap();
    let shard = store(&node);
    for group in 0..11 {
        let commands = (0..1_000)
            .map(|n| kv(set(&format!("{group:03}{n:04}"), "v")))
            .collect();
        world.apply(&shard, commands);
    }
    world.clock.advance_ms(9_000);
    world.spawn.run_until_idle();
    assert_eq!(shard.status().durable.0, 0, "it was not quiet for long");
    world.clock.advance_ms(2_000);
    world.spawn.run_until_idle();
    assert_eq!(shard.status().durable, shard.status().applied);
}
