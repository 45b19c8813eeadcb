//! Wrong keys, values, flags and durations: a clear error, the documented exit code, and a
//! server that does not notice.

use crate::harness::{Node, Ran, dkv, run, serve_fails};

/// Asserts a usage error that names what was wrong.
#[track_caller]
fn assert_usage(ran: &Ran, about: &str) {
    ran.exits(2).prints("").complains(about);
}

#[test]
fn keys_are_one_to_4096_bytes() {
    let mut node = Node::start();
    assert_usage(&node.dkv(&["kv", "set", "", "v"]), "key");
    assert_usage(&node.dkv(&["kv", "get", ""]), "key");
    let longest = "k".repeat(4_096);
    node.dkv(&["kv", "set", &longest, "v"]).exits(0);
    node.dkv(&["kv", "get", &longest]).exits(0).prints("v");
    let too_long = "k".repeat(4_097);
    let refused = node.dkv(&["kv", "set", &too_long, "v"]);
    refused.complains("4097").complains("4096");
    assert_usage(&refused, "key");
    assert_usage(&node.dkv(&["lock", "acquire", ""]), "name");
    assert_usage(&node.dkv(&["lock", "acquire", &too_long]), "4096");
    node.assert_healthy();
}

#[test]
fn values_have_a_limit() {
    let mut node = Node::start_with(&["--max-value-size", "1000"]);
    node.dkv_with_input(&["kv", "set", "a", "-"], &[b'v'; 1_000])
        .exits(0);
    let refused = node.dkv_with_input(&["kv", "set", "a", "-"], &[b'w'; 1_001]);
    assert!(matches!(refused.code, 1 | 2), "{refused}");
    refused.complains("1001").complains("1000");
    assert_eq!(node.dkv(&["kv", "get", "a"]).stdout, [b'v'; 1_000]);
    node.assert_healthy();
}

#[test]
fn the_largest_value_fits_and_a_larger_one_does_not() {
    let mut node = Node::start();
    let largest = vec![b'v'; 16 << 20];
    node.dkv_with_input(&["kv", "set", "a", "-"], &largest)
        .exits(0);
    assert!(node.dkv(&["kv", "get", "a"]).exits(0).stdout == largest);
    for (bytes, about) in [((16 << 20) + 1, "16777217"), (30 << 20, "too large")] {
        let refused = node.dkv_with_input(&["kv", "set", "a", "-"], &vec![b'w'; bytes]);
        assert!(matches!(refused.code, 1 | 2), "{refused}");
        refused.complains(about);
    }
    node.assert_healthy();
}

#[test]
fn malformed_durations_are_named() {
    let node = Node::start();
    for bad in ["ten", "1.5s", "-1s", "5 s", "1w", "99999999999999999999s"] {
        let flag = format!("--ttl={bad}");
        assert_usage(&node.dkv(&["kv", "set", "a", "1", &flag]), bad);
        assert_usage(&node.dkv(&["lock", "acquire", "a", &flag]), bad);
        let flag = format!("--timeout={bad}");
        assert_usage(&node.dkv(&["kv", "get", "a", &flag]), bad);
    }
    node.dkv(&["kv", "get", "a"]).exits(3);
}

#[test]
fn unknown_flags_and_commands_are_usage_errors() {
    let node = Node::start();
    assert_usage(&node.dkv(&["kv", "set", "a", "1", "--tttl", "1s"]), "--ttl");
    assert_usage(&node.dkv(&["kv", "gett", "a"]), "get");
    assert_usage(&node.dkv(&["kv", "set"]), "KEY");
    assert_usage(
        &node.dkv(&["kv", "set", "a", "1", "--if-revision", "x"]),
        "x",
    );
    assert_usage(
        &node.dkv(&["kv", "set", "a", "1", "--fence", "deploy"]),
        "deploy",
    );
    assert_usage(&node.dkv(&["lock", "release", "a", "not-hex"]), "not-hex");
    assert_usage(&node.dkv(&["kv", "get", "a", "-o", "yaml"]), "yaml");
    node.dkv(&["kv", "get", "a"]).exits(3);
}

#[test]
fn a_shard_that_is_not_there_is_named() {
    let node = Node::start();
    let refused = node.dkv(&["kv", "get", "a", "--shard", "700"]);
    refused
        .exits(1)
        .complains("shard 700")
        .complains("100")
        .complains("lstore");
    // A lock manager keeps locks, no keys.
    let refused = node.dkv(&["kv", "set", "a", "1", "--shard", "200"]);
    assert!(matches!(refused.code, 1 | 2), "{refused}");
    refused.complains("200");
    node.dkv(&["lock", "acquire", "a", "--shard", "200"])
        .exits(0);
    node.dkv(&["kv", "set", "a", "1", "--bucket", "nope"])
        .exits(1)
        .complains("nope");
}

/// A socket that is left over is removed; this removed whatever was there.
#[test]
fn a_file_where_the_socket_is_to_be_stays() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("notes"), "mine").unwrap();
    let refused = serve_fails(&["--listen", "unix:notes"], &[], folder.path());
    assert_ne!(refused.code, 0, "{refused}");
    refused.complains("notes").complains("is no socket");
    let kept = std::fs::read_to_string(folder.path().join("notes"));
    assert_eq!(kept.unwrap(), "mine");
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let folder = tempfile::TempDir::new().unwrap();
    let nobody = format!("unix:{}/nobody.sock", folder.path().display());
    let get = run(
        dkv().args(["kv", "get", "a", "--retries", "0", "--endpoints", &nobody]),
        b"",
    );
    get.exits(5).complains("nobody.sock").complains("dkv serve");
    for malformed in ["", "host", "host:notaport", "ftp://host:1"] {
        let get = run(
            dkv().args(["kv", "get", "a", "--endpoints", malformed]),
            b"",
        );
        assert_usage(&get, malformed);
    }
}
