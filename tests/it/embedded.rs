//! The store in one's own process: it outlives its process, shares its directory with
//! `dkv serve`, and works with and without a runtime.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dkv::LocalStore;
use dkv::base::ErrorKind;
use dkv::client::{LockGuard, LockOptions, ScanOptions, SetOptions};
use dkv::embedded::{Durability, EngineKind, LocalStoreOptions, block_on};

use crate::harness::{Node, PATIENCE, dkv_at, serve_fails};

/// Where the child below writes, in its environment.
const CHILD: &str = "TEST_OF_EMBEDDED_CHILD";

fn open(dir: &Path) -> LocalStore {
    block_on(LocalStore::open(dir)).unwrap()
}

fn now() -> LocalStoreOptions {
    LocalStoreOptions {
        patience: Duration::ZERO,
        ..LocalStoreOptions::default()
    }
}

/// No test of its own: the process that the next test kills.
#[test]
fn the_child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let durability = match folder.file_name().unwrap().to_str() {
        Some("interval") => Durability::IntervalMs(1_000),
        Some("none") => Durability::None,
        _ => Durability::Fsync,
    };
    let options = LocalStoreOptions {
        durability,
        snapshot_entries: 40,
        ..now()
    };
    let store = block_on(LocalStore::open_with(folder.join("data"), options)).unwrap();
    let guard = block_on(store.lock("writing", LockOptions::default())).unwrap();
    let fence = guard.as_ref().map(LockGuard::fence);
    for i in 0_u64.. {
        let options = SetOptions {
            fence: fence.clone(),
            ..SetOptions::default()
        };
        block_on(store.set_with(format!("key:{i}"), "value", options)).unwrap();
        // A name appears in one step: it is there or not when the process dies.
        std::fs::write(folder.join(format!("acknowledged.{i}")), "").unwrap();
    }
}

#[test]
fn what_was_answered_survives_kill_9_with_every_durability() {
    let folder = tempfile::tempdir().unwrap();
    for durability in ["fsync", "interval", "none"] {
        let folder = folder.path().join(durability);
        std::fs::create_dir(&folder).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "embedded::the_child_that_writes_until_it_is_killed",
            ])
            .env(CHILD, &folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !folder.join("acknowledged.150").exists() {
            assert!(started.elapsed() < PATIENCE, "the child makes no progress");
            assert_eq!(child.try_wait().unwrap(), None, "the child ended");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(&folder.join("data"));
        let records = block_on(store.scan(ScanOptions::default()).collect()).unwrap();
        let there: BTreeSet<_> = records.into_iter().map(|record| record.key).collect();
        let mut acknowledged = 0;
        while folder.join(format!("acknowledged.{acknowledged}")).exists() {
            let key = format!("key:{acknowledged}");
            assert!(
                there.contains(key.as_bytes()),
                "{durability}: {key} is lost"
            );
            acknowledged += 1;
        }
        // The one that was under way may be there or not.
        let under_way = there.len() - acknowledged;
        assert!(under_way <= 1, "{durability}: {under_way}");
        // The lease was not released: it goes on.
        let held = block_on(store.lock_info("writing")).unwrap();
        assert!(held.is_some(), "{durability}");
    }
}

#[test]
fn a_directory_goes_from_the_store_to_a_server_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let store = open(&dir);
    let revision = block_on(store.set("user:1", "alice")).unwrap();
    let guard = block_on(store.lock("deploy", LockOptions::default())).unwrap();
    let fence = guard.as_ref().unwrap().token();
    let embedded = block_on(store.describe()).unwrap();
    assert_eq!(embedded.endpoint, "this process");
    block_on(store.close()).unwrap();

    let mut node = Node::start_on(&dir);
    node.dkv(&["kv", "get", "user:1"]).exits(0).prints("alice");
    node.dkv(&["lock", "acquire", "deploy"]).exits(3);
    let fenced = format!("deploy@{fence}");
    node.dkv(&["kv", "set", "user:2", "bob", "--fence", &fenced])
        .exits(0);
    let refused = block_on(LocalStore::open_with(&dir, now())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(
        refused.message(),
        format!(
            "the data directory {} is in use by another dkv, a server or a program with a \
             store of its own: stop it, or choose another directory (--data-dir)",
            dir.display()
        )
    );
    node.kill();

    let store = open(&dir);
    let served = block_on(store.describe()).unwrap();
    assert_eq!(served.node, embedded.node);
    let shards: Vec<_> = served
        .shards
        .iter()
        .map(|it| (it.id.0, &*it.kind))
        .collect();
    assert_eq!(shards, [(100, "lstore"), (200, "lockmgr(lstore)")]);
    let record = block_on(store.get("user:1")).unwrap().unwrap();
    assert_eq!((&*record.value, record.revision), (&b"alice"[..], revision));
    assert_eq!(block_on(store.get("user:2")).unwrap().unwrap().value, "bob");
    let second = block_on(LocalStore::open_with(&dir, now())).unwrap_err();
    assert_eq!(
        second.message(),
        refused.message(),
        "nor twice in one process"
    );
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        dir.to_str().unwrap(),
    ];
    serve_fails(&arguments, &[], folder.path())
        .exits(5)
        .complains("is in use by another dkv");
}

#[test]
fn a_directory_keeps_its_shards_and_its_engine() {
    let mut node = Node::start_with(&["--shards", "300=lstore"]);
    node.dkv(&["kv", "set", "a", "1", "--shard", "300"])
        .exits(0);
    assert_eq!(node.terminate(), 0);
    let store = open(&node.data_dir());
    // The shards that `dkv serve` would add are there too.
    assert_eq!(block_on(store.get("a")).unwrap(), None);
    let there = store.with_shard(dkv::base::types::ShardId(300));
    assert_eq!(block_on(there.get("a")).unwrap().unwrap().value, "1");
    drop((store, there));
    let store = open(&node.data_dir());
    block_on(store.close()).unwrap();

    for (engine, other) in [
        (EngineKind::Memory, EngineKind::Redb),
        (EngineKind::Redb, EngineKind::Memory),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let with = |engine| {
            let options = LocalStoreOptions { engine, ..now() };
            block_on(LocalStore::open_with(folder.path(), options))
        };
        let store = with(Some(engine)).unwrap();
        block_on(store.set("a", "1")).unwrap();
        block_on(store.close()).unwrap();
        let refused = with(Some(other)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
        let changed = format!("changed to {other}");
        assert!(refused.message().contains(&changed), "{refused}");
        let store = with(None).unwrap();
        assert_eq!(block_on(store.get("a")).unwrap().unwrap().value, "1");
        let shards = block_on(store.describe()).unwrap().shards;
        assert_eq!(shards[0].engine, engine.to_string());
        block_on(store.close()).unwrap();
    }
}

#[test]
fn a_path_that_is_no_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    for dir in [file.clone(), file.join("below")] {
        let refused = block_on(LocalStore::open_with(&dir, now())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
        assert!(refused.message().contains("file"), "{refused}");
    }
}

#[test]
fn timers_expire_without_anybody_asking() {
    let store = block_on(LocalStore::in_memory()).unwrap();
    let options = SetOptions {
        delete_in: Some(Duration::from_millis(150)),
        ..SetOptions::default()
    };
    let set_at = Instant::now();
    block_on(store.set_with("session", "token", options)).unwrap();
    while block_on(store.has("session")).unwrap() {
        assert!(set_at.elapsed() < PATIENCE, "the key stays");
    }
    assert!(
        set_at.elapsed() >= Duration::from_millis(150),
        "never early"
    );
}

/// Without a runtime anywhere: the store's own thread renews.
#[test]
fn a_guard_renews_itself_and_tells_when_the_lock_is_lost() {
    let store = block_on(LocalStore::in_memory()).unwrap();
    let short = LockOptions {
        ttl: Some(Duration::from_millis(300)),
        ..LockOptions::default()
    };
    let guard = block_on(store.lock("deploy", short)).unwrap().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(900) {
        assert!(!guard.is_lost());
        let held = block_on(store.lock_info("deploy")).unwrap().unwrap();
        assert_eq!(held.fence, guard.token(), "held beyond its first lease");
    }
    assert!(block_on(store.revoke("deploy")).unwrap());
    block_on(guard.lost());
    assert!(guard.is_lost());
    let fence = Some(guard.fence());
    let stale = SetOptions {
        fence,
        ..SetOptions::default()
    };
    let refused = block_on(store.set_with("a", "1", stale)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::FenceStale);

    let guard = block_on(store.lock("deploy", short)).unwrap().unwrap();
    drop(guard);
    let begun = Instant::now();
    while block_on(store.lock_info("deploy")).unwrap().is_some() {
        assert!(begun.elapsed() < PATIENCE, "a dropped guard lets go");
    }
    let guard = block_on(store.lock("deploy", short)).unwrap().unwrap();
    block_on(store.close()).unwrap();
    block_on(guard.lost());
}

/// With tokio, on several threads, and by waiters that own no runtime as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_never_hold_one_lock() {
    const TASKS: u64 = 8;
    const ROUNDS: u64 = 25;
    let store = LocalStore::in_memory().await.unwrap();
    let inside = Arc::new(AtomicBool::new(false));
    let last_fence = Arc::new(AtomicU64::new(0));
    let work = move |store: LocalStore| {
        let (inside, last_fence) = (Arc::clone(&inside), Arc::clone(&last_fence));
        async move {
            for _ in 0..ROUNDS {
                let wanted = LockOptions {
                    wait: PATIENCE,
                    ..LockOptions::default()
                };
                let guard = store.lock("counter", wanted).await.unwrap().unwrap();
                assert!(!inside.swap(true, Ordering::SeqCst), "two are inside");
                let before = last_fence.swap(guard.token().0, Ordering::SeqCst);
                assert!(before < guard.token().0, "fences only grow");
                let record = store.get("counter").await.unwrap();
                let count = record.map_or(0, |record| {
                    let text = String::from_utf8(record.value.to_vec()).unwrap();
                    text.parse::<u64>().unwrap()
                });
                let fenced = SetOptions {
                    fence: Some(guard.fence()),
                    ..SetOptions::default()
                };
                let next = (count + 1).to_string();
                store.set_with("counter", next, fenced).await.unwrap();
                assert!(inside.swap(false, Ordering::SeqCst));
                assert!(guard.release().await.unwrap());
            }
        }
    };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS - 1 {
        tasks.spawn(work(store.clone()));
    }
    let (here, alone) = (work.clone(), store.clone());
    let thread = std::thread::spawn(move || block_on(here(alone)));
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    tokio::task::spawn_blocking(|| thread.join().unwrap())
        .await
        .unwrap();
    let counted = store.get("counter").await.unwrap().unwrap();
    assert_eq!(counted.value, (TASKS * ROUNDS).to_string());
}

/// A client over the wire and the store cannot be told apart by their types.
#[test]
fn the_command_line_reads_what_the_example_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let store = open(&dir);
    block_on(fill(&store)).unwrap();
    block_on(store.close()).unwrap();
    let node = Node::start_on(&dir);
    dkv_at(node.address(), &["kv", "scan", "--prefix", "user:"])
        .exits(0)
        .prints("user:1\talice\nuser:2\tbob");
}

async fn fill(client: &dkv::Client) -> dkv::base::Result<()> {
    client.set("user:1", "alice").await?;
    client.set("user:2", "bob").await?;
    Ok(())
}
