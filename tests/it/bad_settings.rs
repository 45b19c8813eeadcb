//! Wrong settings and data directories: `dkv serve` refuses to start, says why, and changes
//! nothing.

use std::path::Path;

use crate::harness::{Node, dkv, run, serve_fails};

fn folder() -> tempfile::TempDir {
    tempfile::TempDir::new().unwrap()
}

#[test]
fn unknown_variables_are_errors_with_a_suggestion() {
    let folder = folder();
    let refused = serve_fails(&[], &[("DKV_LISTNE", "127.0.0.1:0")], folder.path());
    refused
        .exits(2)
        .complains("DKV_LISTNE")
        .complains("DKV_LISTEN");
    let get = run(
        dkv().args(["kv", "get", "a"]).env("DKV_ENDPOINT_", "x"),
        b"",
    );
    get.exits(2).complains("DKV_ENDPOINTS");
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn reserved_variables_and_those_of_other_commands_are_accepted() {
    let node = Node::start();
    let get = run(
        dkv()
            .args(["kv", "get", "a"])
            .env("DKV_ENDPOINTS", node.address())
            .env("DKV_LOCK_NAME", "deploy")
            .env("DKV_LOCK_FENCE", "7")
            .env("DKV_SERVICE_HOST", "10.0.0.1")
            .env("DKV_PORT_8080_TCP", "tcp://10.0.0.1:8080")
            .env("DKV_DATA_DIR", "data"),
        b"",
    );
    get.exits(3).complains("not found");
}

#[test]
fn malformed_values_name_their_source() {
    let folder = folder();
    let from_environment = [("DKV_REQUEST_TIMEOUT", "abc")];
    serve_fails(&[], &from_environment, folder.path())
        .exits(2)
        .complains("DKV_REQUEST_TIMEOUT")
        .complains("abc");
    let cases: [(&[&str], &str); 6] = [
        (&["--durability", "sometimes"], "sometimes"),
        (&["--durability", "interval:x"], "interval"),
        (&["--shards", "100=wardrobe"], "wardrobe"),
        (&["--shards", "x=lstore"], "x"),
        (&["--shards", "100=lstore,100=lstore"], "100"),
        (&["--listen", "nowhere"], "nowhere"),
    ];
    for (arguments, about) in cases {
        serve_fails(arguments, &[], folder.path())
            .exits(2)
            .complains(about);
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn a_settings_file_is_strict_and_the_layers_have_an_order() {
    let folder = folder();
    let file = folder.path().join("dkv.toml");
    std::fs::write(&file, "durabilty = \"none\"\n").unwrap();
    let path = file.to_string_lossy().into_owned();
    let refused = serve_fails(&["--config", &path], &[], folder.path());
    refused
        .exits(2)
        .complains("durabilty")
        .complains("durability");

    std::fs::write(&file, "durability = \"none\"\nrequest-timeout = \"1s\"\n").unwrap();
    let shown = run(
        dkv()
            .args([
                "serve",
                "--print-config",
                "--config",
                &path,
                "--request-timeout",
                "3s",
            ])
            .env("DKV_DURABILITY", "interval:20ms")
            .current_dir(folder.path()),
        b"",
    );
    let text = shown.exits(0).text();
    let line = |key: &str| {
        text.lines()
            .find(|line| line.contains(key))
            .unwrap_or_default()
    };
    assert!(line("durability").contains("interval:20ms"), "{text}");
    assert!(line("durability").contains("DKV_DURABILITY"), "{text}");
    assert!(line("request-timeout").contains("3s"), "{text}");

    serve_fails(&["--config", "missing.toml"], &[], folder.path())
        .exits(2)
        .complains("missing.toml");
}

#[test]
fn a_replicated_shard_without_a_name_or_members_is_refused_before_anything_is_begun() {
    let folder = folder();
    let cases: [&[&str]; 2] = [
        &["--shards", "100=dstore"],
        &["--cluster-members", "node-1=127.0.0.1:63001"],
    ];
    for arguments in cases {
        let refused = serve_fails(arguments, &[], folder.path());
        refused.exits(2).complains("--node-id");
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn listening_beyond_loopback_needs_a_word() {
    let folder = folder();
    serve_fails(&["--listen", "0.0.0.0:0"], &[], folder.path())
        .exits(2)
        .complains("--insecure");
}

#[test]
fn a_port_in_use_is_named() {
    let node = Node::start();
    let folder = folder();
    let refused = serve_fails(&["--listen", node.address()], &[], folder.path());
    refused
        .exits(5)
        .complains(node.address())
        .complains("in use");
}

#[test]
fn one_directory_belongs_to_one_server() {
    let mut node = Node::start();
    let data = node.data_dir().to_string_lossy().into_owned();
    let second = serve_fails(
        &["--listen", "127.0.0.1:0", "--data-dir", &data],
        &[],
        node.folder(),
    );
    second.exits(5).complains(&data).complains("in use");
    node.assert_healthy();
}

/// Starts, stops, and gives the node with its arguments replaced.
fn refused_on_the_same_directory(first: &[&str], second: &[&str], about: &str) {
    let mut node = Node::start_with(first);
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    node.kill();
    let data = node.data_dir().to_string_lossy().into_owned();
    let base = ["--listen", "127.0.0.1:0", "--data-dir", &data];
    let refused = serve_fails(&[&base, second].concat(), &[], node.folder());
    assert!(matches!(refused.code, 1 | 2), "{refused}");
    refused.complains(about);
    // It is unharmed.
    node.restart();
    node.dkv(&["kv", "get", "a"]).exits(0).prints("1");
}

#[test]
fn a_directory_of_another_node_is_refused() {
    refused_on_the_same_directory(&["--node-id", "alice"], &["--node-id", "bob"], "alice");
}

#[test]
fn another_type_for_a_known_shard_is_refused() {
    refused_on_the_same_directory(&[], &["--shards", "100=lockmgr(lstore)"], "100");
}

/// It named `--engine memory`, which another shard of the directory refused in turn, and an
/// export of a lock manager, which has no keys.
#[test]
fn a_refused_engine_names_a_way_out_that_exists() {
    let shards = "100=lstore/memory,200=lockmgr(lstore)/redb";
    let mut node = Node::start_with(&["--shards", shards]);
    assert_eq!(node.terminate(), 0);
    let data = node.data_dir().to_string_lossy().into_owned();
    let base = ["--listen", "127.0.0.1:0", "--data-dir", &data];
    let to_redb = serve_fails(
        &[&base[..], &["--engine", "redb"]].concat(),
        &[],
        node.folder(),
    );
    to_redb
        .exits(2)
        .complains("shard 100")
        .complains("without naming an engine")
        .complains("dkv kv export keys.jsonl --shard 100");
    let to_memory = [&base[..], &["--engine", "memory"]].concat();
    let to_memory = serve_fails(&to_memory, &[], node.folder());
    to_memory
        .exits(2)
        .complains("shard 200")
        .complains("without naming an engine");
    assert!(!to_memory.stderr.contains("kv export"), "{to_memory}");
}

#[test]
fn a_file_in_place_of_the_directory_is_called_no_directory() {
    let folder = folder();
    std::fs::write(folder.path().join("data"), "").unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    serve_fails(&arguments, &[], folder.path())
        .exits(2)
        .complains("data cannot be used: it is no directory")
        .complains("--data-dir");
}

/// Every file of a folder, deep.
fn files_of(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_of(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The format is the byte behind the magic of each file.
#[test]
fn a_directory_of_a_newer_dkv_is_refused_and_left_alone() {
    let mut node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    node.kill();
    let manifest = node.data_dir().join("manifest");
    let whole = std::fs::read(&manifest).unwrap();
    let mut newer = whole.clone();
    newer[7] += 1;
    std::fs::write(&manifest, &newer).unwrap();
    let data = node.data_dir().to_string_lossy().into_owned();
    let serve = ["--listen", "127.0.0.1:0", "--data-dir", &data];
    serve_fails(&serve, &[], node.folder())
        .exits(2)
        .complains("written by a newer dkv")
        .complains("upgrade dkv");
    assert_eq!(std::fs::read(&manifest).unwrap(), newer);
    std::fs::write(&manifest, &whole).unwrap();
    node.restart();
    node.dkv(&["kv", "get", "a"]).exits(0).prints("1");
}

#[test]
fn a_damaged_manifest_is_refused_by_name() {
    let mut node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    node.kill();
    let manifest = files_of(&node.data_dir())
        .into_iter()
        .find(|path| path.to_string_lossy().contains("manifest"))
        .expect("a data directory has a manifest");
    let whole = std::fs::read(&manifest).unwrap();
    let data = node.data_dir().to_string_lossy().into_owned();
    let serve = ["--listen", "127.0.0.1:0", "--data-dir", &data];
    for at in [0, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&manifest, &damaged).unwrap();
        serve_fails(&serve, &[], node.folder())
            .exits(1)
            .complains("manifest");
    }
    std::fs::write(&manifest, &whole[..whole.len() / 2]).unwrap();
    serve_fails(&serve, &[], node.folder())
        .exits(1)
        .complains("manifest");
    std::fs::write(&manifest, &whole).unwrap();
    node.restart();
    node.dkv(&["kv", "get", "a"]).exits(0).prints("1");
}
