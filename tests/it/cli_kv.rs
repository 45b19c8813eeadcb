//! `dkv kv`: what each command prints and how it exits.

use std::time::{Duration, Instant};

use crate::harness::{Node, PATIENCE};

#[test]
fn a_value_is_set_read_and_deleted() {
    let node = Node::start();
    node.dkv(&["kv", "set", "a", "1"])
        .exits(0)
        .prints("revision=1");
    node.dkv(&["kv", "get", "a"]).exits(0).prints("1");
    node.dkv(&["kv", "has", "a"]).exits(0).prints("found=true");
    node.dkv(&["kv", "set", "a", "2"])
        .exits(0)
        .prints("revision=2");
    node.dkv(&["kv", "get", "a"]).exits(0).prints("2");
    node.dkv(&["kv", "delete", "a"]).exits(0);
    node.dkv(&["kv", "has", "a"]).exits(3).prints("found=false");
    node.dkv(&["kv", "get", "a"])
        .exits(3)
        .prints("")
        .complains("not found");
    // Deleting what is not there is no error.
    node.dkv(&["kv", "delete", "a"]).exits(0);
}

#[test]
fn any_bytes_are_a_value() {
    let node = Node::start();
    let all: Vec<u8> = (0..=255).collect();
    node.dkv_with_input(&["kv", "set", "bytes", "-"], &all)
        .exits(0);
    assert_eq!(node.dkv(&["kv", "get", "bytes"]).exits(0).stdout, all);

    let file = node.folder().join("value");
    std::fs::write(&file, &all).unwrap();
    let from_file = format!("@{}", file.display());
    node.dkv(&["kv", "set", "from-file", &from_file]).exits(0);
    assert_eq!(node.dkv(&["kv", "get", "from-file"]).exits(0).stdout, all);

    // An empty value is a value.
    node.dkv(&["kv", "set", "empty", ""]).exits(0);
    assert_eq!(node.dkv(&["kv", "get", "empty"]).exits(0).stdout, b"");
}

#[test]
fn conditions_decide_and_say_so() {
    let node = Node::start();
    node.dkv(&["kv", "set", "a", "1", "--if-absent"])
        .exits(0)
        .prints("revision=1");
    let again = node.dkv(&["kv", "set", "a", "2", "--if-absent"]);
    again.exits(4);
    assert!(again.text().contains("written=false"), "{again}");
    node.dkv(&["kv", "get", "a"]).prints("1");

    node.dkv(&["kv", "set", "a", "3", "--if-revision", "1"])
        .exits(0)
        .prints("revision=2");
    node.dkv(&["kv", "set", "a", "4", "--if-revision", "1"])
        .exits(4);
    node.dkv(&["kv", "get", "a"]).prints("3");
}

#[test]
fn an_expired_key_is_there_and_its_value_is_not() {
    let node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    node.dkv(&["kv", "expire", "a"]).exits(0);
    node.dkv(&["kv", "get", "a"])
        .exits(3)
        .complains("not found");
    node.dkv(&["kv", "has", "a"]).exits(0).prints("found=true");
    node.dkv(&["kv", "set", "a", "2", "--if-absent"]).exits(4);
    node.dkv(&["kv", "set", "a", "2"]).exits(0);
    node.dkv(&["kv", "get", "a"]).exits(0).prints("2");
}

/// Asks until the command exits with `code`; how long that took.
fn until_exit(node: &Node, command: &[&str], code: i32) -> Duration {
    let started = Instant::now();
    while node.dkv(command).code != code {
        assert!(
            started.elapsed() < PATIENCE,
            "{command:?} never exited with {code}"
        );
    }
    started.elapsed()
}

#[test]
fn a_timer_runs_out_late_and_never_early() {
    let node = Node::start();
    let set_at = Instant::now();
    node.dkv(&["kv", "set", "hard", "1", "--ttl", "1500ms"])
        .exits(0);
    node.dkv(&["kv", "set", "soft", "1", "--expire-in", "1500ms"])
        .exits(0);
    until_exit(&node, &["kv", "get", "hard"], 3);
    assert!(set_at.elapsed() >= Duration::from_millis(1_500), "early");
    node.dkv(&["kv", "has", "hard"]).exits(3);
    until_exit(&node, &["kv", "get", "soft"], 3);
    node.dkv(&["kv", "has", "soft"])
        .exits(0)
        .prints("found=true");
}

#[test]
fn persist_stops_a_timer_and_touch_starts_one() {
    let node = Node::start();
    node.dkv(&["kv", "set", "kept", "1", "--ttl", "30s"])
        .exits(0);
    node.dkv(&["kv", "persist", "kept"]).exits(0);
    node.dkv(&["kv", "set", "dropped", "1"]).exits(0);
    node.dkv(&["kv", "touch", "dropped", "--delete-in", "10ms"])
        .exits(0);
    until_exit(&node, &["kv", "get", "dropped"], 3);
    node.dkv(&["kv", "get", "kept"]).exits(0).prints("1");
    let shown = node.dkv(&["-o", "json", "kv", "get", "kept"]);
    assert!(
        !shown.exits(0).text().contains("\"delete_in_ms\":3"),
        "{shown}"
    );
}

#[test]
fn json_carries_text_as_text_and_bytes_as_base64() {
    let node = Node::start();
    node.dkv(&["kv", "set", "text", "hello"]).exits(0);
    node.dkv_with_input(&["kv", "set", "bytes", "-"], &[0xff, 0xfe])
        .exits(0);
    let text = json(
        node.dkv(&["kv", "get", "text", "-o", "json"])
            .exits(0)
            .text(),
    );
    assert_eq!(text["value"], "hello");
    assert_eq!(text["revision"], 1);
    let bytes = json(
        node.dkv(&["kv", "get", "bytes", "-o", "json"])
            .exits(0)
            .text(),
    );
    assert_eq!(bytes["value_b64"], "//4=");
    assert!(
        bytes.get("value").is_none_or(serde_json::Value::is_null),
        "{bytes}"
    );
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_names_of_the_go_dkv_still_work() {
    let node = Node::start();
    node.dkv(&["kv", "setEIfUnset", "a", "1", "0", "0"])
        .exits(0)
        .prints("revision=1");
    node.dkv(&["kv", "setEIfUnset", "a", "2", "0", "0"])
        .exits(4);
    node.dkv(&["kv", "setE", "a", "3", "0", "1h"])
        .exits(0)
        .prints("revision=2");
    node.dkv(&["kv", "expr", "a"])
        .exits(0)
        .prints("expired=true");
    node.dkv(&["kv", "get", "a"]).exits(3);
    node.dkv(&["kv", "del", "a"]).exits(0).prints("deleted=1");
    node.dkv(&["kv", "has", "a"]).exits(3);
    // What means nothing any more says so, and the rest is done.
    let get = node.dkv(&["kv", "set", "a", "4", "--transport-tcp-nodelay", "true"]);
    get.exits(0).complains("transport-tcp-nodelay");
}

#[test]
fn info_and_version_say_what_runs() {
    let node = Node::start_with(&["--durability", "interval:50ms"]);
    let info = node.dkv(&["info"]);
    info.exits(0);
    for words in ["100", "lstore", "200", "lockmgr(lstore)", "interval:50ms"] {
        assert!(info.text().contains(words), "`{words}` is missing: {info}");
    }
    let version = node.dkv(&["version"]);
    assert!(
        version.exits(0).text().contains(env!("CARGO_PKG_VERSION")),
        "{version}"
    );
}

#[test]
fn a_unix_socket_serves_too() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = format!("unix:{}/dkv.sock", folder.path().display());
    let node = Node::start_with(&["--listen", &socket]);
    crate::harness::dkv_at(&socket, &["kv", "set", "a", "1"]).exits(0);
    node.dkv(&["kv", "get", "a"]).exits(0).prints("1");
}
