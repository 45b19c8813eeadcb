//! A cluster that loses its majority, or all of its members at once.

use std::time::{Duration, Instant};

use crate::harness::cluster::{Cluster, Member, until};
use crate::harness::dkv_at;

/// What is left of a cluster that cannot decide anything.
fn remnant(cluster: &mut Cluster) -> &Member {
    cluster.is_led_by(0);
    cluster.dkv(&["kv", "set", "before", "value"]).exits(0);
    let written = &cluster.members[2];
    written
        .dkv(&["kv", "get", "before"])
        .exits(0)
        .prints("value");
    cluster.members[0].kill();
    cluster.members[1].kill();
    &cluster.members[2]
}

#[test]
fn a_minority_refuses_in_time_and_recovers() {
    let mut cluster = Cluster::up(3);
    let left = remnant(&mut cluster);
    let in_time = |arguments: &[&str], codes: &[i32], words: &str| {
        let began = Instant::now();
        let ran = left.dkv(&[arguments, &["--timeout", "2s"]].concat());
        assert!(codes.contains(&ran.code), "{arguments:?}: {ran}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{arguments:?} hung for {:?}",
            began.elapsed()
        );
        ran.complains(words);
    };
    in_time(&["kv", "set", "lost", "value"], &[5, 8], "");
    in_time(&["kv", "get", "before"], &[5], "quorum");
    in_time(&["lock", "acquire", "lost"], &[5, 8], "");
    let remove = ["cluster", "remove", "node-1", "--yes"];
    in_time(&remove, &[5], "nothing was changed");
    let stale = left.dkv(&["kv", "get", "before", "--consistency", "stale"]);
    stale.exits(0).prints("value");
    until("it says that it is not ready", || {
        left.readyz().contains("shard 100")
    });
    let health = left.dkv(&["cluster", "health"]);
    health.exits(7);
    let said = health.text();
    assert!(said.contains("a majority is needed"), "{said}");
    cluster.members[0].start();
    cluster.members[1].start();
    cluster.becomes_healthy();
    cluster
        .dkv(&["kv", "get", "before"])
        .exits(0)
        .prints("value");
    cluster.dkv(&["kv", "set", "after", "value"]).exits(0);
    let revision = cluster
        .dkv(&["kv", "set", "after", "value"])
        .value_of("revision");
    assert!(revision.parse::<u64>().unwrap() >= 3, "{revision}");
}

/// A leader that was restarted before anybody missed it went on as the leader, did not know
/// what it had committed, and answered reads without the last write.
#[test]
fn what_was_confirmed_is_read_after_all_have_died() {
    let mut cluster = Cluster::up(3);
    for round in ["1", "2", "3", "4"] {
        cluster.is_led_by(0);
        cluster.dkv(&["kv", "set", "round", round]).exits(0);
        cluster.members.iter_mut().for_each(Member::kill);
        cluster.members.iter_mut().for_each(Member::start);
        for member in &mut cluster.members {
            until("it is ready", || member.said().contains("dkv ready:"));
        }
        let first = cluster.members[0].dkv(&["kv", "get", "round"]);
        first.exits(0).prints(round);
        cluster.becomes_healthy();
    }
}

#[test]
fn a_leader_that_left_was_not_told_that_it_is_gone() {
    let cluster = Cluster::up(3);
    cluster.is_led_by(0);
    let gone = &cluster.members[0];
    gone.dkv(&["cluster", "leave", "--yes", "--timeout", "60s"])
        .exits(0)
        .prints("done=node-1 is not a member any more");
    let left: Vec<&str> = cluster.members[1..]
        .iter()
        .map(|it| &*it.endpoint)
        .collect();
    let left = left.join(",");
    let members = dkv_at(&left, &["cluster", "members", "-o", "jsonl"]);
    assert!(!members.exits(0).text().contains("node-1"), "{members}");
    dkv_at(&left, &["kv", "set", "after", "value"]).exits(0);
    // What still runs there says why it is of no use.
    until("it knows, of both shards", || {
        gone.readyz().matches("was taken out").count() == 2
    });
    // They waited as long as the command did, for a leader that cannot come.
    let patient = ["--timeout", "10m"];
    let ran = gone.dkv(&[&["kv", "get", "after"][..], &patient].concat());
    ran.exits(5).complains("was taken out of its cluster");
    // Its writes said that the earlier writes took too long, or that it was not known.
    let ran = gone.dkv(&[&["kv", "set", "after", "else"][..], &patient].concat());
    ran.exits(5).complains("was taken out of its cluster");
    // It said that all was well, of a cluster that it is no part of.
    let health = gone.dkv(&["cluster", "health"]);
    let said = health.exits(7).text();
    assert!(said.contains("node-1, which answers at"), "{health}");
    until("its log says so, once for each shard", || {
        gone.said().matches("was taken out of its cluster").count() == 2
    });
}
