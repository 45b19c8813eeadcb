//! `dkv cluster verify` against real nodes: sound ones are called so, a history that was falsified
//! is not, and nothing is left behind.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::cluster::{Cluster, until};
use crate::harness::{Node, Ran, dkv, dkv_at, finish, run};

const RUN: [&str; 6] = ["cluster", "verify", "--duration", "2s", "-o", "json"];

#[track_caller]
fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
}

/// What a sound run says; the history it kept.
#[track_caller]
fn verified(endpoints: &str, folder: &Path) -> (Value, PathBuf) {
    let history = folder.join("history.jsonl");
    let path = history.to_str().unwrap();
    let ran = dkv_at(endpoints, &[&RUN[..], &["--history", path]].concat());
    let said = json(ran.exits(0));
    assert_eq!(said["verdict"], "sound", "{ran}");
    assert_eq!(said["violations"], 0, "{ran}");
    // However slow the disk is.
    assert!(said["ok"].as_u64() > Some(20), "{ran}");
    assert!(said["refused"].as_u64() > Some(0), "{ran}");
    assert!(said["keys"].as_u64() > Some(0), "{ran}");
    let kept = std::fs::read_to_string(&history).unwrap();
    let lines = kept.lines().count() as u64;
    assert_eq!(said["operations"].as_u64(), Some(lines), "{ran}");
    let buckets = dkv_at(endpoints, &["bucket", "list", "-o", "json"]);
    assert_eq!(json(buckets.exits(0)), Value::Array(Vec::new()));
    (said, history)
}

fn names(said: &Value) -> Vec<&str> {
    let members = said["members"].as_array().unwrap();
    members
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect()
}

/// Judges a history with nobody there.
fn judged(history: &Path, words: &[&str]) -> Ran {
    let check = ["cluster", "verify", "--check", history.to_str().unwrap()];
    dkv_at("127.0.0.1:1", &[&check[..], words].concat())
}

#[test]
fn verify_a_lone_node_and_its_history_again() {
    let node = Node::start();
    let (said, history) = verified(node.address(), node.folder());
    assert_eq!(names(&said), [node.address(), "any"]);
    let again = judged(&history, &["-o", "json"]);
    let again = json(again.exits(0));
    for figure in ["verdict", "operations", "ok", "refused", "unknown", "keys"] {
        assert_eq!(again[figure], said[figure], "{figure}");
    }
    falsified(&history, node.folder());
}

/// One read is changed to have found nothing where there was something.
fn falsified(history: &Path, folder: &Path) {
    let text = std::fs::read_to_string(history).unwrap();
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let read = lines
        .iter_mut()
        .rev()
        .find(|it| it["outcome"]["read"]["found"].is_object())
        .expect("something was read");
    read["outcome"]["read"]["found"] = Value::Null;
    let key = read["action"]["get"]["key"].as_str().unwrap().to_owned();
    let path = folder.join("falsified.jsonl");
    let falsified: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&path, falsified.join("\n")).unwrap();

    let told = judged(&path, &[]);
    let text = told.exits(1).text();
    assert!(text.starts_with("NOT SOUND: "), "{told}");
    assert!(text.contains(&format!("get {key}")), "{told}");
    assert!(text.contains("not there, as of "), "{told}");
    assert!(text.contains("client  member "), "{told}");
    assert!(text.lines().count() < 25, "more than a screen: {told}");
    let told = json(judged(&path, &["-o", "json"]).exits(1));
    assert_eq!(told["sound"], false);
    let shown = told["counterexample"].as_array().unwrap();
    assert!((1..=8).contains(&shown.len()), "{told}");
}

#[test]
fn verify_three_members_each_by_itself() {
    let cluster = Cluster::up(3);
    let (said, _) = verified(&cluster.members[0].endpoint, cluster.folder());
    assert_eq!(names(&said), ["any", "node-1", "node-2", "node-3"]);
    let members = said["members"].as_array().unwrap();
    let enough = |it: &Value| it["operations"].as_u64() > Some(0);
    assert!(members.iter().all(enough), "{said}");
    // People read it on one screen.
    let ran = cluster.dkv(&["cluster", "verify", "--duration", "1s"]);
    assert!(ran.exits(0).text().starts_with("sound: "), "{ran}");
    assert!(ran.stderr.is_empty(), "{ran}");
}

#[test]
fn verify_refuses_what_is_somebodys_and_says_who_is_not_there() {
    let node = Node::start();
    node.dkv(&["bucket", "create", "users"]).exits(0);
    node.dkv(&["kv", "set", "k", "v", "--bucket", "users"])
        .exits(0);
    node.dkv(&["cluster", "verify", "--bucket", "users"])
        .exits(2)
        .complains("the bucket users is there already");
    node.dkv(&["kv", "get", "k", "--bucket", "users"])
        .exits(0)
        .prints("v");
    let nobody = dkv_at("127.0.0.1:1", &["cluster", "verify"]);
    nobody.exits(5).complains("127.0.0.1:1");
    node.dkv(&["cluster", "verify", "--clients", "65"]).exits(2);
}

#[test]
fn verify_judges_what_there_is_after_an_interrupt() {
    let node = Node::start();
    let mut command = dkv();
    command
        .args(["cluster", "verify", "--duration", "10m", "--bucket", "mine"])
        .args(["--endpoints", node.address()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    until("keys are written", || {
        let keys = ["kv", "scan", "--bucket", "mine", "-o", "jsonl"];
        !node.dkv(&keys).stdout.is_empty()
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = finish(child, "dkv cluster verify");
    assert!(ran.exits(130).text().starts_with("sound: "), "{ran}");
    ran.complains("interrupted");
    node.dkv(&["bucket", "list"]).exits(0).prints("");
}

#[test]
fn verify_checks_only_what_can_be_a_history() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("history.jsonl");
    judged(&path, &[]).exits(2).complains("history.jsonl");
    std::fs::write(&path, "{\"client\":1}\n").unwrap();
    let broken = judged(&path, &[]);
    broken.exits(2).complains("line 1 is no operation");
    std::fs::write(&path, "").unwrap();
    let nothing = judged(&path, &[]);
    assert!(
        nothing.exits(1).text().starts_with("nothing proven: "),
        "{nothing}"
    );
    let mut command = dkv();
    let both = [
        "cluster",
        "verify",
        "--history",
        "/nowhere/at-all",
        "--duration",
        "1s",
    ];
    run(command.args(both), b"")
        .exits(2)
        .complains("/nowhere/at-all");
}
