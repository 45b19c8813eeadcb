//! `dkv perf --compare`, with two nodes of dkv as peers: Redis and etcd have fakes beside
//! their clients, and the real ones are for `bench/`.

use crate::harness::{Node, Ran, dkv_at};

const QUICK: &str = "perf --keys 20 --threads 2 --connections 1 --warm-up 0s --ops 30";

fn compare(words: &[&str]) -> Ran {
    let quick: Vec<&str> = QUICK.split(' ').collect();
    dkv_at("127.0.0.1:1", &[&quick[..], words].concat())
}

fn url(node: &Node) -> String {
    format!("dkv://{}", node.address())
}

#[test]
fn two_nodes_are_measured_in_turns_and_left_as_they_were() {
    let nodes = [1, 2].map(|_| Node::start_with(&["--engine", "memory"]));
    let [a, b] = [url(&nodes[0]), url(&nodes[1])];
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("rounds.csv");
    let ran = compare(&[
        "--compare",
        &a,
        &b,
        "--rounds",
        "2",
        "--only",
        "set,get",
        "-o",
        "jsonl",
        "--csv",
        csv.to_str().unwrap(),
    ]);
    let rows: Vec<serde_json::Value> = (ran.exits(0).text().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2);
    for (row, test) in rows.iter().zip(["set", "get"]) {
        assert_eq!(
            (row["test"].as_str(), &row["errors"]),
            (Some(test), &0.into())
        );
        assert_eq!(
            (&row["a_target"], &row["b_target"]),
            (&(*a).into(), &(*b).into())
        );
        assert_eq!(row["a_acknowledged_when"], "on disk (fdatasync)");
        assert!(row["ops_ratio"].as_f64().unwrap() > 0.0, "{row}");
    }
    let rounds = std::fs::read_to_string(&csv).unwrap();
    let targets: Vec<_> = rounds
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1))
        .collect();
    let turns = [&a, &b, &a, &b, &b, &a, &b, &a].map(|target| Some(target.as_str()));
    assert_eq!(targets, turns, "who is first changes with the round");
    for node in &nodes {
        node.dkv(&["kv", "scan", "--keys-only"]).exits(0).prints("");
    }
}

#[test]
fn what_cannot_be_compared_is_told_before_anything_is_measured() {
    let node = Node::start_with(&["--engine", "memory"]);
    let here = url(&node);
    let redis = format!("redis://{}", node.address());
    let etcd = format!("etcd://{}", node.address());
    for (other, code, words) in [
        (&redis, 5, "is not a Redis: there is a dkv"),
        (&etcd, 5, "is not an etcd: there is a dkv"),
        (&here, 2, "cannot be compared with itself"),
    ] {
        let ran = compare(&["--compare", &here, other, "--only", "set"]);
        ran.exits(code).complains(words).prints("");
    }
    let alone = compare(&["--compare", &here]);
    alone.exits(2).complains("2 values required").prints("");
    compare(&["--rounds", "3"])
        .exits(2)
        .complains("--compare")
        .prints("");
}
