//! `examples/cluster` and `examples/cluster_lock.rs`, and what nodes of a cluster tell of
//! themselves.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::{ExampleCluster, Exposition, PATIENCE, dkv_at, http, parse_exposition};

#[test]
fn three_nodes_start_tell_how_they_do_and_stop_with_the_scripts() {
    let cluster = ExampleCluster::start();
    let told = format!("export DKV_ENDPOINTS={}", cluster.endpoints());
    cluster.script("start.sh").exits(0).prints(&told);
    cluster.dkv(&["kv", "set", "user:1", "alice"]).exits(0);
    let follower = cluster.leader() % 3 + 1;
    for key in ["user:2", "user:3"] {
        dkv_at(cluster.address(follower), &["kv", "set", key, "bob"]).exits(0);
    }
    dkv_at(cluster.address(follower), &["kv", "get", "user:3"]).prints("bob");
    leader_tells(&cluster);
    follower_tells(&cluster, follower);
    for node in 1..=3 {
        let ready = http(cluster.address(node), "GET", "/readyz?verbose");
        assert_eq!(ready.status, 200, "{}", ready.body);
        let leads = format!("[+]shard 100 ok: node-{} leads (term ", cluster.leader());
        assert!(ready.body.contains(&leads), "{}", ready.body);
        let said = cluster.said(node);
        assert_eq!(said.matches("shard 100: node-").count(), 1, "{said}");
    }
    cluster.script("stop.sh").exits(0);
    for node in 1..=3 {
        assert!(!cluster.pid_file(node).exists());
        assert!(TcpStream::connect(cluster.address(node)).is_err());
    }
}

#[track_caller]
fn scrape(cluster: &ExampleCluster, node: usize) -> Exposition {
    let page = http(cluster.address(node), "GET", "/metrics");
    parse_exposition(&page.body).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[track_caller]
fn sample(page: &Exposition, name: &str) -> f64 {
    let found = page.samples.get(name);
    *found.unwrap_or_else(|| panic!("{name} is not on the page"))
}

fn leader_tells(cluster: &ExampleCluster) {
    let leader = cluster.leader();
    let page = scrape(cluster, leader);
    let of = |name: &str| sample(&page, &format!("dkv_raft_{name}{{shard=\"100\"}}"));
    assert_eq!((of("is_leader"), of("has_leader")), (1.0, 1.0));
    assert_eq!((of("voters"), of("members")), (3.0, 3.0));
    assert!(of("term") >= 1.0 && of("leader_changes_total") >= 1.0);
    assert!(of("last_index") >= of("committed_index") && of("committed_index") >= 3.0);
    let applied = |name: &str| {
        let name = format!("dkv_raft_{name}{{shard=\"100\",outcome=\"applied\"}}");
        sample(&page, &name)
    };
    assert_eq!(applied("commands_total"), 3.0);
    assert!((1.0..=3.0).contains(&applied("entries_total")));
    assert_eq!(
        of("append_duration_seconds_count"),
        applied("entries_total")
    );
    assert!(of("read_round_reads_count") >= 1.0, "the follower's read");
    for peer in (1..=3).filter(|node| *node != leader) {
        let labels = format!("{{shard=\"100\",peer=\"node-{peer}\"}}");
        sample(&page, &format!("dkv_raft_peer_lag_entries{labels}"));
        let silence = sample(&page, &format!("dkv_raft_peer_silence_seconds{labels}"));
        assert!(silence < 10.0, "{silence}");
        for lane in ["data", "heartbeat", "snapshot"] {
            let labels = format!("peer=\"node-{peer}\",lane=\"{lane}\"");
            assert_eq!(
                sample(&page, &format!("dkv_peer_connected{{{labels}}}")),
                1.0
            );
            let sent = format!("dkv_peer_frames_total{{{labels},direction=\"out\"}}");
            assert_eq!(sample(&page, &sent) > 0.0, lane != "snapshot", "{lane}");
        }
    }
}

fn follower_tells(cluster: &ExampleCluster, follower: usize) {
    let page = scrape(cluster, follower);
    let of = |name: &str| sample(&page, &format!("dkv_raft_{name}{{shard=\"100\"}}"));
    assert_eq!((of("is_leader"), of("has_leader")), (0.0, 1.0));
    let forwarded = "dkv_raft_forwarded_commands_total{shard=\"100\",outcome=\"applied\"}";
    assert_eq!(sample(&page, forwarded), 2.0);
    let lag = |name: &String| name.starts_with("dkv_raft_peer_lag_entries{shard=\"100\"");
    assert!(!page.samples.keys().any(lag), "only a leader knows");
}

#[test]
fn without_a_majority_a_node_says_so_and_reads_only_stale() {
    let cluster = ExampleCluster::start();
    cluster.dkv(&["kv", "set", "user:1", "alice"]).exits(0);
    cluster.dkv(&["lock", "acquire", "deploy"]).exits(0);
    let leader = cluster.leader();
    let (other, left) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let address = cluster.address(left);
    // It has what was confirmed before it is alone.
    dkv_at(address, &["lock", "info", "deploy"]).exits(0);
    cluster.kill(leader);
    cluster.kill(other);
    let until = Instant::now() + PATIENCE;
    let refused = loop {
        let ready = http(address, "GET", "/readyz");
        if ready.status == 503 && ready.body.contains("shard 100:") {
            break ready.body;
        }
        assert!(
            Instant::now() < until,
            "it says it is ready: {}",
            ready.body
        );
    };
    assert!(refused.contains("shard 100: no leader"), "{refused}");
    assert!(refused.contains("majority"), "{refused}");
    assert_eq!(http(address, "GET", "/livez").status, 200);
    assert_eq!(http(address, "GET", "/health").status, 503);
    assert_eq!(
        sample(
            &scrape(&cluster, left),
            "dkv_raft_has_leader{shard=\"100\"}"
        ),
        0.0
    );
    let told = || cluster.said(left).matches("shard 100: no leader").count();
    while told() == 0 {
        assert!(Instant::now() < until, "{}", cluster.said(left));
    }

    let current = ["kv", "get", "user:1", "--timeout", "1s"];
    let refused = dkv_at(address, &current);
    // The node says that no quorum confirmed it, or the client that the time is over: both
    // end in the same moment.
    assert!([5, 8].contains(&refused.code), "{refused}");
    refused.prints("");
    reads_stale(&cluster);
    assert_eq!(told(), 1, "{}", cluster.said(left));

    cluster.script("start.sh").exits(0);
    cluster.dkv(&["kv", "get", "user:1"]).prints("alice");
}

fn reads_stale(cluster: &ExampleCluster) {
    let stale = ["kv", "get", "user:1", "--consistency", "stale"];
    // The first two endpoints are dead as a rule: any node will do.
    cluster.dkv(&stale).exits(0).prints("alice");
    let json = cluster.dkv(&[&stale[..], &["-o", "json"]].concat());
    json.exits(0);
    assert!(json.text().contains("\"stale\": true"), "{json}");
    assert!(json.text().contains("\"stale_age_ms\": "), "{json}");
    let lock = [
        "lock",
        "info",
        "deploy",
        "--consistency",
        "stale",
        "-o",
        "jsonl",
    ];
    let lock = cluster.dkv(&lock);
    lock.exits(0);
    assert_eq!(lock.text().matches("\"age_ms\":").count(), 1, "{lock}");
    assert!(lock.text().contains("\"stale\":true"), "{lock}");
}

/// The lock outlives its leader, and no step is lost or done twice.
#[test]
fn the_example_keeps_its_lock_through_a_change_of_leader() {
    const STEPS: usize = 15;
    let cluster = ExampleCluster::start();
    let mut example = Command::new(example("cluster_lock"))
        .arg(STEPS.to_string())
        .env("DKV_ENDPOINTS", cluster.endpoints())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(example.stdout.take().unwrap()).lines();
    let mut steps: Vec<usize> = Vec::new();
    let mut last = String::new();
    for line in lines.map_while(Result::ok) {
        if let Some(step) = line.strip_prefix("step ") {
            steps.push(step.split(' ').next().unwrap().parse().unwrap());
            if steps.len() == 3 {
                cluster.kill(cluster.leader());
            }
        }
        last = line;
    }
    assert!(example.wait().unwrap().success(), "{last}");
    assert_eq!(last, "done, the lock is released");
    assert_eq!(steps, (1..=STEPS).collect::<Vec<_>>());
    let done = cluster.dkv(&["kv", "get", "nightly:done"]);
    done.prints(&STEPS.to_string());
}

/// A program of `examples/`: `cargo test` has built it, `cargo test --test it` has not.
fn example(name: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_dkv"));
    let path = binary.with_file_name("examples").join(name);
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--example", name]);
        if binary.parent().is_some_and(|it| it.ends_with("release")) {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(
            built.unwrap().success(),
            "examples/{name}.rs does not build"
        );
    }
    path
}
