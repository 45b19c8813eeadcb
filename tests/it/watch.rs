//! `dkv kv watch`, and watches of the library, on the real binary.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use dkv::client::{EventKind, WatchBatch, WatchOptions};
use dkv::{Client, ClientOptions, LocalStore};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::{Node, PATIENCE, dkv};

/// A `dkv kv watch` under way.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    /// Begins to watch, and waits until the node knows of it.
    fn start(node: &Node, endpoints: &str, arguments: &[&str]) -> Self {
        let before = watchers(node);
        let mut child = dkv()
            .env("DKV_ENDPOINTS", endpoints)
            .args(["kv", "watch"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = follow(child.stdout.take().unwrap());
        while watchers(node) == before {
            thread::sleep(Duration::from_millis(10));
        }
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a change is told")
    }

    fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

fn follow(stdout: ChildStdout) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}

/// How many watches the node has.
fn watchers(node: &Node) -> u64 {
    let page = crate::harness::http(node.address(), "GET", "/metrics").body;
    let line = page
        .lines()
        .find(|line| line.starts_with("dkv_watch_watchers{shard=\"100\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap()
}

#[test]
fn changes_are_printed_as_they_happen() {
    let node = Node::start();
    let all = Watching::start(&node, node.address(), &["--prefix", "user:", "--previous"]);
    let once = Watching::start(&node, node.address(), &["user:2", "--once", "-o", "jsonl"]);
    node.dkv(&["kv", "set", "user:1", "alice"]).exits(0);
    node.dkv(&["kv", "set", "other", "x"]).exits(0);
    node.dkv(&["kv", "set", "user:2", "bob"]).exits(0);
    node.dkv(&["kv", "expire", "user:1"]).exits(0);
    node.dkv(&["kv", "touch", "user:2", "--ttl", "1h"]).exits(0);
    node.dkv(&["kv", "delete", "user:1"]).exits(0);
    for line in [
        "set\t1\tuser:1\talice\t(was not there)",
        "set\t3\tuser:2\tbob\t(was not there)",
        "expire\t4\tuser:1\t(was alice)",
        "delete\t6\tuser:1\t(was expired)",
    ] {
        assert_eq!(all.line(), line);
    }
    let row: serde_json::Value = serde_json::from_str(&once.line()).unwrap();
    assert_eq!(
        (&row["type"], &row["value"]),
        (&"set".into(), &"bob".into())
    );
    assert_eq!(
        (&row["revision"], &row["initial"]),
        (&3.into(), &false.into())
    );
    assert_eq!(once.code(), Some(0));
    kill_process(Pid::from_child(&all.child), Signal::INT).unwrap();
    assert_eq!(all.code(), Some(130));
    let deletes = node.dkv(&[
        "kv", "watch", "--from", "1", "--until", "6", "--kinds", "delete",
    ]);
    deletes.exits(0).prints("delete\t6\tuser:1");
}

/// A node that is reached by the same name after each start.
fn node_with_socket() -> (Node, TempDir, String) {
    let folder = TempDir::new().unwrap();
    let socket = format!("unix:{}/dkv.sock", folder.path().display());
    let node = Node::start_with(&["--listen", &socket]);
    (node, folder, socket)
}

#[test]
fn a_watch_goes_on_over_restarts_without_a_gap() {
    let (mut node, _folder, socket) = node_with_socket();
    let watching = Watching::start(&node, &socket, &["--prefix", "k"]);
    node.dkv(&["kv", "set", "k1", "a"]).exits(0);
    assert_eq!(watching.line(), "set\t1\tk1\ta");
    for (revision, end) in [(2, true), (3, false)] {
        if end {
            node.kill();
        } else {
            assert_eq!(node.terminate(), 0);
        }
        node.restart();
        node.dkv(&["kv", "set", "k2", "b"]).exits(0);
        assert_eq!(watching.line(), format!("set\t{revision}\tk2\tb"));
    }
    kill_process(Pid::from_child(&watching.child), Signal::TERM).unwrap();
    assert_eq!(watching.code(), Some(143));
    let rest = node.dkv(&[
        "kv", "watch", "--prefix", "k", "--from", "2", "--until", "3",
    ]);
    rest.exits(0).prints("set\t2\tk2\tb\nset\t3\tk2\tb");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_of_the_library_tells_each_revision_once_over_crashes() {
    let (mut node, _folder, socket) = node_with_socket();
    let client = Client::connect(ClientOptions::to(&socket)).await.unwrap();
    let mut watch = client.watch(WatchOptions::default()).await.unwrap();
    let (mut told_all, mut written) = (Vec::new(), 0);
    for _ in 0..4 {
        for n in 0..30 {
            client.set(format!("key-{n}"), "value").await.unwrap();
            written += 1;
        }
        for _ in 0..2 {
            told_all.extend(told(&mut watch).await.events);
        }
        node.kill();
        node.restart();
        node.dkv(&["kv", "set", "between", "value"]).exits(0);
        written += 1;
    }
    while told_all.len() < written {
        told_all.extend(told(&mut watch).await.events);
    }
    let revisions: Vec<_> = told_all.iter().map(|event| event.revision.0).collect();
    assert_eq!(revisions, (1..=written as u64).collect::<Vec<_>>());
}

#[test]
fn a_command_is_run_for_each_change() {
    let node = Node::start();
    node.dkv(&["kv", "set", "user:1", "alice"]).exits(0);
    node.dkv(&["kv", "set", "user:2", "bob"]).exits(0);
    node.dkv(&["kv", "delete", "user:1"]).exits(0);
    let to_the_end = ["kv", "watch", "--from", "1", "--until", "3", "--exec"];
    let say = "echo $DKV_WATCH_TYPE $DKV_WATCH_REVISION $DKV_WATCH_KEY \
               \"$DKV_WATCH_VALUE\" $(cat) [$DKV_WATCH_BUCKET]";
    let ran = node.dkv(&[&to_the_end[..], &[say]].concat());
    ran.exits(0)
        .prints("set 1 user:1 alice alice []\nset 2 user:2 bob bob []\ndelete 3 user:1  []");
    let fails = "echo $DKV_WATCH_KEY; test $DKV_WATCH_REVISION != 2 || exit 7";
    let ran = node.dkv(&[&to_the_end[..], &[fails]].concat());
    ran.exits(7)
        .prints("user:1\nuser:2")
        .complains("exited with 7 for `user:2` at revision 2");
    let ran = node.dkv(&[&to_the_end[..], &[fails, "--keep-going"]].concat());
    ran.exits(0).prints("user:1\nuser:2\nuser:1");
}

#[test]
fn what_cannot_be_watched_says_why() {
    let node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    for (arguments, code, about) in [
        (
            &["--from", "9"][..],
            2,
            "revision 9 does not exist yet (the shard is at 1)",
        ),
        (&["--from", "0"], 2, "0 is not in"),
        (&["--from", "1", "--initial"], 2, "--initial"),
        (&["a", "--prefix", "b"], 2, "--prefix"),
        (&[""], 2, "the key is empty"),
        (&["--start", "b", "--end", "a"], 2, "is not after"),
        (&["--shard", "200"], 2, "locks only"),
        (&["--shard", "7"], 1, "shard 7 is not served"),
        (&["--bucket", "none"], 1, "no bucket `none`"),
        (&["--kinds", "touch"], 2, "touch"),
        (&["--keep-going"], 2, "--exec"),
    ] {
        let ran = node.dkv(&[&["kv", "watch"], arguments].concat());
        ran.exits(code).complains(about);
    }
    node.dkv(&["bucket", "create", "quiet", "--no-history"])
        .exits(0);
    node.dkv(&["kv", "set", "a", "1", "--bucket", "quiet"])
        .exits(0);
    node.dkv(&["kv", "watch", "--initial", "--bucket", "quiet"])
        .exits(2)
        .prints("")
        .complains("keeps no history");
    let nobody = dkv()
        .args([
            "kv",
            "watch",
            "--endpoints",
            "127.0.0.1:1",
            "--timeout",
            "200ms",
        ])
        .output();
    let nobody = nobody.unwrap();
    assert_eq!(nobody.status.code(), Some(5));
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(
        said.contains("connection refused") && said.contains("dkv serve"),
        "{said}"
    );
}

async fn told(watch: &mut dkv::client::Watch) -> WatchBatch {
    let next = tokio::time::timeout(PATIENCE, watch.next());
    next.await
        .expect("something is told")
        .expect("it goes on")
        .unwrap()
}

/// The keys of the initial state, until it is complete.
async fn initial(watch: &mut dkv::client::Watch) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        let batch = told(watch).await;
        assert!(batch.initial && !batch.restarted);
        keys.extend(
            batch
                .events
                .iter()
                .map(|event| String::from_utf8_lossy(&event.key).into_owned()),
        );
        if batch.through.is_some() {
            return keys;
        }
    }
}

/// The same on a node of its own process and on a server.
async fn watches_alike(client: &Client) {
    for n in 0..5 {
        client.set(format!("key-{n}"), "old").await.unwrap();
    }
    client.expire("key-3", None).await.unwrap();
    let options = WatchOptions {
        initial: true,
        previous: true,
        ..WatchOptions::prefix("key-")
    };
    let mut watch = client.watch(options).await.unwrap();
    assert_eq!(
        initial(&mut watch).await,
        ["key-0", "key-1", "key-2", "key-3", "key-4"]
    );
    client.set("key-1", "new").await.unwrap();
    let batch = told(&mut watch).await;
    let event = &batch.events[0];
    assert_eq!(
        (event.kind, &event.key[..]),
        (EventKind::Set, &b"key-1"[..])
    );
    assert_eq!(event.previous.as_ref().unwrap().value, "old");
    assert_eq!(batch.through, Some(event.revision));

    let from = batch.through.unwrap();
    let options = WatchOptions {
        from: Some(from),
        kinds: vec![EventKind::Set],
        progress: Some(Duration::from_millis(100)),
        ..WatchOptions::key("key-1")
    };
    let mut resumed = client.watch(options).await.unwrap();
    assert_eq!(told(&mut resumed).await.events[0].revision, from);
    client.delete("key-1").await.unwrap();
    let mark = told(&mut resumed).await;
    assert!(mark.events.is_empty(), "{mark:?}");
    let deleted = told(&mut watch).await;
    assert_eq!(
        (deleted.events[0].kind, deleted.events[0].record.as_ref()),
        (EventKind::Delete, None)
    );
    assert!(mark.through <= deleted.through.max(mark.through));
    let future = WatchOptions {
        from: Some(dkv::base::types::Revision(1_000)),
        ..WatchOptions::default()
    };
    let refused = client.watch(future).await.unwrap_err();
    assert_eq!(refused.kind(), dkv::base::ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_this_process_watches_as_a_server_does() {
    let node = Node::start();
    let client = Client::connect(ClientOptions::to(node.address()))
        .await
        .unwrap();
    watches_alike(&client).await;
    let store = LocalStore::in_memory().await.unwrap();
    watches_alike(&store).await;
    let mut watch = store.watch(WatchOptions::default()).await.unwrap();
    store.close().await.unwrap();
    let over = watch.next().await.unwrap().unwrap_err();
    assert_eq!(over.kind(), dkv::base::ErrorKind::Unavailable);
    assert!(watch.next().await.is_none());
}

/// Ten thousand watches of one client, over one stream, and what an idle one costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_watches_are_cheap() {
    const WATCHES: u64 = 10_000;
    let node = Node::start();
    let options = ClientOptions {
        timeout: PATIENCE,
        ..ClientOptions::to(node.address())
    };
    let client = Client::connect(options).await.unwrap();
    client.set("first", "value").await.unwrap();
    let before = node.resident_bytes();
    let mut watches = Vec::new();
    for n in 0..WATCHES {
        let options = WatchOptions::key(format!("key-{n:05}"));
        watches.push(client.watch(options).await.unwrap());
    }
    assert_eq!(watchers(&node), WATCHES);
    let each = (node.resident_bytes() - before) / WATCHES;
    println!("an idle watch costs {each} bytes of the server");
    assert!(each < 12 << 10, "an idle watch costs {each} bytes");
    for n in [0, 4_321, 9_999_u64] {
        client.set(format!("key-{n:05}"), "value").await.unwrap();
        let at = usize::try_from(n).unwrap();
        let mut batch = told(&mut watches[at]).await;
        while batch.events.is_empty() {
            // Marks of progress came meanwhile.
            batch = told(&mut watches[at]).await;
        }
        assert_eq!(batch.events[0].key, format!("key-{n:05}"));
    }
    drop(watches);
    let gone = async {
        while watchers(&node) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("they end with their handles");
}
