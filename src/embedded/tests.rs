//! What needs a disk that loses power, or one poll at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::opening::Opening;
use super::{Durability, LocalStore, LocalStoreOptions, block_on};
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, Spawn, Step, SystemRng, ThreadSpawn};
use crate::base::types::OwnerId;
use crate::base::{Error, ErrorKind, Result, limits};
use crate::client::{KeyRange, LockOptions, ScanOptions};

const LONG: Duration = Duration::from_secs(30);

fn disk() -> SimDisk {
    SimDisk::new(Arc::new(SystemRng))
}

fn open_on(disk: &SimDisk, options: LocalStoreOptions) -> Result<LocalStore> {
    let host = Host {
        disk: Arc::new(disk.clone()),
        ..Host::system()
    };
    block_on(LocalStore::opened(Opening {
        host,
        dir: PathBuf::from("/data"),
        options,
    }))
}

fn memory() -> LocalStore {
    block_on(LocalStore::in_memory()).unwrap()
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn keys(store: &LocalStore) -> usize {
    let scan = store.scan(ScanOptions::default());
    block_on(scan.collect()).unwrap().len()
}

#[test]
fn a_store_can_be_shared_and_sent() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn sent<T: Send>(_: T) {}
    let store = memory();
    shared(&store);
    sent(store.set("a", "1"));
    sent(store.close());
}

#[test]
fn closing_makes_durable_what_no_write_waited_for() {
    for durability in [Durability::None, Durability::IntervalMs(60_000)] {
        let disk = disk();
        let options = LocalStoreOptions {
            durability,
            ..small()
        };
        let store = open_on(&disk, options.clone()).unwrap();
        for i in 0..100 {
            block_on(store.set(format!("key:{i}"), "value")).unwrap();
        }
        block_on(store.close()).unwrap();
        disk.crash();
        let store = open_on(&disk, options).unwrap();
        assert_eq!(keys(&store), 100, "{durability}");
    }
}

#[test]
fn what_was_answered_survives_a_power_loss_without_a_close() {
    let disk = disk();
    let store = open_on(&disk, LocalStoreOptions::default()).unwrap();
    for i in 0..20 {
        block_on(store.set(format!("key:{i}"), "value")).unwrap();
    }
    let fence = block_on(store.acquire("deploy", OwnerId([1; 16]), None, Duration::ZERO));
    disk.crash();
    let again = open_on(&disk, LocalStoreOptions::default()).unwrap();
    assert_eq!(keys(&again), 20);
    let held = block_on(again.lock_info("deploy")).unwrap().unwrap();
    assert_eq!(Some(held.fence), fence.unwrap());
}

#[test]
fn a_store_whose_disk_failed_answers_nothing_any_more() {
    let disk = disk();
    let store = open_on(&disk, LocalStoreOptions::default()).unwrap();
    block_on(store.set("a", "1")).unwrap();
    disk.halt_after(0);
    let lost = block_on(store.set("a", "2")).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Timeout, "{lost}");
    assert!(lost.message().contains("read it back"), "{lost}");
    for refused in [
        block_on(store.set("a", "3")).map(drop).unwrap_err(),
        block_on(store.get("a")).map(drop).unwrap_err(),
    ] {
        assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
        assert!(refused.message().contains("has stopped"), "{refused}");
    }
    let failed = block_on(store.close()).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Internal, "{failed}");
    disk.crash();
    let again = open_on(&disk, LocalStoreOptions::default()).unwrap();
    assert_eq!(block_on(again.get("a")).unwrap().unwrap().value, "1");
}

#[test]
fn a_read_sees_the_earlier_writes_of_its_lane_answered_or_given_up() {
    let store = memory();
    for i in 0..200 {
        let (key, other) = (format!("waits:{i}"), format!("dropped:{i}"));
        let mut waits = std::pin::pin!(store.set(key.clone(), "1"));
        let waited = poll_once(waits.as_mut());
        let given_up = {
            let mut dropped = std::pin::pin!(store.set(other.clone(), "1"));
            poll_once(dropped.as_mut()).is_pending()
        };
        assert!(block_on(store.has(other)).unwrap(), "{given_up}");
        assert!(block_on(store.has(key)).unwrap());
        if waited.is_pending() {
            block_on(waits).unwrap();
        }
    }
    // A future that was never polled never began.
    drop(store.set("never", "1"));
    assert!(!block_on(store.has("never")).unwrap());
}

#[test]
fn a_range_delete_goes_on_when_its_caller_is_gone() {
    let store = memory();
    // More than one piece.
    let sets = (0..limits::COMMAND_KEYS_MAX + 100).map(|i| store.set(format!("key:{i}"), "v"));
    block_on(futures_util::future::try_join_all(sets)).unwrap();
    {
        let mut dropped = std::pin::pin!(store.delete_range(KeyRange::all(), None));
        assert!(poll_once(dropped.as_mut()).is_pending());
    }
    assert_eq!(keys(&store), 0);
}

#[test]
fn who_gives_up_a_wait_leaves_the_queue() {
    let store = memory();
    let (alice, bob) = (OwnerId([1; 16]), OwnerId([2; 16]));
    let now = |owner| store.acquire("deploy", owner, None, Duration::ZERO);
    assert!(block_on(now(alice)).unwrap().is_some());
    {
        let mut waits = std::pin::pin!(store.acquire("deploy", bob, None, LONG));
        while block_on(store.lock_info("deploy"))
            .unwrap()
            .unwrap()
            .waiters
            == 0
        {
            assert!(poll_once(waits.as_mut()).is_pending());
        }
    }
    while block_on(store.lock_info("deploy"))
        .unwrap()
        .unwrap()
        .waiters
        > 0
    {}
    assert!(block_on(store.release("deploy", alice)).unwrap());
    assert_eq!(block_on(store.lock_info("deploy")).unwrap(), None);
}

#[test]
fn closing_sends_home_who_waits_and_refuses_the_rest() {
    let store = memory();
    let held = block_on(store.lock("deploy", LockOptions::default())).unwrap();
    assert!(held.is_some());
    let mut waits = std::pin::pin!(store.acquire("deploy", OwnerId([2; 16]), None, LONG));
    assert!(poll_once(waits.as_mut()).is_pending());
    block_on(store.close()).unwrap();
    let is_refused = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.message().contains("closed"), "{error}");
    };
    is_refused(block_on(waits).unwrap_err());
    is_refused(block_on(store.get("a")).unwrap_err());
    is_refused(block_on(store.clone().set("a", "1")).unwrap_err());
    is_refused(block_on(store.lock("other", LockOptions::default())).unwrap_err());
    block_on(store.close()).expect("closing twice is no error");
}

/// Nothing may be left without an answer, nor answered `Unavailable` and be there.
#[test]
fn writes_that_race_with_the_close_are_told_the_truth() {
    for _ in 0..10 {
        let disk = disk();
        let store = open_on(&disk, small()).unwrap();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = store.clone();
                std::thread::spawn(move || write_until_refused(&store, writer))
            })
            .collect();
        while keys_or_zero(&store) < 20 {}
        block_on(store.close()).unwrap();
        let written: Vec<u64> = writers.into_iter().map(|it| it.join().unwrap()).collect();
        disk.crash();
        let again = open_on(&disk, small()).unwrap();
        for (writer, count) in written.into_iter().enumerate() {
            let prefix = format!("{writer}:");
            let scan = again.scan(ScanOptions::prefix(prefix));
            let there = block_on(scan.collect()).unwrap().len() as u64;
            assert_eq!(there, count, "of writer {writer}");
        }
    }
}

fn keys_or_zero(store: &LocalStore) -> usize {
    block_on(store.scan(ScanOptions::default()).collect()).map_or(0, |records| records.len())
}

/// How many keys it wrote until the store was closed.
fn write_until_refused(store: &LocalStore, writer: usize) -> u64 {
    let mut written = 0;
    loop {
        match block_on(store.set(format!("{writer}:{written}"), "value")) {
            Ok(_) => written += 1,
            Err(refused) => {
                assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
                return written;
            }
        }
    }
}

#[test]
fn options_that_cannot_be_are_refused_before_the_disk_is_touched() {
    let base = LocalStoreOptions::default;
    let wrong = [
        LocalStoreOptions {
            durability: Durability::IntervalMs(0),
            ..base()
        },
        LocalStoreOptions {
            value_bytes_max: 0,
            ..base()
        },
        LocalStoreOptions {
            value_bytes_max: usize::MAX,
            ..base()
        },
        LocalStoreOptions {
            snapshot_entries: 0,
            ..base()
        },
        LocalStoreOptions {
            wal_segment_bytes: 1 << 20,
            ..base()
        },
        LocalStoreOptions {
            cache_bytes: 0,
            ..base()
        },
        LocalStoreOptions {
            timeout: Duration::ZERO,
            ..base()
        },
    ];
    for options in wrong {
        let disk = disk();
        let refused = open_on(&disk, options.clone()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{options:?}");
        assert_eq!(disk.operations(), 0, "{options:?}");
    }
}

#[test]
fn a_directory_opens_as_soon_as_the_last_handle_has_let_it_go() {
    let disk = disk();
    for round in 0..20 {
        let store = open_on(&disk, LocalStoreOptions::default()).unwrap();
        assert_eq!(keys(&store), round);
        block_on(store.set(format!("key:{round}"), "value")).unwrap();
        // The guard gives its lock up in the background, and keeps the store open for it.
        let guard = block_on(store.lock("deploy", LockOptions::default())).unwrap();
        assert!(guard.is_some(), "round {round}");
    }
}

/// What is still being written when the directory is given away would spoil it.
#[test]
fn nobody_writes_any_more_once_it_is_closed() {
    for _ in 0..30 {
        let disk = disk();
        let options = LocalStoreOptions {
            snapshot_entries: 1,
            ..small()
        };
        let store = open_on(&disk, options).unwrap();
        for i in 0..10 {
            block_on(store.set(format!("key:{i}"), "value")).unwrap();
        }
        block_on(store.close()).unwrap();
        let operations = disk.operations();
        for _ in 0..200 {
            std::thread::yield_now();
        }
        assert_eq!(disk.operations(), operations);
    }
}

/// Threads that are there, except the one that closes.
struct NobodyCloses;

impl Spawn for NobodyCloses {
    fn drive(&self, name: &str, step: Box<dyn Step>) {
        if name != "dkv-close" {
            ThreadSpawn.drive(name, step);
        }
    }
}

/// Who waited for a close whose thread had died waited for ever.
#[test]
fn a_close_whose_thread_is_gone_is_an_error_and_no_endless_wait() {
    let host = Host {
        disk: Arc::new(disk()),
        spawn: Arc::new(NobodyCloses),
        ..Host::system()
    };
    let store = block_on(LocalStore::opened(Opening {
        host,
        dir: PathBuf::from("/data"),
        options: small(),
    }))
    .unwrap();
    for _ in 0..2 {
        let failed = block_on(store.close()).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Internal);
        assert!(failed.message().contains("is gone"), "{failed}");
    }
}

#[test]
fn a_small_log_takes_the_largest_value_it_is_opened_for() {
    let disk = disk();
    let store = open_on(&disk, small()).unwrap();
    block_on(store.set("first", "value")).unwrap();
    let files = disk.files().into_iter();
    let log = files.filter(|(path, _)| path.starts_with("/data/wal"));
    assert!(log.map(|(_, bytes)| bytes).sum::<u64>() <= 2 << 20);
    let bytes = small().value_bytes_max;
    for i in 0..20 {
        block_on(store.set(format!("key:{i}"), vec![b'v'; bytes])).unwrap();
    }
    let refused = block_on(store.set("a", vec![b'v'; bytes + 1])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded, "{refused}");
    drop(store);
    let store = open_on(&disk, LocalStoreOptions::default()).unwrap();
    assert_eq!(keys(&store), 21);
}

/// 2 MiB of log from the start.
fn small() -> LocalStoreOptions {
    LocalStoreOptions {
        wal_segment_bytes: 1 << 20,
        value_bytes_max: 256 << 10,
        ..LocalStoreOptions::default()
    }
}
