//! Watches over REST: server-sent events, as browsers and `curl -N` read them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::cluster::until;
use crate::harness::{Event, Events, Node, http, rest};

/// Sets keys in one transaction; its revision.
#[track_caller]
fn set_together(node: &Node, keys: &[(&str, &str)]) -> u64 {
    let then: Vec<Value> = keys
        .iter()
        .map(|(key, value)| json!({"op": "set", "key": key, "value": value}))
        .collect();
    let body = json!({ "then": then }).to_string();
    let (status, answer) = rest(node.address(), "POST", "/v1/transaction", &[], &body);
    assert_eq!(status, 200, "{answer}");
    answer["revision"].as_u64().unwrap()
}

#[track_caller]
fn refused(node: &Node, path: &str, headers: &[&str]) -> (u16, Value) {
    let (status, answer) = rest(node.address(), "GET", path, headers, "");
    (status, answer["error"].clone())
}

#[test]
fn changes_are_events_with_ids() {
    let node = Node::start();
    let (mut all, first) = Events::begin(node.address(), "/v1/watch/u%3a?previous", &[]);
    assert_eq!(
        (first.data, first.id),
        (json!({"revision": 0}), "0".to_owned())
    );
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-accel-buffering: no",
        "x-dkv-revision: 0",
    ] {
        assert!(all.head.contains(header), "{}", all.head);
    }
    let path = "/v1/watch?key=u:2&kinds=put&progress=100ms";
    let (mut one, _) = Events::begin(node.address(), path, &[]);
    node.dkv(&["kv", "set", "u:1", "alice"]).exits(0);
    node.dkv(&["kv", "set", "other", "x"]).exits(0);
    node.dkv(&["kv", "set", "u:2", "two\nlines"]).exits(0);
    node.dkv(&["kv", "expire", "u:1"]).exits(0);
    node.dkv(&["kv", "delete", "--prefix", "u:", "--yes"])
        .exits(0);
    let told: Vec<Event> = (0..3).map(|_| all.next().unwrap()).collect();
    let bodies: Vec<_> = told.iter().map(|event| event.data.clone()).collect();
    let alice = json!({
        "key": "u:1", "value": "alice", "revision": 1, "create_revision": 1, "version": 1,
    });
    let lines = json!({
        "key": "u:2", "value": "two\nlines", "revision": 3, "create_revision": 3, "version": 1,
    });
    let expired = json!({
        "key": "u:1", "revision": 4, "create_revision": 1, "version": 1, "expired": true,
        "previous": alice,
    });
    assert_eq!(bodies, [alice, lines.clone(), expired]);
    let short: Vec<_> = told.iter().map(Event::short).collect();
    assert_eq!(short, ["set u:1 1", "set u:2 3", "expire u:1 4"]);
    let gone = [all.next().unwrap(), all.next().unwrap()];
    assert!(gone.iter().all(|event| event.name == "delete"), "{gone:?}");
    let last = gone
        .iter()
        .find(|event| event.data["key"] == "u:2")
        .unwrap();
    let revision = &last.data["revision"];
    let expected = json!({"key": "u:2", "revision": revision, "previous": lines});
    assert_eq!(last.data, expected);
    // The other stream is told of its key alone, and how far it is.
    let mut names = Vec::new();
    loop {
        let event = one.next().unwrap();
        if event.name == "progress" && event.data["revision"] == *revision {
            break;
        }
        names.push(event.short());
    }
    names.retain(|name| !name.starts_with("progress"));
    assert_eq!(names, ["set u:2 3"]);
}

/// Whatever the last event was that a reader saw, the next one is the one behind it: also
/// within a transaction, and one of many messages.
#[test]
fn a_reader_goes_on_behind_the_last_event_it_saw() {
    let node = Node::start();
    let large = "x".repeat(600 << 10);
    node.dkv(&["kv", "set", "k0", "first"]).exits(0);
    set_together(
        &node,
        &[("k1", "a"), ("other", "b"), ("k2", "c"), ("k3", "d")],
    );
    set_together(
        &node,
        &[
            ("k1", large.as_str()),
            ("k2", &large),
            ("k3", &large),
            ("k4", &large),
        ],
    );
    node.dkv(&["kv", "delete", "k0"]).exits(0);
    let (mut whole, _) = Events::begin(node.address(), "/v1/watch/k?from=1", &[]);
    let all = whole.take(9);
    let expected = [
        "set k0 1",
        "set k1 2-1",
        "set k2 2-2",
        "set k3 2",
        "set k1 3-1",
        "set k2 3-2",
        "set k3 3-3",
        "set k4 3",
        "delete k0 4",
    ];
    assert_eq!(all, expected);
    for at in 0..all.len() {
        let id = all[at].rsplit(' ').next().unwrap();
        let header = format!("Last-Event-ID: {id}");
        // The address is the one that a browser began with.
        let path = "/v1/watch/k?from=1&last_event_id=1";
        let (mut rest, first) = Events::begin(node.address(), path, &[&header]);
        assert_eq!(first.id, if id.contains('-') { "" } else { id });
        assert_eq!(rest.take(all.len() - at - 1), all[at + 1..], "after {id}");
        let path = format!("/v1/watch/k?initial&last_event_id={id}");
        let (mut rest, _) = Events::begin(node.address(), &path, &[]);
        assert_eq!(rest.take(all.len() - at - 1), all[at + 1..], "after {id}");
    }
}

#[test]
fn what_is_there_comes_first_and_what_happens_then_follows() {
    let node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    node.dkv(&["kv", "set", "b", "2"]).exits(0);
    node.dkv(&["kv", "expire", "b"]).exits(0);
    let mut events = Events::open(node.address(), "/v1/watch?initial=true", &[]);
    assert_eq!(events.take(3), ["initial a ", "initial b ", "synced  3"]);
    node.dkv(&["kv", "set", "c", "3"]).exits(0);
    assert_eq!(events.take(1), ["set c 4"]);
    let mut none = Events::open(node.address(), "/v1/watch/zz?initial", &[]);
    assert_eq!(none.take(1), ["synced  4"]);
}

#[test]
fn what_cannot_be_watched_is_refused_before_the_first_event() {
    let node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    for (path, status, said) in [
        ("/v1/watch?bucket=none", 404, "bucket `none`"),
        ("/v1/watch?shard=7", 404, "shard 7"),
        ("/v1/watch?shard=200", 400, "locks only"),
        ("/v1/watch?from=9", 400, "does not exist yet"),
        ("/v1/watch?from=0", 400, "the first revision is 1"),
        ("/v1/watch?from=1&initial", 400, "leave one of them out"),
        ("/v1/watch?kinds=sett", 400, "did you mean `set`?"),
        ("/v1/watch?kinds=touch", 400, "no watch tells TOUCH"),
        ("/v1/watch?progress=1ms", 400, "at least 100 ms"),
        ("/v1/watch?progress=0", 400, "at least 100ms"),
        ("/v1/watch?key=a&start=b", 400, "one of them"),
        ("/v1/watch?start=b&end=a", 400, "after its end"),
        ("/v1/watch/a?key=a", 400, "no parameter `key`"),
        ("/v1/watch/%zz", 400, "percent-encoding"),
        ("/v1/watch?last_event_id=x", 400, "Last-Event-ID is `x`"),
        ("/v1/watch?last_event_id=2", 400, "does not exist yet"),
    ] {
        let (code, error) = refused(&node, path, &[]);
        let message = error["message"].as_str().unwrap_or_default();
        assert_eq!(code, status, "{path}: {error}");
        assert!(message.contains(said), "{path}: {error}");
    }
    let (status, error) = refused(&node, "/v1/watch", &["Last-Event-ID: 1-0"]);
    assert_eq!((status, &error["kind"]), (400, &json!("Invalid")));
}

#[test]
fn history_that_is_gone_is_said_to_be() {
    let node = Node::start_with(&["--history-size", "1M"]);
    let value = "x".repeat(400 << 10);
    for _ in 0..6 {
        set_together(&node, &[("k", &value)]);
    }
    let (status, error) = refused(&node, "/v1/watch/k", &["Last-Event-ID: 1"]);
    assert_eq!(
        (status, &error["kind"]),
        (410, &json!("Compacted")),
        "{error}"
    );
    let floor = error["compacted_floor"].as_u64().unwrap();
    assert!(floor > 2 && floor <= 6, "{error}");
    let path = format!("/v1/watch/k?from={floor}");
    let (mut rest, _) = Events::begin(node.address(), &path, &[]);
    assert_eq!(rest.take(1), [format!("set k {floor}")]);
}

#[test]
fn a_bucket_that_is_dropped_ends_its_watches() {
    let node = Node::start();
    assert_eq!(rest(node.address(), "PUT", "/v1/buckets/b", &[], "").0, 201);
    let path = "/v1/watch?bucket=b&progress=100ms";
    let (mut events, _) = Events::begin(node.address(), path, &["X-Request-ID: mine"]);
    assert_eq!(
        rest(
            node.address(),
            "PUT",
            "/v1/keys/k?bucket=b",
            &[],
            r#"{"value":"v"}"#
        )
        .0,
        201
    );
    let (status, dropped) = rest(node.address(), "DELETE", "/v1/buckets/b", &[], "");
    assert_eq!((status, &dropped["deleted"]), (200, &json!(1)));
    let mut told = Vec::new();
    let end = loop {
        let event = events.next().expect("it says that it ends");
        if event.name == "end" {
            break event;
        }
        told.push(event.name);
    };
    told.retain(|name| name != "progress");
    assert_eq!(told, ["set", "delete"]);
    let error = &end.data["error"];
    assert_eq!((&error["kind"], end.id.as_str()), (&json!("NotFound"), ""));
    assert_eq!(error["request_id"], "mine");
    assert!(error["message"].as_str().unwrap().contains("was dropped"));
    assert_eq!(events.next(), None);
    assert_eq!(refused(&node, path, &["Last-Event-ID: 3"]).0, 404);
}

#[test]
fn a_node_that_stops_says_so_to_those_who_watch() {
    let mut node = Node::start();
    let (mut events, _) = Events::begin(node.address(), "/v1/watch", &[]);
    let started = Instant::now();
    assert_eq!(node.terminate(), 0);
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    let end = events.next().unwrap();
    assert_eq!(
        (end.name.as_str(), &end.data["error"]["kind"]),
        ("end", &json!("Unavailable"))
    );
    assert_eq!(events.next(), None);
}

/// Whoever does not read is not waited for for ever, and costs what a message costs.
#[test]
fn a_node_stops_and_takes_writes_although_somebody_does_not_read() {
    let mut node = Node::start();
    let value = "x".repeat(1 << 20);
    let mut idle = TcpStream::connect(node.address()).unwrap();
    idle.write_all(b"GET /v1/watch/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert_ne!(idle.read(&mut [0; 1]).unwrap(), 0);
    for _ in 0..20 {
        set_together(&node, &[("k", &value)]);
    }
    let started = Instant::now();
    assert_eq!(node.terminate(), 0);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn whoever_goes_away_is_forgotten() {
    let node = Node::start();
    let watchers = || {
        let page = http(node.address(), "GET", "/metrics").body;
        let mut lines = page.lines();
        let line = lines.find(|line| line.starts_with("dkv_watch_watchers{shard=\"100\"}"));
        line.unwrap().ends_with(" 0")
    };
    let streams: Vec<_> = (0..5)
        .map(|_| Events::begin(node.address(), "/v1/watch?progress=1h", &[]))
        .collect();
    assert!(!watchers());
    drop(streams);
    until("nobody watches any more", watchers);
}
