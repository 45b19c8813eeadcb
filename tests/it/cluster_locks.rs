//! Locks and timers through the death of the leader: kept, never early, given out once.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::cluster::{Cluster, until};
use crate::harness::{Ran, dkv, finish};

/// Leases and timers that run out while the leader is being replaced.
const SHORT: Duration = Duration::from_secs(4);

/// A lock as the one who took it knows it.
struct Held {
    owner: String,
    fence: String,
}

fn acquire(cluster: &Cluster, name: &str, ttl: &str) -> Held {
    let ran = cluster.dkv(&["lock", "acquire", name, "--ttl", ttl]);
    Held {
        owner: ran.value_of("ownerId"),
        fence: ran.value_of("fence"),
    }
}

fn waits_for(cluster: &Cluster, name: &str, wait: &str) -> Child {
    dkv()
        .env("DKV_ENDPOINTS", cluster.endpoints())
        .args(["lock", "acquire", name, "--ttl", "0", "--wait", wait])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn waiters(cluster: &Cluster, name: &str) -> String {
    cluster.dkv(&["lock", "info", name]).value_of("waiters")
}

#[test]
fn a_holder_keeps_lock_and_fence_when_the_leader_dies() {
    let mut cluster = Cluster::up(3);
    cluster.is_led_by(1);
    let stale = acquire(&cluster, "moved", "1h");
    cluster
        .dkv(&["lock", "release", "moved", &stale.owner])
        .exits(0);
    let now = acquire(&cluster, "moved", "1h");
    let held = acquire(&cluster, "kept", "1h");
    cluster.members[1].kill();

    cluster.dkv(&["lock", "acquire", "kept"]).exits(3);
    let info = cluster.dkv(&["lock", "info", "kept"]);
    assert_eq!(info.value_of("fence"), held.fence);
    assert_eq!(info.value_of("ownerId"), held.owner);
    let renewed = cluster.dkv(&["lock", "renew", "kept", &held.owner, "--ttl", "2h"]);
    renewed.exits(0);
    let fenced = |name: &str, held: &Held| {
        let fence = format!("{name}@{}", held.fence);
        cluster.dkv(&["kv", "set", "fenced", name, "--fence", &fence])
    };
    fenced("kept", &held).exits(0);

    // What was lost before the leader died stays lost.
    fenced("moved", &stale).exits(4).complains("stale fence");
    cluster
        .dkv(&["lock", "renew", "moved", &stale.owner])
        .exits(4);
    cluster
        .dkv(&["lock", "release", "moved", &stale.owner])
        .exits(4);
    fenced("moved", &now).exits(0);
    cluster
        .dkv(&["lock", "release", "moved", &now.owner])
        .exits(0);
    let next = acquire(&cluster, "moved", "1h");
    let number = |held: &Held| held.fence.parse::<u64>().unwrap();
    assert!(
        number(&next) > number(&now),
        "a fence is never given out again"
    );

    cluster.members[1].start();
    cluster.becomes_healthy();
    let info = cluster.members[1].dkv(&["lock", "info", "kept"]);
    assert_eq!(info.value_of("fence"), held.fence);
}

#[test]
fn leases_and_timers_never_end_early_over_a_change_of_the_leader() {
    let mut cluster = Cluster::up(3);
    cluster.is_led_by(0);
    // Whatever the servers measure begins after this, so that nothing may end before
    // `SHORT` has passed since.
    let began = Instant::now();
    let ttl = format!("{}s", SHORT.as_secs());
    acquire(&cluster, "brief", &ttl);
    cluster
        .dkv(&["kv", "set", "brief", "value", "--ttl", &ttl])
        .exits(0);
    cluster.members[0].kill();
    // Commands that would profit from its end move the shard's clock on, and look at it.
    let (mut key, mut lock) = (None, None);
    let look = |seen: &mut Option<Duration>, arguments: &[&str]| {
        if seen.is_none() && cluster.dkv(arguments).code == 0 {
            *seen = Some(began.elapsed());
        }
    };
    until("both run out", || {
        look(&mut key, &["kv", "set", "brief", "another", "--if-absent"]);
        look(&mut lock, &["lock", "acquire", "brief"]);
        key.is_some() && lock.is_some()
    });
    assert!(key >= Some(SHORT), "the key was gone after {key:?}");
    assert!(lock >= Some(SHORT), "the lease ended after {lock:?}");
}

#[test]
fn of_two_that_wait_one_gets_the_lock_of_a_holder_that_vanished() {
    let mut cluster = Cluster::up(3);
    cluster.is_led_by(2);
    let lost = acquire(&cluster, "contested", &format!("{}s", SHORT.as_secs()));
    let waiting = ["15s", "15s"].map(|wait| waits_for(&cluster, "contested", wait));
    until("both wait", || waiters(&cluster, "contested") == "2");
    cluster.members[2].kill();
    let ran: Vec<Ran> = waiting
        .into_iter()
        .map(|child| finish(child, "dkv lock acquire"))
        .collect();
    let got = |ran: &&Ran| ran.code == 0;
    let winners: Vec<&Ran> = ran.iter().filter(got).collect();
    assert_eq!(winners.len(), 1, "{} {}", ran[0], ran[1]);
    let loser = ran.iter().find(|ran| !got(ran)).unwrap();
    loser.exits(3).prints("acquired=false");
    let winner = winners[0];
    let info = cluster.dkv(&["lock", "info", "contested"]);
    assert_eq!(info.value_of("ownerId"), winner.value_of("ownerId"));
    assert_eq!(info.value_of("fence"), winner.value_of("fence"));
    assert_eq!(info.value_of("waiters"), "0");
    cluster
        .dkv(&["lock", "release", "contested", &lost.owner])
        .exits(4);
}
