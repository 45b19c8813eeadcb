//! What was acknowledged is there after a crash, a stop, and a crash while starting.

use crate::harness::{Node, PATIENCE, Shell};
use std::os::unix::fs::MetadataExt;

#[test]
fn everything_acknowledged_survives_kill_9_in_the_middle_of_a_loop() {
    let mut node = Node::start();
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    // A key is written to `acknowledged` only after dkv said that it is stored.
    shell.begin(
        "for i in $(seq 100000); do dkv kv set key:$i value:$i --retries 0 >/dev/null || break; \
         echo $i >> acknowledged; done 2>/dev/null",
    );
    let log = node.folder().join("acknowledged");
    let acknowledged = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().count()
    };
    let started = std::time::Instant::now();
    while acknowledged() < 50 {
        assert!(started.elapsed() < PATIENCE, "the loop makes no progress");
        std::thread::yield_now();
    }
    node.kill();
    shell.end();
    let count = acknowledged();
    node.restart();
    let scan = node.dkv(&["kv", "scan", "--prefix", "key:", "--keys-only"]);
    let stored = scan.exits(0).text().lines().count();
    // The one that was under way may be there or not.
    assert!(
        stored == count || stored == count + 1,
        "{count} acknowledged, {stored} stored"
    );
    for i in 1..=count {
        let expected = format!("value:{i}");
        if i % 10 == 1 || i + 5 > count {
            node.dkv(&["kv", "get", &format!("key:{i}")])
                .exits(0)
                .prints(&expected);
        }
    }
}

#[test]
fn revisions_go_on_and_fences_never_repeat_over_restarts() {
    let mut node = Node::start();
    let mut last_fence = 0;
    let mut last_revision = 0;
    for round in 0..4 {
        let lock = node.dkv(&["lock", "acquire", "deploy"]);
        let fence: u64 = lock.value_of("fence").parse().unwrap();
        assert!(fence > last_fence, "fence {fence} after {last_fence}");
        let set = node.dkv(&["kv", "set", "a", &round.to_string()]);
        let revision: u64 = set.value_of("revision").parse().unwrap();
        assert!(
            revision > last_revision,
            "revision {revision} after {last_revision}"
        );
        (last_fence, last_revision) = (fence, revision);
        if round % 2 == 0 {
            node.kill();
        } else {
            assert_eq!(node.terminate(), 0);
        }
        node.restart();
        // A held lock is still held.
        node.dkv(&["lock", "acquire", "deploy"]).exits(3);
        node.dkv(&["kv", "get", "a"])
            .exits(0)
            .prints(&round.to_string());
        node.dkv(&["lock", "release", "deploy", &lock.value_of("ownerId")])
            .exits(0);
    }
}

#[test]
fn timers_go_on_over_a_restart() {
    let mut node = Node::start();
    let set_at = std::time::Instant::now();
    node.dkv(&["kv", "set", "a", "1", "--ttl", "2s"]).exits(0);
    node.dkv(&["kv", "set", "b", "1", "--ttl", "1h"]).exits(0);
    node.kill();
    node.restart();
    while node.dkv(&["kv", "has", "a"]).code == 0 {
        assert!(set_at.elapsed() < PATIENCE, "the timer stopped");
    }
    assert!(
        set_at.elapsed() >= std::time::Duration::from_secs(2),
        "never early"
    );
    node.dkv(&["kv", "get", "b"]).exits(0).prints("1");
}

#[test]
fn the_process_may_die_again_and_again_at_its_start() {
    let mut node = Node::start();
    for i in 0..20 {
        node.dkv(&["kv", "set", &format!("k{i}"), "v"]).exits(0);
    }
    for _ in 0..5 {
        node.kill();
        node.restart();
    }
    let scan = node.dkv(&["kv", "scan", "--keys-only"]);
    assert_eq!(scan.exits(0).text().lines().count(), 20, "{scan}");
}

#[test]
fn every_durability_survives_the_death_of_the_process() {
    for durability in ["fsync", "interval:50ms", "none"] {
        let mut node = Node::start_with(&["--durability", durability]);
        node.dkv(&["kv", "set", "a", durability]).exits(0);
        let fence = node.dkv(&["lock", "acquire", "deploy"]).value_of("fence");
        node.kill();
        node.restart();
        node.dkv(&["kv", "get", "a"]).exits(0).prints(durability);
        let fenced = format!("deploy@{fence}");
        node.dkv(&["kv", "set", "b", "1", "--fence", &fenced])
            .exits(0);
    }
}

#[test]
fn the_log_stays_bounded() {
    const SEGMENT: u64 = 48 << 20;
    let mut node = Node::start_with(&["--wal-segment-size", &SEGMENT.to_string()]);
    let value = vec![b'v'; 6 << 20];
    for i in 0..100 {
        let key = format!("k{}", i % 3);
        node.dkv_with_input(&["kv", "set", &key, "-"], &value)
            .exits(0);
    }
    // 600 MiB went through. Four segments may be pinned; one is written, one waits, two are kept.
    let bytes = folder_bytes(&node.data_dir().join("wal"));
    assert!(bytes <= 8 * SEGMENT, "the log takes {bytes} bytes");
    // Beside it stand history, 256 MiB and a file of 16, and the rows: 18 MiB, in a file that
    // is written anew when it is eight times as large.
    let bytes = folder_bytes(&node.data_dir().join("shards"));
    assert!(
        bytes < (256 + 16 + 8 * 18) << 20,
        "the shards take {bytes} bytes"
    );
    node.kill();
    node.restart();
    assert_eq!(
        node.dkv(&["kv", "get", "k2"]).exits(0).stdout.len(),
        value.len()
    );
}

fn folder_bytes(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let size = |entry: std::fs::DirEntry| {
        let path = entry.path();
        if path.is_dir() {
            folder_bytes(&path)
        } else {
            // A file may be renamed or removed while it is looked at. What it takes on the
            // disk counts: a redb file has room that was never written.
            std::fs::metadata(&path).map_or(0, |data| data.blocks() * 512)
        }
    };
    entries.map(size).sum()
}
