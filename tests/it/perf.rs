//! `dkv perf`, against real nodes and against what is none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Node, PATIENCE, Ran, dkv, dkv_at, finish};

fn perf(node: &Node, words: &str) -> Ran {
    let quick = "perf --keys 50 --threads 4 --connections 2 --warm-up 0s";
    let words: Vec<&str> = quick.split(' ').chain(words.split(' ')).collect();
    node.dkv(&words)
}

fn rows(ran: &Ran) -> Vec<serde_json::Value> {
    let lines = ran.exits(0).text().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
fn assert_no_keys(node: &Node) {
    let scan = node.dkv(&["kv", "scan", "--keys-only", "--limit", "1"]);
    scan.exits(0).prints("");
}

#[test]
fn every_test_runs_against_a_real_node_and_leaves_no_keys() {
    let node = Node::start_with(&["--engine", "memory"]);
    let all = "set,set-large,get,has,has-not,scan,batch,txn,lock,watch,mixed,ycsb,delete";
    let ran = perf(
        &node,
        &format!("--ops 40 --large-value-size 2K --value-size 10-1K -o jsonl --only {all}"),
    );
    let rows = rows(&ran);
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["test"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.join(","),
        all.replace("ycsb", "ycsb-a,ycsb-b,ycsb-c,ycsb-d,ycsb-e,ycsb-f")
    );
    for row in &rows {
        assert_eq!(
            (&row["ops"], &row["errors"]),
            (&40.into(), &0.into()),
            "{row}"
        );
        assert_eq!(row["acknowledged_when"], "on disk (fdatasync)");
        let bytes = if row["test"] == "set-large" {
            2_048
        } else {
            517
        };
        assert_eq!(row["value_bytes"], bytes, "{row}");
    }
    assert_no_keys(&node);
    let locks = node.dkv(&["lock", "list"]);
    locks.exits(0).prints("");
}

#[test]
fn rest_and_single_calls_run_the_same_tests_and_leave_no_keys() {
    let node = Node::start_with(&["--engine", "memory"]);
    let all = "set,set-large,get,has,has-not,scan,batch,txn,lock,mixed,ycsb,delete";
    for (scheme, connections, way) in [("http", 4, "HTTP/1.1"), ("grpc", 2, "unary gRPC")] {
        let target = format!("{scheme}://{}", node.address());
        let words = "--ops 40 --large-value-size 2K --value-size 10-1K -o jsonl --only";
        let ran = perf(&node, &format!("{words} {all} --target {target}"));
        let rows = rows(&ran);
        assert_eq!(rows.len(), 17, "{scheme}");
        for row in &rows {
            let told = (&row["ops"], &row["errors"], &row["connections"]);
            assert_eq!(told, (&40.into(), &0.into(), &connections.into()), "{row}");
            assert_eq!(row["target"], target);
            assert_eq!(row["acknowledged_when"], "on disk (fdatasync)");
            assert!(row["reads"].as_str().unwrap().contains(way), "{row}");
        }
        assert_no_keys(&node);
        // What the others have and these have not.
        let watch = format!("--only watch --target {target}");
        perf(&node, &watch).exits(2).complains("dkv:// alone");
    }
    let locks = node.dkv(&["lock", "list"]);
    locks.exits(0).prints("");
}

#[test]
fn rest_is_asked_for_the_shard_and_the_bucket_that_were_named() {
    let node = Node::start_with(&["--engine", "memory"]);
    node.dkv(&["bucket", "create", "mine"]).exits(0);
    for scheme in ["http", "grpc"] {
        let target = format!("{scheme}://{}", node.address());
        let words = format!("--ops 20 --only set,scan -o jsonl --target {target}");
        let in_bucket = perf(&node, &format!("{words} --bucket mine"));
        assert!(rows(&in_bucket).iter().all(|row| row["errors"] == 0));
        let stale = perf(&node, &format!("{words} --consistency stale"));
        let reads = rows(&stale)[0]["reads"].as_str().unwrap().to_owned();
        assert!(reads.starts_with("stale"), "{reads}");
        perf(&node, &format!("{words} --bucket nobodys"))
            .exits(1)
            .complains("nobodys");
        perf(&node, &format!("{words} --shard 7"))
            .exits(1)
            .complains("7");
        let locks = format!("--ops 20 --only lock --shard 200 -o jsonl --target {target}");
        assert_eq!(rows(&perf(&node, &locks))[0]["errors"], 0);
    }
}

#[test]
fn thousands_of_clients_share_a_few_connections() {
    let node = Node::start_with(&["--engine", "memory"]);
    let words = "perf --keys 50 --threads 5000 --warm-up 0s --ops 10000 --only set,get -o jsonl";
    let ran = node.dkv(&words.split(' ').collect::<Vec<_>>());
    for row in rows(&ran) {
        assert_eq!(
            (&row["ops"], &row["errors"]),
            (&10_000.into(), &0.into()),
            "{row}"
        );
    }
}

#[test]
fn a_shard_of_locks_alone_can_be_measured() {
    let node = Node::start();
    let ran = perf(&node, "--ops 20 --only lock --shard 200 -o jsonl");
    assert_eq!(rows(&ran)[0]["ops"], 20);
    perf(&node, "--ops 20 --only set --shard 200")
        .exits(2)
        .complains("lock");
    perf(&node, "--ops 20 --shard 7").exits(1).complains("7");
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let node = Node::start_with(&["--engine", "memory"]);
    let ran = perf(
        &node,
        "--rate 500 --duration 1s --only get --dist zipfian -o jsonl",
    );
    let row = &rows(&ran)[0];
    let ops = row["ops"].as_u64().unwrap() + row["not_started"].as_u64().unwrap();
    assert_eq!(ops, 500, "{row}");
    assert_eq!(row["intended_per_s"], 500.0);
    // More than anything can answer: told, and no memory for what waits.
    let ran = perf(&node, "--rate 10000000 --duration 1s --only set");
    ran.exits(0).complains("could not begin before the end");
}

/// Starts `dkv perf`, and waits until it has written keys.
fn begun(node: &Node, words: &str) -> Child {
    let mut command = dkv();
    command
        .env("DKV_ENDPOINTS", node.address())
        .arg("perf")
        .args(words.split(' '));
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let scan = "kv scan --keys-only --limit 1 --prefix dkv-perf:";
    let scan: Vec<&str> = scan.split(' ').collect();
    while node.dkv(&scan).exits(0).text().is_empty() {
        assert!(Instant::now() < deadline, "no key was written");
    }
    child
}

fn interrupted(node: &Node, signal: Signal, words: &str) -> Ran {
    let child = begun(node, words);
    kill_process(Pid::from_child(&child), signal).unwrap();
    finish(child, words)
}

#[test]
fn ctrl_c_prints_what_was_measured_and_removes_the_keys() {
    let node = Node::start_with(&["--engine", "memory"]);
    let csv = node.folder().join("rows.csv");
    let words = format!("--duration 1h --warm-up 0s --csv {}", csv.display());
    let ran = interrupted(&node, Signal::INT, &words);
    ran.exits(130).complains("figures until then");
    assert!(
        ran.text().contains("set") && !ran.text().contains("set-large"),
        "{ran}"
    );
    assert!(std::fs::read_to_string(&csv).unwrap().contains("\nset,"));
    assert_no_keys(&node);
    // Before there is anything to print.
    let ran = interrupted(&node, Signal::TERM, "--keys 10000000 --only get");
    ran.exits(130)
        .complains("nothing was measured yet")
        .prints("");
    assert_no_keys(&node);
}

#[test]
fn a_second_ctrl_c_waits_for_nobody() {
    let mut node = Node::start_with(&["--engine", "memory"]);
    let mut child = begun(&node, "--duration 1h --warm-up 0s --timeout 10m");
    node.kill();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it does not end");
        // It may be gone by now.
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
        std::thread::sleep(Duration::from_millis(50));
    }
    let ran = finish(child, "perf");
    ran.exits(130)
        .complains("interrupted twice")
        .complains("dkv-perf:");
}

#[test]
fn nonsense_is_refused_before_anything_is_measured() {
    let node = Node::start();
    for (words, about) in [
        ("--threads 0", "0 threads"),
        ("--connections 0", "0 connections"),
        ("--keys 0", "0 keys"),
        ("--rate 0", "0 operations a second"),
        ("--ops 0", "no operations"),
        ("--dist zipfian:2", "THETA between 0 and 1"),
        ("--value-size 2K-1K", "smaller number first"),
        ("--only sett", "is not a test"),
        ("--only get --skip get", "no test to run"),
        ("--csv /nowhere/rows.csv", "/nowhere/rows.csv"),
        ("--target 127.0.0.1:8080", "does not say what it is"),
        ("--target ftp://127.0.0.1:8080", "`ftp` is not a kind of"),
        ("--target https://127.0.0.1:8080", "TLS"),
        ("--target http://127.0.0.1:8080/v1", "host:port alone"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let ran = node.dkv(&[&["perf"], &words[..]].concat());
        ran.exits(2).complains(about).prints("");
    }
    assert_no_keys(&node);
}

const REDIS: &[u8] = b"-ERR unknown command\r\n";

/// A server that answers every connection with `answer`, once, for as long as this lives.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 64];
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn a_target_that_is_not_there_or_not_dkv_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().to_string();
    drop(free);
    let ran = dkv_at(&nobody, &["perf", "--only", "set"]);
    ran.exits(5)
        .complains("is `dkv serve` running?")
        .complains(&nobody)
        .prints("");
    let web: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for scheme in ["http", "grpc"] {
        let target = format!("{scheme}://{nobody}");
        let ran = dkv_at(
            "127.0.0.1:1",
            &["perf", "--only", "set", "--target", &target],
        );
        ran.exits(5)
            .complains("is `dkv serve` running?")
            .complains(&nobody)
            .prints("");
    }
    let cases = ["dkv", "http", "grpc"].map(|scheme| [(scheme, web), (scheme, REDIS)]);
    for (scheme, answer) in cases.into_iter().flatten() {
        let address = answering(answer);
        let target = format!("{scheme}://{address}");
        let ran = dkv_at(
            "127.0.0.1:1",
            &["perf", "--timeout", "3s", "--target", &target],
        );
        ran.exits(5)
            .complains(&address)
            .complains("no dkv")
            .prints("");
    }
}
