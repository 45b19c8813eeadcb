//! What the binary says before any server is asked: exit code, stdout, stderr.

use std::process::{Command, Stdio};

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn dkv(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dkv"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DKV_") && name != "DKV_MUTANT" {
            command.env_remove(name);
        }
    }
    command
}

fn said(mut command: Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn refuses(arguments: &[&str], expected: &str) {
    let said = said(dkv(arguments));
    assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.stderr);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.starts_with("dkv: "), "{}", said.stderr);
    assert!(
        said.stderr.contains(expected),
        "{arguments:?}: {}",
        said.stderr
    );
}

#[test]
fn the_version_is_one_line() {
    let said = said(dkv(&["version"]));
    assert_eq!(said.code, Some(0));
    assert_eq!(said.stdout, format!("dkv {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(said.stderr, "");
}

#[test]
fn what_is_wrong_with_the_words_is_said_with_code_2() {
    refuses(&["kv", "gett"], "subcommands exist: 'set', 'get'");
    refuses(&["kv", "set"], "<KEY>");
    refuses(
        &["kv", "get", "k", "--timeout", "abc"],
        "`abc` is not a duration",
    );
    refuses(&["kv", "delete"], "give a key, or --prefix");
    refuses(&["kv", "delete", "--prefix", "p"], "add --yes");
    refuses(&["lock", "revoke", "l"], "add --yes");
    refuses(&["lock", "release", "l", "zz"], "32 hexadecimal digits");
    refuses(&["kv", "set", "k", "v", "--fence", "x"], "LOCK@TOKEN");
    refuses(&["kv", "touch", "k"], "dkv kv persist");
    refuses(
        &["kv", "get", "k", "--consistency", "bogus"],
        "linearizable, stale",
    );
    refuses(&["serve", "--listen", "0.0.0.0:0"], "add --insecure");
    refuses(&["serve", "--shards", "1=dstore"], "--node-id node-1");
    refuses(&["serve", "--engine", "rocks"], "it is memory or redb");
    refuses(&["serve", "--config", "/nowhere.toml"], "/nowhere.toml");
}

#[test]
fn a_wrong_variable_is_refused_by_name() {
    let mut command = dkv(&["kv", "get", "k"]);
    command.env("DKV_TIMEOUT", "abc");
    let said = said(command);
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr.starts_with("dkv: DKV_TIMEOUT=abc: "),
        "{}",
        said.stderr
    );
}

#[test]
fn the_settings_are_printed_with_their_sources() {
    let mut command = dkv(&["serve", "--print-config", "--durability", "none"]);
    command.env("DKV_DATA_DIR", "/tmp/x");
    let said = said(command);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let line = |name: &str| -> Vec<String> {
        let line = said
            .stdout
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name}: {}", said.stdout));
        line.split_whitespace().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(line("durability"), ["none", "flag"]);
    assert_eq!(line("data-dir"), ["/tmp/x", "DKV_DATA_DIR"]);
    assert_eq!(
        line("shards"),
        ["100=lstore,200=lockmgr(lstore)", "default"]
    );
}

#[test]
fn nobody_there_is_code_5_and_changes_nothing() {
    let endpoint = "127.0.0.1:1";
    let said = said(dkv(&[
        "kv",
        "get",
        "k",
        "--endpoints",
        endpoint,
        "--retries",
        "0",
    ]));
    assert_eq!(said.code, Some(5), "{}", said.stderr);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains(endpoint), "{}", said.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = dkv(&["man"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_command_alone_is_helped() {
    for words in [&[][..], &["kv"], &["lock"]] {
        let said = said(dkv(words));
        assert_eq!(said.code, Some(0), "{words:?}");
        assert!(
            said.stdout.contains("Usage: dkv"),
            "{words:?}: {}",
            said.stdout
        );
        assert_eq!(said.stderr, "", "{words:?}");
    }
}
