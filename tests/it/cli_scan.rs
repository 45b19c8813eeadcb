//! `dkv kv scan` and `dkv kv delete --prefix`.

use crate::harness::Node;

/// A node with `n` keys `p:0000...` and one before and after them.
fn node_with(n: usize) -> Node {
    let node = Node::start();
    let mut shell = crate::harness::Shell::start(node.folder());
    shell.set_endpoint(node.address());
    let script = format!(
        "dkv kv set a before && dkv kv set z after && \
         for i in $(seq -w 1 {n}); do dkv kv set p:$i v$i || exit 1; done"
    );
    let (said, code) = shell.run(&script);
    assert_eq!(code, 0, "{said}");
    node
}

#[test]
fn a_scan_is_ordered_and_keeps_to_its_range() {
    let node = node_with(9);
    let keys = |arguments: &[&str]| {
        let scan = node.dkv(&[&["kv", "scan", "--keys-only"], arguments].concat());
        let lines = scan.exits(0).text().lines();
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let all = keys(&[]);
    assert_eq!(all.len(), 11, "{all:?}");
    assert!(all.is_sorted(), "{all:?}");
    assert_eq!(keys(&["--prefix", "p:"]).len(), 9);
    assert_eq!(
        keys(&["--prefix", "p:", "--limit", "4"]),
        ["p:1", "p:2", "p:3", "p:4"]
    );
    assert_eq!(keys(&["--start", "p:8", "--end", "z"]), ["p:8", "p:9"]);
    assert_eq!(keys(&["--prefix", "none"]), Vec::<String>::new());
}

#[test]
fn a_scan_shows_values_and_leaves_out_what_expired() {
    let node = node_with(3);
    node.dkv(&["kv", "expire", "p:2"]).exits(0);
    let scan = node.dkv(&["kv", "scan", "--prefix", "p:", "-o", "jsonl"]);
    let rows: Vec<serde_json::Value> = scan
        .exits(0)
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2, "{scan}");
    assert_eq!(rows[0]["key"], "p:1");
    assert_eq!(rows[0]["value"], "v1");
    let with = node.dkv(&[
        "kv",
        "scan",
        "--prefix",
        "p:",
        "--include-expired",
        "--keys-only",
    ]);
    assert_eq!(with.exits(0).text().lines().count(), 3, "{with}");
}

#[test]
fn deleting_a_prefix_asks_for_a_yes() {
    let node = node_with(5);
    node.dkv(&["kv", "delete", "--prefix", "p:"])
        .exits(2)
        .complains("--yes");
    let left = node.dkv(&["kv", "scan", "--prefix", "p:", "--keys-only"]);
    assert_eq!(left.text().lines().count(), 5, "{left}");
    let deleted = node.dkv(&["kv", "delete", "--prefix", "p:", "--yes"]);
    assert!(deleted.exits(0).text().contains('5'), "{deleted}");
    let left = node.dkv(&["kv", "scan", "--keys-only"]);
    assert_eq!(left.exits(0).text().lines().collect::<Vec<_>>(), ["a", "z"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let node = node_with(200);
    let mut shell = crate::harness::Shell::start(node.folder());
    shell.set_endpoint(node.address());
    let (said, _) = shell.run("dkv kv scan --keys-only | head -n 1");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["a"],
        "nothing else is said"
    );
}
