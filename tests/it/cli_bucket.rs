//! `dkv bucket`, and keys within buckets.

use crate::harness::Node;

#[test]
fn a_bucket_is_a_keyspace_of_its_own() {
    let node = Node::start();
    node.dkv(&["bucket", "create", "users"])
        .exits(0)
        .prints("created=true");
    node.dkv(&["bucket", "create", "users"])
        .exits(0)
        .prints("created=false");
    node.dkv(&["kv", "set", "k", "default"]).exits(0);
    node.dkv(&["kv", "set", "k", "of users", "--bucket", "users"])
        .exits(0);
    node.dkv(&["kv", "get", "k"]).exits(0).prints("default");
    node.dkv(&["kv", "get", "k", "--bucket", "users"])
        .exits(0)
        .prints("of users");
    node.dkv(&["bucket", "entries", "users"])
        .exits(0)
        .prints("k\tof users");
    node.dkv(&["bucket", "list"])
        .exits(0)
        .prints("name=users, keys=1, bytes=9, state=ok, history=true");
    node.dkv(&["bucket", "drop", "users"])
        .exits(2)
        .complains("add --yes to do it");
    node.dkv(&["bucket", "drop", "users", "--yes"])
        .exits(0)
        .prints("dropped=true, deleted=1");
    node.dkv(&["bucket", "drop", "users", "--yes"])
        .exits(3)
        .prints("dropped=false");
    node.dkv(&["kv", "get", "k", "--bucket", "users"])
        .exits(1)
        .complains("there is no bucket `users` in this shard: make it with");
    node.dkv(&["kv", "get", "k"]).exits(0).prints("default");
}

#[test]
fn a_quota_refuses_growth_and_recovers_by_itself() {
    let mut node = Node::start();
    node.dkv(&["bucket", "create", "small", "--quota", "100"])
        .exits(0);
    let set = |node: &Node, key: &str, bytes: usize| {
        node.dkv(&["kv", "set", key, &"v".repeat(bytes), "--bucket", "small"])
    };
    set(&node, "a", 79).exits(0);
    let listed = node.dkv(&["bucket", "list", "-o", "json"]);
    assert!(
        listed.exits(0).text().contains(r#""state":"almost full""#),
        "{listed}"
    );
    assert!(
        node.said().contains("a bucket has come near its quota"),
        "{}",
        node.said()
    );
    set(&node, "b", 30)
        .exits(1)
        .complains("the write would take bucket `small` beyond its quota of bytes or keys (80 bytes are in it)");
    node.kill();
    node.restart();
    set(&node, "b", 30).exits(1);
    // What does not make it grow goes on, and what makes room is enough.
    set(&node, "a", 60).exits(0);
    set(&node, "b", 30).exits(0);
    node.dkv(&["bucket", "update", "small", "--quota", "50"])
        .exits(0);
    set(&node, "a", 60).exits(0);
    set(&node, "a", 61).exits(1);
    node.dkv(&["kv", "delete", "a", "--bucket", "small"])
        .exits(0);
    set(&node, "c", 10).exits(0);
}

#[test]
fn a_bucket_gives_its_timers_to_keys_that_have_none() {
    let node = Node::start();
    node.dkv(&["bucket", "create", "sessions", "--ttl", "1h"])
        .exits(0);
    let left = |key: &str| {
        let got = node.dkv(&["kv", "get", key, "--bucket", "sessions", "-o", "json"]);
        let record: serde_json::Value = serde_json::from_str(got.exits(0).text()).unwrap();
        record["delete_in_ms"].as_u64()
    };
    node.dkv(&["kv", "set", "s", "1", "--bucket", "sessions"])
        .exits(0);
    assert!(left("s").is_some_and(|ms| (3_500_000..=3_600_000).contains(&ms)));
    node.dkv(&["kv", "set", "t", "1", "--ttl", "5m", "--bucket", "sessions"])
        .exits(0);
    assert!(left("t").is_some_and(|ms| ms <= 300_000));
    node.dkv(&["kv", "persist", "s", "--bucket", "sessions"])
        .exits(0);
    assert_eq!(left("s"), None);
}

#[test]
fn a_large_bucket_is_dropped_whole() {
    let node = Node::start();
    node.dkv(&["bucket", "create", "large"]).exits(0);
    let lines: String = (0..25_000)
        .map(|n| format!("{{\"key\":\"k{n}\",\"value\":\"v\"}}\n"))
        .collect();
    node.dkv_with_input(
        &["kv", "import", "-", "--bucket", "large"],
        lines.as_bytes(),
    )
    .exits(0);
    node.dkv(&["bucket", "drop", "large", "--yes"])
        .exits(0)
        .prints("dropped=true, deleted=25000");
    node.dkv(&["bucket", "create", "large"])
        .exits(0)
        .prints("created=true");
    node.dkv(&["bucket", "entries", "large"])
        .exits(0)
        .prints("");
}

#[test]
fn names_and_changes_that_cannot_be_are_refused() {
    let node = Node::start();
    for name in ["a/b", "a b", "é", &"n".repeat(256)] {
        node.dkv(&["bucket", "create", name])
            .exits(2)
            .complains("is not a bucket name");
        node.dkv(&["kv", "get", "k", "--bucket", name])
            .exits(2)
            .complains("is not a bucket name");
    }
    node.dkv(&["bucket", "create", ""])
        .exits(2)
        .complains("name another one");
    node.dkv(&["bucket", "create", "b", "--no-history"])
        .exits(0);
    node.dkv(&["bucket", "create", "b"])
        .exits(4)
        .complains("is there with other settings");
    node.dkv(&["bucket", "update", "c"])
        .exits(1)
        .complains("there is no bucket `c`");
    node.dkv(&["bucket", "create", "m", "--shard", "200"])
        .exits(2)
        .complains("shard 200 is a lockmgr(lstore): it holds locks only");
    node.dkv(&["bucket", "create", "q", "--quota", "much"])
        .exits(2);
}

/// Keys in a misspelt bucket were told which one was meant, the bucket itself was not.
#[test]
fn a_misspelt_bucket_is_told_with_the_one_that_was_meant() {
    let node = Node::start();
    node.dkv(&["bucket", "create", "orders"]).exits(0);
    let meant = "did you mean `orders`?";
    node.dkv(&["bucket", "update", "oders", "--quota", "1M"])
        .exits(1)
        .complains(meant);
    node.dkv(&["bucket", "entries", "oders"])
        .exits(1)
        .complains(meant);
    node.dkv(&["bucket", "drop", "oders", "--yes"])
        .exits(3)
        .complains(meant);
    // Nothing is near: nothing is guessed.
    let drop = node.dkv(&["bucket", "drop", "xyzzy", "--yes"]);
    drop.exits(3).prints("dropped=false");
    let update = node.dkv(&["bucket", "update", "xyzzy"]);
    assert!(!update.exits(1).to_string().contains("did you mean"));
}
