//! `dkv lock`: exclusion, waiting, leases, fences, and `lock run`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{Node, PATIENCE, Shell, dkv, finish};

#[test]
fn one_holds_a_lock_and_another_does_not_get_it() {
    let node = Node::start();
    let alice = node.dkv(&["lock", "acquire", "deploy", "--ttl", "1m"]);
    assert_eq!(alice.value_of("acquired"), "true");
    let (owner, fence) = (alice.value_of("ownerId"), alice.value_of("fence"));
    assert_eq!(owner.len(), 32, "{alice}");
    node.dkv(&["lock", "acquire", "deploy"])
        .exits(3)
        .prints("acquired=false");

    let stranger = "00".repeat(16);
    node.dkv(&["lock", "release", "deploy", &stranger])
        .exits(4)
        .prints("released=false");
    node.dkv(&["lock", "renew", "deploy", &stranger, "--ttl", "1m"])
        .exits(4);
    node.dkv(&["lock", "renew", "deploy", &owner, "--ttl", "1m"])
        .exits(0);
    node.dkv(&["lock", "release", "deploy", &owner])
        .exits(0)
        .prints("released=true");

    let bob = node.dkv(&["lock", "acquire", "deploy", "--ttl", "1m"]);
    let later: u64 = bob.value_of("fence").parse().unwrap();
    assert!(
        later > fence.parse().unwrap(),
        "a fence only grows: {fence}, {later}"
    );
}

#[test]
fn a_lease_runs_out_and_the_next_in_line_gets_the_lock() {
    let node = Node::start();
    let started = Instant::now();
    node.dkv(&["lock", "acquire", "deploy", "--ttl", "1500ms"])
        .value_of("fence");
    let bob = node.dkv(&["lock", "acquire", "deploy", "--wait", "30s", "--ttl", "1m"]);
    assert_eq!(bob.value_of("acquired"), "true");
    assert!(
        started.elapsed() >= Duration::from_millis(1_500),
        "never early"
    );
}

#[test]
fn a_wait_ends() {
    let node = Node::start();
    node.dkv(&["lock", "acquire", "deploy", "--ttl", "1m"])
        .value_of("fence");
    let started = Instant::now();
    node.dkv(&["lock", "acquire", "deploy", "--wait", "300ms"])
        .exits(3)
        .prints("acquired=false");
    assert!(started.elapsed() >= Duration::from_millis(300), "it waited");
    assert!(started.elapsed() < PATIENCE / 2, "it stopped waiting");
}

#[test]
fn a_stale_fence_is_refused_and_a_fresh_one_is_not() {
    let node = Node::start();
    let alice = node.dkv(&["lock", "acquire", "deploy", "--ttl", "1m"]);
    let stale = format!("deploy@{}", alice.value_of("fence"));
    node.dkv(&["kv", "set", "release", "v1", "--fence", &stale])
        .exits(0);
    node.dkv(&["lock", "revoke", "deploy", "--yes"]).exits(0);
    // Stale at once, though nobody holds the lock.
    node.dkv(&["kv", "set", "release", "v2", "--fence", &stale])
        .exits(4)
        .complains("deploy");
    let bob = node.dkv(&["lock", "acquire", "deploy", "--ttl", "1m"]);
    let fresh = format!("deploy@{}", bob.value_of("fence"));
    node.dkv(&["kv", "set", "release", "v3", "--fence", &stale])
        .exits(4);
    node.dkv(&["kv", "set", "release", "v3", "--fence", &fresh])
        .exits(0);
    node.dkv(&["kv", "get", "release"]).prints("v3");
}

#[test]
fn info_and_list_show_who_holds_what() {
    let node = Node::start();
    let alice = node.dkv(&["lock", "acquire", "deploy", "--ttl", "1m"]);
    node.dkv(&["lock", "acquire", "backup", "--ttl", "1m"])
        .exits(0);
    let info = node.dkv(&["lock", "info", "deploy", "-o", "json"]);
    assert!(
        info.exits(0).text().contains(&alice.value_of("ownerId")),
        "{info}"
    );
    let list = node.dkv(&["lock", "list"]);
    assert!(list.exits(0).text().contains("backup"), "{list}");
    assert!(list.text().contains("deploy"), "{list}");
    let some = node.dkv(&["lock", "list", "--prefix", "dep"]);
    assert!(!some.exits(0).text().contains("backup"), "{some}");
    node.dkv(&["lock", "info", "free"]).exits(3);
    node.dkv(&["lock", "revoke", "deploy"])
        .exits(2)
        .complains("--yes");
}

#[test]
fn lock_run_holds_the_lock_and_gives_the_command_its_fence() {
    let node = Node::start();
    let script = "test \"$DKV_LOCK_NAME\" = deploy && test ${#DKV_LOCK_OWNER} = 32 && \
                  dkv kv set release v1 --fence \"deploy@$DKV_LOCK_FENCE\" && \
                  dkv lock acquire deploy; exit $((10 + $?))";
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    let (said, code) = shell.run(&format!("dkv lock run deploy -- bash -c '{script}'"));
    assert_eq!(
        code, 13,
        "the command's own exit code, 10 + `not acquired`: {said}"
    );
    assert!(said.contains("acquired=false"), "{said}");
    // It was given up when the command ended.
    assert_eq!(
        node.dkv(&["lock", "acquire", "deploy"])
            .value_of("acquired"),
        "true"
    );
    node.dkv(&["lock", "run", "deploy", "--", "true"]).exits(3);
}

#[test]
fn lock_run_ends_a_command_that_lost_its_lock() {
    let node = Node::start();
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    let script =
        "trap \"echo told; exit 7\" TERM; echo begun > begun; while :; do sleep 0.05; done";
    shell.begin(&format!(
        "dkv lock run deploy --ttl 1s -- bash -c '{script}'"
    ));
    let begun = node.folder().join("begun");
    let started = Instant::now();
    while !begun.exists() {
        assert!(started.elapsed() < PATIENCE, "the command never began");
        std::thread::yield_now();
    }
    node.dkv(&["lock", "revoke", "deploy", "--yes"]).exits(0);
    let (said, code) = shell.end();
    assert!(said.contains("told"), "{said}");
    assert_ne!(code, 0, "{said}");
}

#[test]
fn twenty_shells_take_turns() {
    let node = Node::start();
    let script = "
        echo 0 > total
        for i in $(seq 20); do
            dkv lock run counter --wait 60s -- bash -c 'n=$(<total); sleep 0.005; echo $((n + 1)) > total' &
        done
        wait
        cat total";
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    let (said, _) = shell.run(script);
    assert_eq!(
        said.trim(),
        "20",
        "an increment was lost, so two held the lock at once"
    );
}

/// A one-line description of the subcommand hid the one that says what it prints.
#[test]
fn the_help_of_a_subcommand_said_only_one_line() {
    for (words, said) in [
        (["lock", "run"], "killed with SIGKILL"),
        (["lock", "acquire"], "ownerId=HEX"),
        (["kv", "get"], "exits with 3"),
    ] {
        let help = dkv()
            .args(words)
            .arg("--help")
            .stdout(Stdio::piped())
            .spawn();
        let help = finish(help.unwrap(), "dkv --help");
        assert!(help.exits(0).text().contains(said), "{help}");
    }
}
