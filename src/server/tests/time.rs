//! Machine time of a whole node: timers run out by themselves, over restarts, never
//! early.

use bytes::Bytes;

use super::world::{SubmitNow as _, World, kv, set, store};
use crate::base::time::Timer;
use crate::kv::KvCommand;
use crate::store::Store;

fn set_for(ms: u64) -> KvCommand {
    let KvCommand::Set(mut command) = set("key", "value") else {
        unreachable!("set makes a set")
    };
    command.delete = Timer::InMs(ms);
    KvCommand::Set(command)
}

fn has(store: &Store) -> bool {
    store
        .read(|machine| machine.get("", &Bytes::from_static(b"key"), None))
        .unwrap()
        .is_some()
}

#[test]
fn a_timer_runs_out_by_itself_and_not_before() {
    let mut world = World::new(1);
    let node = world.open().unwrap();
    let shard = store(&node);
    shard
        .submit_now(vec![kv(set_for(1_000))], Box::new(|_| {}))
        .unwrap();
    world.spawn.run_until_idle();
    world.clock.advance_ms(1_000);
    world.spawn.run_until_idle();
    assert!(
        has(&shard),
        "a clock of whole milliseconds may be one short"
    );
    world.clock.advance_ms(1);
    world.spawn.run_until_idle();
    assert!(!has(&shard), "nobody asked, and it is gone all the same");
}

#[test]
fn a_restart_does_not_start_a_timer_again() {
    let mut world = World::new(2);
    let node = world.open().unwrap();
    let shard = store(&node);
    shard
        .submit_now(vec![kv(set_for(1_000))], Box::new(|_| {}))
        .unwrap();
    world.spawn.run_until_idle();
    world.clock.advance_ms(600);
    world.spawn.crash();
    world.disk.kill();
    drop((shard, node));
    world.clock.advance_ms(300);
    let node = world.open().unwrap();
    let shard = store(&node);
    world.spawn.run_until_idle();
    assert!(has(&shard));
    world.clock.advance_ms(101);
    world.spawn.run_until_idle();
    assert!(!has(&shard));
}

#[test]
fn a_reboot_pauses_a_timer() {
    let mut world = World::new(3);
    let node = world.open().unwrap();
    let shard = store(&node);
    shard
        .submit_now(vec![kv(set_for(1_000))], Box::new(|_| {}))
        .unwrap();
    world.spawn.run_until_idle();
    world.clock.advance_ms(600);
    shard
        .submit_now(vec![kv(set("other", "x"))], Box::new(|_| {}))
        .unwrap();
    world.spawn.run_until_idle();
    world.spawn.crash();
    world.disk.crash();
    drop((shard, node));
    world.clock.reboot();
    world.clock.advance_ms(5_000);
    let node = world.open().unwrap();
    let shard = store(&node);
    world.spawn.run_until_idle();
    assert!(has(&shard), "the time it was down does not count");
    world.clock.advance_ms(400);
    world.spawn.run_until_idle();
    assert!(has(&shard));
    world.clock.advance_ms(1);
    world.spawn.run_until_idle();
    assert!(!has(&shard));
}

/// A set at 10.9 ms with a timer of 5 ms was gone at 15.0 ms: after 4.1 ms.
#[test]
fn a_timer_is_not_early_by_the_fraction_of_a_millisecond() {
    let mut world = World::new(4);
    let node = world.open().unwrap();
    let shard = store(&node);
    world.clock.advance_us(10_900);
    shard
        .submit_now(vec![kv(set_for(5))], Box::new(|_| {}))
        .unwrap();
    world.spawn.run_until_idle();
    world.clock.advance_us(4_999);
    world.spawn.run_until_idle();
    assert!(has(&shard));
    world.clock.advance_us(1_101);
    world.spawn.run_until_idle();
    assert!(!has(&shard));
}
