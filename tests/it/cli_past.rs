//! `dkv kv get --at`, `history`, `revert`, `diff` and `scan --reverse --count --at`.

use serde_json::{Value, json};

use crate::harness::Node;

/// a: 1, then 2; b: 2, then deleted; c: 3; x: new, at revisions 1 to 6.
fn node() -> Node {
    let node = Node::start();
    for words in [
        &["kv", "set", "a", "1"][..],
        &["kv", "set", "b", "2"],
        &["kv", "set", "c", "3"],
        &["kv", "set", "a", "2"],
        &["kv", "delete", "b"],
        &["kv", "set", "x", "new"],
    ] {
        node.dkv(words).exits(0);
    }
    node
}

fn json_of(node: &Node, words: &[&str]) -> Value {
    let ran = node.dkv(&[words, &["-o", "json"]].concat());
    serde_json::from_str(ran.exits(0).text()).unwrap()
}

#[test]
fn a_key_is_read_as_it_was() {
    let node = node();
    node.dkv(&["kv", "get", "a", "--at", "1"]).prints("1");
    node.dkv(&["kv", "get", "a", "--at", "3"]).prints("1");
    node.dkv(&["kv", "get", "a", "--at", "0s"]).prints("2");
    let before = node.dkv(&["kv", "get", "a", "--at", "0"]);
    before.exits(3).complains("not found");
    let before = node.dkv(&["kv", "get", "a", "--at", "2026-01-01T00:00:00+01:00"]);
    before.exits(3).complains("not found");
    let record = json_of(&node, &["kv", "get", "a", "--at", "2"]);
    assert_eq!(
        (&record["value"], &record["revision"]),
        (&json!("1"), &json!(1))
    );
}

#[test]
fn several_keys_are_listed_at_one_moment() {
    let node = node();
    let now = node.dkv(&["kv", "get", "x", "b", "a"]);
    now.exits(3)
        .prints("x\tnew\na\t2")
        .complains("not found: b");
    let then = node.dkv(&["kv", "get", "a", "b", "c", "--at", "3", "-o", "raw"]);
    then.exits(0).prints("a\t1\nb\t2\nc\t3");
    let rows = json_of(&node, &["kv", "get", "c", "a"]);
    assert_eq!(
        (&rows[0]["value"], &rows[1]["value"]),
        (&json!("3"), &json!("2"))
    );
}

#[test]
fn the_history_of_a_key_is_told_newest_first() {
    let node = node();
    node.dkv(&["kv", "touch", "a", "--delete-in", "1h"])
        .exits(0);
    node.dkv(&["kv", "expire", "a"]).exits(0);
    let rows = json_of(&node, &["kv", "history", "a"]);
    let told: Vec<_> = rows.as_array().unwrap().iter().collect();
    let told = told
        .iter()
        .map(|row| (row["revision"].as_u64(), &row["kind"], &row["value"]));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (Some(8), &json!("expire"), &Value::Null),
            (Some(7), &json!("touch"), &json!("2")),
            (Some(4), &json!("set"), &json!("2")),
            (Some(1), &json!("set"), &json!("1")),
        ]
    );
    let page = node.dkv(&["kv", "history", "a", "--limit", "1"]);
    page.exits(0).complains("--before 8");
    let page = node.dkv(&["kv", "history", "a", "--limit", "0", "--before", "4"]);
    assert_eq!(page.exits(0).text().lines().count(), 1, "{page}");
    assert!(
        page.text().starts_with("revision=1, kind=set, age="),
        "{page}"
    );
    assert_eq!(page.stderr, "", "nothing is missing");
    let deleted = node.dkv(&["kv", "history", "b"]);
    assert!(
        deleted.text().starts_with("revision=5, kind=delete"),
        "{deleted}"
    );
    let never = node.dkv(&["kv", "history", "nobody"]);
    never.exits(3).prints("").complains("never changed");
}

#[test]
fn a_revert_writes_what_was_and_keeps_timers() {
    let node = node();
    node.dkv(&["kv", "touch", "a", "--delete-in", "1h"])
        .exits(0);
    let reverted = node.dkv(&["kv", "revert", "a", "--to", "1"]);
    reverted.exits(0).prints("changed=true, revision=8, to=1");
    let record = json_of(&node, &["kv", "get", "a"]);
    assert_eq!(record["value"], "1");
    assert!(
        record["delete_in_ms"].as_u64().unwrap() > 3_000_000,
        "{record}"
    );
    let again = node.dkv(&["kv", "revert", "a", "--to", "1"]);
    again.exits(0).prints("changed=false, revision=8, to=1");
    // What was not there is deleted, what is not there comes back.
    let gone = node.dkv(&["kv", "revert", "x", "--to", "5"]);
    gone.exits(0)
        .prints("changed=true, deleted=true, revision=9, to=5");
    node.dkv(&["kv", "has", "x"]).exits(3);
    node.dkv(&["kv", "revert", "b", "--to", "2"]).exits(0);
    node.dkv(&["kv", "get", "b"]).prints("2");
}

#[test]
fn a_diff_tells_what_was_added_changed_and_removed() {
    let node = node();
    node.dkv(&["kv", "touch", "c", "--delete-in", "1h"])
        .exits(0);
    node.dkv(&["kv", "diff", "--since", "3"])
        .exits(0)
        .prints("~ a\t1\t2\n- b\t2\n+ x\tnew");
    let rows = json_of(&node, &["kv", "diff", "--since", "3", "--start", "b"]);
    let removed = json!({"change": "removed", "key": "b", "old": "2"});
    let added = json!({"change": "added", "key": "x", "new": "new"});
    assert_eq!(rows, json!([removed, added]));
    node.dkv(&[
        "kv", "diff", "--since", "0", "--until", "2", "--prefix", "a",
    ])
    .prints("+ a\t1");
    node.dkv(&["kv", "diff", "--since", "0s"])
        .exits(0)
        .prints("");
    node.dkv(&["kv", "diff"]).exits(2).complains("--since");
}

#[test]
fn a_scan_goes_backwards_counts_and_looks_back() {
    let node = node();
    node.dkv(&["kv", "scan", "--reverse", "--limit", "2"])
        .prints("x\tnew\nc\t3");
    node.dkv(&["kv", "scan", "--reverse", "--at", "3", "--start", "b"])
        .prints("c\t3\nb\t2");
    node.dkv(&["kv", "scan", "--count"]).prints("count=3");
    node.dkv(&["kv", "scan", "--count", "--at", "2", "-o", "raw"])
        .prints("2");
    for other in [&["--limit", "1"][..], &["--keys-only"], &["--reverse"]] {
        let refused = node.dkv(&[&["kv", "scan", "--count"], other].concat());
        refused.exits(2).complains("--count").prints("");
    }
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    let node = Node::start_with(&["--history-size", "1M"]);
    let long = "-".repeat(100 << 10);
    for value in 1..=15 {
        let value = format!("{value}{long}");
        node.dkv_with_input(&["kv", "set", "a"], value.as_bytes())
            .exits(0);
    }
    let floor = json_of(&node, &["info"])["shards"][0]["history_floor"]
        .as_u64()
        .unwrap();
    assert!((3..15).contains(&floor), "{floor}");
    let gone = format!("revision 1 is gone: the history begins with {floor}");
    for words in [
        &["kv", "get", "a", "--at", "1"][..],
        &["kv", "get", "a", "b", "--at", "1"],
        &["kv", "scan", "--at", "1"],
        &["kv", "scan", "--count", "--at", "1"],
        &["kv", "diff", "--since", "1"],
        &["kv", "revert", "a", "--to", "1"],
    ] {
        node.dkv(words).exits(1).prints("").complains(&gone);
    }
    node.dkv(&["kv", "revert", "a", "--to", "1h"])
        .exits(1)
        .complains(&format!("the history begins with revision {floor}"));
    node.dkv(&["kv", "get", "a"]).prints(&format!("15{long}"));
    let last = (floor - 1).to_string();
    node.dkv(&["kv", "get", "a", "--at", &last])
        .prints(&format!("{last}{long}"));
    node.dkv(&["kv", "history", "a"])
        .exits(0)
        .complains(&format!("the history begins with revision {floor}"));
}

#[test]
fn a_moment_that_cannot_be_is_a_usage_error() {
    let node = node();
    node.dkv(&["kv", "get", "a", "--at", "7"])
        .exits(2)
        .complains("revision 7 does not exist yet (the shard is at 6)");
    for (moment, about) in [
        ("yesterday", "is not a moment"),
        ("-5m", "value"),
        ("5 m", "is not a moment"),
        ("99999999999999999999999", "is not a moment"),
        ("2099-01-01T00:00:00Z", "still to come"),
        ("2026-02-30T00:00:00Z", "is not a moment"),
        ("", "is not a moment"),
    ] {
        node.dkv(&["kv", "get", "a", "--at", moment])
            .exits(2)
            .complains(about);
    }
    node.dkv(&["kv", "revert", "a"]).exits(2).complains("--to");
    node.dkv(&["kv", "revert", "a", "--to", "70"])
        .exits(2)
        .complains("does not exist yet");
    node.dkv(&["kv", "get"]).exits(2).complains("KEY");
    node.dkv(&["kv", "get", "a", ""])
        .exits(2)
        .complains("the key is empty");
}
