//! What goes wrong around a cluster, and what is said of it: wrong words, wrong addresses,
//! wrong directories. Nothing of it harms the cluster.

use std::time::Duration;

use rustix::process::Signal;

use crate::harness::cluster::{Cluster, Member, until};
use crate::harness::{dkv, run};

/// A node `node-N` in a directory named `of`, with these words.
fn node(cluster: &Cluster, n: u16, of: &str, words: &[&str]) -> Member {
    let mut node = cluster.outsider(n, words);
    node.data_dir = cluster.folder().join(of);
    node
}

#[track_caller]
fn copy(from: &Member, to: &Member) {
    let mut copy = std::process::Command::new("cp");
    run(copy.arg("-r").arg(&from.data_dir).arg(&to.data_dir), b"").exits(0);
}

#[test]
fn wrong_words_are_refused_before_anything_is_touched() {
    let folder = tempfile::TempDir::new().unwrap();
    let refused = |words: &[&str], about: &str| {
        let mut command = dkv();
        command.arg("serve").args(words).current_dir(folder.path());
        run(command.args(["--listen", "127.0.0.1:0"]), b"")
            .exits(2)
            .complains(about);
    };
    let three = "node-1=127.0.0.1:1,node-2=127.0.0.1:2,node-3=127.0.0.1:3";
    refused(
        &["--cluster-members", three],
        "add --node-id, like --node-id node-1",
    );
    refused(
        &["--shards", "100=dstore"],
        "add --node-id, like --node-id node-1",
    );
    let named = |words: &[&str], about: &str| {
        refused(&[&["--node-id", "node-1"], words].concat(), about);
    };
    refused(
        &["--node-id", "node-7", "--cluster-members", three],
        "has node-1, node-2, node-3 and not this node, --node-id node-7",
    );
    let twice = "node-1=127.0.0.1:1,node-1=127.0.0.1:2";
    named(&["--cluster-members", twice], "names node-1 twice");
    let same = "node-1=127.0.0.1:1,node-2=127.0.0.1:1";
    named(
        &["--cluster-members", same],
        "node-1 and node-2 the same address",
    );
    named(&["--cluster-members", "node-1"], "write NAME=HOST:PORT");
    named(
        &["--cluster-members", "node-1=127.0.0.1"],
        "write HOST:PORT",
    );
    let both = ["--cluster-members", three, "--join", "127.0.0.1:1"];
    named(&both, "give one of them");
    // Refused once it listens: the usual port may be somebody else's.
    named(
        &["--shards", "100=dstore", "--peer-listen", "127.0.0.1:0"],
        "like --cluster-members node-1=host:63001",
    );
    assert!(!folder.path().join("data/wal").exists());
}

#[test]
fn a_node_that_waits_says_for_whom_and_can_be_stopped() {
    for (signal, words) in [(Signal::INT, "--cluster-members"), (Signal::TERM, "--join")] {
        let mut cluster = Cluster::planned(2);
        if words == "--join" {
            let nobody = cluster.members[1].peer.clone();
            cluster.members[0].words = vec!["--join".to_owned(), nobody];
        }
        let other = cluster.members[1].peer.clone();
        let first = &mut cluster.members[0];
        first.start();
        until("it says so", || first.said().contains("waiting for"));
        assert!(first.said().contains(&other), "{}", first.said());
        let why = first.readyz();
        assert!(why.contains("waiting for") && why.contains(&other), "{why}");
        if words == "--cluster-members" {
            assert!(
                first.said().contains("an odd number is better"),
                "{}",
                first.said()
            );
            assert!(why.contains("node-2"), "{why}");
        }
        let began = std::time::Instant::now();
        assert_eq!(first.end_with(signal), 0, "{}", first.said());
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
    }
}

#[test]
fn nodes_that_cannot_be_members_are_told_why() {
    let cluster = Cluster::up(3);
    cluster.dkv(&["kv", "set", "greeting", "hello"]).exits(0);
    let [first, second] = [0, 1].map(|at| cluster.members[at].peer.clone());
    let client = cluster.members[0].endpoint.clone();
    let list = |others: &str| format!("node-5={},{others}", cluster.outsider(5, &[]).peer);
    let refused = |n: u16, words: &[&str], about: &[&str]| {
        let refused = node(&cluster, n, "refused", words).refuses();
        refused.exits(2);
        about.iter().for_each(|about| {
            refused.complains(about);
        });
    };
    let other_name = list(&format!("node-6={first}"));
    let about = ["is node-1, not node-6", "correct the list"];
    refused(5, &["--cluster-members", &other_name], &about);
    let unknown = list(&format!("node-1={first},node-2={second}"));
    let about = ["has no node-5", "--join"];
    refused(5, &["--cluster-members", &unknown], &about);
    let not_peer = list(&format!("node-6={client}"));
    let about = ["is not a peer port", "--peer-listen"];
    refused(5, &["--cluster-members", &not_peer], &about);
    refused(5, &["--join", &client], &about);
    // The name is taken; its own port is not.
    let mut taken = node(&cluster, 5, "taken", &["--join", &first]);
    taken.name = "node-2".to_owned();
    taken
        .refuses()
        .exits(2)
        .complains("node-2 is ")
        .complains("choose another --node-id");

    let refused = |words: &[&str], code: i32, about: &str| {
        let words = [&["cluster"], words].concat();
        cluster.dkv(&words).exits(code).complains(about);
    };
    for command in [&["remove", "node-9", "--yes"][..], &["promote", "node-9"]] {
        refused(command, 2, "no member is called `node-9`");
        refused(command, 2, "node-1, node-2, node-3");
    }
    refused(
        &["transfer-leader", "node-9"],
        2,
        "no member is called `node-9`",
    );
    refused(
        &["transfer-leader", "node-2", "--shard", "7"],
        1,
        "no replicated shard 7",
    );
    let nobody = cluster.outsider(8, &[]).peer.clone();
    refused(
        &["add-learner", &nobody],
        2,
        &format!("nobody listens at {nobody}"),
    );
    refused(&["add-learner", &client], 2, "is not a peer port");
    cluster.becomes_healthy();
    cluster
        .dkv(&["kv", "get", "greeting"])
        .exits(0)
        .prints("hello");
}

#[test]
fn the_leadership_goes_only_to_a_voter_that_is_there() {
    let cluster = Cluster::up(3);
    cluster.is_led_by(0);
    let first = cluster.members[0].peer.clone();
    let mut fourth = cluster.outsider(4, &["--join", &first]);
    fourth.start_and_wait();
    until("it votes", || {
        let members = cluster.dkv(&["cluster", "members", "-o", "jsonl"]);
        members.text().matches(r#""role":"voter""#).count() == 4
    });
    fourth.kill();
    // It counts as there for a moment.
    until("the leader knows that it is gone", || {
        let words = ["cluster", "transfer-leader", "node-4", "--timeout", "2s"];
        let ran = cluster.dkv(&words);
        assert!([2, 5, 8].contains(&ran.code), "{ran}");
        ran.code == 2 && ran.stderr.contains("node-4 has not answered")
    });
    cluster
        .dkv(&["cluster", "remove", "node-4", "--yes"])
        .exits(0);
    // It was removed: what it has is of no use any more.
    let words = ["cluster", "transfer-leader", "node-4"];
    cluster
        .dkv(&words)
        .exits(2)
        .complains("no member is called");
    cluster.members[0]
        .dkv(&["kv", "set", "greeting", "hello"])
        .exits(0);
    for name in ["node-3", "node-2"] {
        cluster.dkv(&["cluster", "remove", name, "--yes"]).exits(0);
    }
    let last = &cluster.members[0];
    last.dkv(&["cluster", "leave", "--yes"])
        .exits(2)
        .complains("the last voter");
    last.dkv(&["kv", "get", "greeting"])
        .exits(0)
        .prints("hello");
}

#[test]
fn directories_that_were_wiped_or_swapped_are_refused() {
    let mut cluster = Cluster::up(3);
    cluster.members[1].kill();
    cluster.members[2].kill();
    let moved = [1, 2].map(|at| cluster.members[at].data_dir.clone());
    cluster.members[1].data_dir = moved[1].clone();
    cluster.members[2].data_dir = moved[0].clone();
    let refused = cluster.members[1].refuses();
    refused
        .exits(2)
        .complains("belongs to node-3, not to node-2");
    cluster.members[2]
        .refuses()
        .exits(2)
        .complains("belongs to node-2, not to node-3");
    let [second, third] = moved;
    cluster.members[1].data_dir = second;
    cluster.members[2].data_dir = third.with_extension("wiped");
    cluster.members[1].start();
    let refused = cluster.members[2].refuses();
    refused
        .exits(2)
        .complains("node-3 was ")
        .complains("dkv cluster remove node-3");
    cluster.members[2].data_dir = third;
    cluster.members[2].start();
    cluster.becomes_healthy();
    // It knows its cluster without a word of it.
    cluster.members[2].stop();
    let words = std::mem::take(&mut cluster.members[2].words);
    cluster.members[2].start_and_wait();
    cluster.becomes_healthy();
    cluster.members[2].stop();
    // And is not made a lone node by one.
    cluster.members[2].words = ["--shards", "100=lstore"].map(str::to_owned).to_vec();
    let refused = cluster.members[2].refuses();
    refused.exits(2).complains("--cluster-members or --join");
    cluster.members[2].words = words;
    cluster.members[2].start();
    cluster.becomes_healthy();
}

#[test]
fn a_copy_of_a_member_is_kept_out_while_that_one_lives() {
    let mut cluster = Cluster::up(3);
    cluster.is_led_by(0);
    cluster.members[2].stop();
    let list = cluster.members[2].words.clone();
    let words: Vec<&str> = list.iter().map(String::as_str).collect();
    let mut clone = node(&cluster, 6, "clone", &words);
    clone.name = "node-3".to_owned();
    copy(&cluster.members[2], &clone);
    cluster.members[2].start();
    cluster.becomes_healthy();
    clone.start();
    let said = "was the data directory copied?";
    for i in 0..60 {
        let value = i.to_string();
        cluster.dkv(&["kv", "set", "counted", &value]).exits(0);
    }
    until("it is told", || clone.said().contains(said));
    cluster.becomes_healthy();
    let get = cluster.members[2].dkv(&["kv", "get", "counted"]);
    get.exits(0).prints("59");
    clone.kill();
    cluster.becomes_healthy();
}

#[test]
fn a_node_of_another_cluster_stays_there() {
    let mut cluster = Cluster::up(1);
    let mut other = Cluster::up(1);
    other.dkv(&["kv", "set", "greeting", "other"]).exits(0);
    let address = other.members[0].peer.clone();
    let asked = cluster.dkv(&["cluster", "add-learner", &address]);
    asked.exits(2).complains("another cluster");
    let both = format!("{},{}", cluster.endpoints(), other.endpoints());
    let asked = crate::harness::dkv_at(&both, &["cluster", "status"]);
    asked.exits(2).complains("are in different clusters");
    // It knows where it belongs, whatever it is told.
    let ours = cluster.members[0].peer.clone();
    other.members[0].stop();
    other.members[0].words = vec!["--join".to_owned(), ours];
    other.members[0].start_and_wait();
    other
        .dkv(&["kv", "get", "greeting"])
        .exits(0)
        .prints("other");
    cluster.dkv(&["kv", "get", "greeting"]).exits(3);
    let members = cluster.dkv(&["cluster", "members", "-o", "jsonl"]);
    assert_eq!(members.exits(0).text().lines().count(), 1, "{members}");
    assert!(cluster.members[0].runs());
}

#[test]
fn a_member_with_other_addresses_is_found_again() {
    let mut cluster = Cluster::up(3);
    cluster.is_led_by(0);
    cluster.members[2].stop();
    let elsewhere = cluster.outsider(7, &[]);
    let moved = &mut cluster.members[2];
    let list = moved.words[1].replace(&moved.peer, &elsewhere.peer);
    moved.words[1] = list;
    moved.peer = elsewhere.peer.clone();
    moved.endpoint = elsewhere.endpoint.clone();
    moved.start_and_wait();
    until("the others know where it is", || {
        let members = cluster.members[0].dkv(&["cluster", "members"]);
        members.text().contains(&elsewhere.endpoint) && members.text().contains(&elsewhere.peer)
    });
    cluster.becomes_healthy();
    cluster.dkv(&["kv", "set", "greeting", "hello"]).exits(0);
    let get = cluster.members[2].dkv(&["kv", "get", "greeting"]);
    get.exits(0).prints("hello");
}
