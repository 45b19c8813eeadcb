//! `dkv kv import` and `dkv kv export`: files in and out, byte for byte.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::harness::{Node, Ran, Shell, dkv, run};

/// A file in the node's folder.
fn file(node: &Node, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = node.folder().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn import(node: &Node, path: &Path, more: &[&str]) -> Ran {
    let path = path.to_str().unwrap();
    node.dkv(&[&["kv", "import", path], more].concat())
}

fn exported(node: &Node, more: &[&str]) -> Vec<u8> {
    let ran = node.dkv(&[&["kv", "export"], more].concat());
    assert_eq!(ran.exits(0).stderr, "", "{ran}");
    ran.stdout
}

#[test]
fn what_was_exported_comes_back_byte_for_byte() {
    let (one, two) = (Node::start(), Node::start());
    let mut text = String::new();
    for number in 0..2_500 {
        writeln!(
            text,
            r#"{{"key":"k:{number:05}","value":"é \"{number}\" \u0000\n"}}"#
        )
        .unwrap();
    }
    // Keys and values that are no text, no value, a key that is expired.
    text.push_str("{\"key\":\"z\\u0000\",\"value\":\"\"}\n");
    text.push_str("{\"key\":\"zz\",\"expired\":true}\n");
    text.push_str("{\"key_b64\":\"/wA=\",\"value_b64\":\"gAE=\"}\n");
    let path = file(&one, "in.jsonl", &text);
    let ran = import(&one, &path, &["-o", "jsonl"]);
    let row: serde_json::Value = serde_json::from_str(ran.exits(0).text()).unwrap();
    assert_eq!(
        (row["imported"].as_u64(), row["skipped"].as_u64()),
        (Some(2_503), Some(0))
    );
    one.dkv(&["kv", "has", "zz"]).exits(0);
    one.dkv(&["kv", "get", "zz"]).exits(3);

    let first = exported(&one, &[]);
    assert!(first == text.as_bytes(), "keys in order and text as it was");
    let path = file(&two, "first.jsonl", &first);
    import(&two, &path, &[]).exits(0);
    assert!(exported(&two, &[]) == first);
    // Again, over itself.
    import(&two, &path, &[]).exits(0);
    assert!(exported(&two, &[]) == first);
}

#[test]
fn the_example_data_is_an_export_of_itself() {
    let node = Node::start();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let shop = std::fs::read(data.join("shop.jsonl")).unwrap();
    import(&node, &data.join("shop.jsonl"), &[]).exits(0);
    assert!(exported(&node, &[]) == shop);
    let sessions = import(&node, &data.join("sessions.csv"), &[]);
    assert_eq!(sessions.value_of("imported"), "60");
    let sessions = exported(&node, &["--prefix", "session:"]);
    assert_eq!(
        String::from_utf8(sessions)
            .unwrap()
            .matches("delete_in_ms")
            .count(),
        60
    );
}

#[test]
fn the_last_line_of_a_key_wins() {
    let node = Node::start();
    let mut text = String::new();
    for line in 0..6_000 {
        let key = line * 7_919 % 50;
        writeln!(text, r#"{{"key":"k{key:02}","value":"{line}"}}"#).unwrap();
    }
    let more = file(
        &node,
        "more.jsonl",
        "{\"key\":\"k07\",\"value\":\"the second file\"}\n",
    );
    let path = file(&node, "twice.jsonl", &text);
    import(&node, &path, &[more.to_str().unwrap()])
        .exits(0)
        .value_of("imported");
    let mut expected = std::collections::BTreeMap::new();
    for line in text.lines() {
        expected.insert(line.split('"').nth(3).unwrap(), line.to_owned());
    }
    expected.insert(
        "k07",
        r#"{"key":"k07","value":"the second file"}"#.to_owned(),
    );
    let expected: Vec<_> = expected.into_values().collect();
    let all = exported(&node, &[]);
    let lines: Vec<_> = std::str::from_utf8(&all).unwrap().lines().collect();
    assert_eq!(lines, expected);
}

#[test]
fn timers_go_with_a_record() {
    let (one, two) = (Node::start(), Node::start());
    for (key, flags) in [
        ("both", &["--expire-in", "1h", "--delete-in", "2h"][..]),
        ("hard", &["--ttl", "2h"]),
        ("none", &[]),
        ("soft", &["--expire-in", "1h"]),
        ("dropped", &["--ttl", "2h"]),
    ] {
        one.dkv(&[&["kv", "set", key, "v"], flags].concat())
            .exits(0);
    }
    one.dkv(&["kv", "expire", "dropped"]).exits(0);
    let path = file(&two, "dump.jsonl", exported(&one, &[]));
    import(&two, &path, &[]).exits(0);
    let text = String::from_utf8(exported(&two, &[])).unwrap();
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let near = |row: &serde_json::Value, name: &str, hours: u64| {
        let left_ms = row[name].as_u64().unwrap();
        let hour_ms = 3_600_000;
        // A millisecond more at most, as no timer is early.
        (hour_ms * hours - 600_000..=hour_ms * hours + 2).contains(&left_ms)
    };
    let [both, dropped, hard, none, soft] = &rows[..] else {
        panic!("{text}")
    };
    assert!(
        near(both, "expire_in_ms", 1) && near(both, "delete_in_ms", 2),
        "{text}"
    );
    assert!(
        near(dropped, "delete_in_ms", 2) && dropped["expired"] == true,
        "{text}"
    );
    assert!(dropped.get("value").is_none(), "{text}");
    assert!(
        near(hard, "delete_in_ms", 2) && hard.get("expire_in_ms").is_none(),
        "{text}"
    );
    assert!(
        near(soft, "expire_in_ms", 1) && soft.get("delete_in_ms").is_none(),
        "{text}"
    );
    assert_eq!(none.to_string(), r#"{"key":"none","value":"v"}"#);
}

#[test]
fn csv_and_stdin_and_a_prefix() {
    let node = Node::start();
    let csv =
        "\u{feff}key,value,delete_in_ms\r\nbob,\"hello, \"\"bob\"\"\",\r\nalice,hi,3600000\r\n";
    let path = file(&node, "users.csv", csv);
    import(&node, &path, &["--prefix", "user:"]).exits(0);
    node.dkv(&["kv", "get", "user:bob"])
        .exits(0)
        .prints("hello, \"bob\"");
    let stdin = ["kv", "import", "-", "--format", "csv", "--prefix", "stdin:"];
    node.dkv_with_input(&stdin, b"value,key\n1,a\n2,b").exits(0);
    node.dkv(&["kv", "get", "stdin:b"]).exits(0).prints("2");
    let users = exported(&node, &["--prefix", "user:", "-"]);
    assert!(
        String::from_utf8(users)
            .unwrap()
            .starts_with(r#"{"key":"user:alice","value":"hi","delete_in_ms":3"#)
    );
    assert_eq!(exported(&node, &["--prefix", "nobody:"]), b"");
    let range = exported(&node, &["--start", "stdin:b", "--end", "user:b"]);
    assert_eq!(String::from_utf8(range).unwrap().lines().count(), 2);
}

#[test]
fn a_dry_run_checks_every_line_and_asks_no_server() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("in.jsonl");
    std::fs::write(
        &path,
        "{\"key\":\"a\",\"value\":\"1\"}\n\nx\n{\"key\":\"b\"}\n",
    )
    .unwrap();
    let check = |path: &Path| {
        let nobody = format!("unix:{}/nobody.sock", folder.path().display());
        let mut command = dkv();
        command.args(["kv", "import", "--dry-run", "--endpoints", &nobody]);
        run(command.arg(path), b"")
    };
    let bad = check(&path);
    bad.exits(1)
        .complains("in.jsonl:3: this is not JSON")
        .complains("in.jsonl:4: no value");
    assert!(
        bad.text().starts_with("valid=1, invalid=2, seconds="),
        "{bad}"
    );
    std::fs::write(&path, "{\"key\":\"a\",\"value\":\"1\"}").unwrap();
    let good = check(&path);
    assert!(
        good.exits(0).text().starts_with("valid=1, invalid=0"),
        "{good}"
    );
}

#[test]
fn bad_lines_are_skipped_if_asked_for_and_all_are_reported() {
    let node = Node::start();
    let mut text = String::new();
    for line in 1..=100 {
        let value = if line % 2 == 0 { "\"v\"" } else { "5" };
        writeln!(text, r#"{{"key":"k{line}","value":{value}}}"#).unwrap();
    }
    let path = file(&node, "in.jsonl", text);
    let report = node.folder().join("bad.csv");
    let ran = import(
        &node,
        &path,
        &["--skip-errors", "--report", report.to_str().unwrap()],
    );
    ran.exits(1)
        .complains("in.jsonl:1: ")
        .complains("and 30 more: see ");
    assert!(
        ran.text().starts_with("imported=50, skipped=50, seconds="),
        "{ran}"
    );
    assert_eq!(ran.stderr.matches("in.jsonl:").count(), 20, "{ran}");
    let report = std::fs::read_to_string(report).unwrap();
    assert_eq!(report.lines().count(), 51, "{report}");
    assert_eq!(report.lines().next(), Some("file,line,error"));
    let last = report.lines().last().unwrap();
    assert!(
        last.contains("in.jsonl,99,") && last.contains("expected `value`"),
        "{last}"
    );
    assert_eq!(
        String::from_utf8(exported(&node, &[]))
            .unwrap()
            .lines()
            .count(),
        50
    );
}

#[test]
fn a_bad_line_ends_an_import_that_says_what_is_written() {
    let mut node = Node::start();
    let text = "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n{}\n{\"key\":\"c\",\"value\":\"3\"}\n";
    let path = file(&node, "in.jsonl", text);
    let ran = import(&node, &path, &[]);
    ran.exits(1)
        .complains("in.jsonl:3: no key: add `key`")
        .complains("stopped: 2 records are written, among them all before ");
    assert!(ran.text().starts_with("imported=2, skipped=0"), "{ran}");
    assert!(ran.text().contains("in.jsonl:3"), "{ran}");
    assert_eq!(
        String::from_utf8(exported(&node, &[]))
            .unwrap()
            .lines()
            .count(),
        2
    );
    let quiet = import(&node, &path, &["--quiet"]);
    assert_eq!(quiet.exits(1).text(), "");
    assert_eq!(quiet.stderr.lines().count(), 1, "{quiet}");
    node.assert_healthy();
}

#[test]
fn a_value_that_the_server_finds_too_large_is_a_bad_line() {
    let node = Node::start_with(&["--max-value-size", "1000"]);
    let large = "x".repeat(1_001);
    let text =
        format!("{{\"key\":\"a\",\"value\":\"{large}\"}}\n{{\"key\":\"b\",\"value\":\"1\"}}\n");
    let path = file(&node, "in.jsonl", text);
    let about = "in.jsonl:1: the value is 1001 bytes; at most 1000";
    import(&node, &path, &[]).exits(1).complains(about);
    let ran = import(&node, &path, &["--skip-errors"]);
    assert!(
        ran.exits(1).text().starts_with("imported=1, skipped=1"),
        "{ran}"
    );
    ran.complains(about);
}

#[test]
fn the_largest_value_goes_out_and_in() {
    let node = Node::start();
    let mut largest = vec![0_u8; 16 << 20];
    node.dkv_with_input(&["kv", "set", "zeros", "-"], &largest)
        .exits(0);
    largest.fill(b'x');
    node.dkv_with_input(&["kv", "set", "text", "-"], &largest)
        .exits(0);
    let dump = node.folder().join("dump.jsonl");
    let dump = dump.to_str().unwrap();
    node.dkv(&["kv", "export", dump])
        .exits(0)
        .value_of("exported");
    let other = Node::start();
    import(&other, Path::new(dump), &[]).exits(0);
    assert!(other.dkv(&["kv", "get", "text"]).stdout == largest);
    largest.fill(0);
    assert!(other.dkv(&["kv", "get", "zeros"]).stdout == largest);
}

#[test]
fn a_server_that_goes_away_leaves_no_doubt_about_what_is_written() {
    let mut node = Node::start();
    let mut text = String::new();
    for line in 1..=300_000 {
        writeln!(text, r#"{{"key":"k{line:06}","value":"v"}}"#).unwrap();
    }
    let path = file(&node, "in.jsonl", text);
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    shell.begin(&format!(
        "dkv kv import {} --timeout 2s -o jsonl 2>err",
        path.display()
    ));
    // At most 1,024 writes are under way: thousands are confirmed then.
    while node.dkv(&["kv", "has", "k005000"]).code != 0 {}
    node.kill();
    let (said, code) = shell.end();
    let err = std::fs::read_to_string(node.folder().join("err")).unwrap();
    assert!(matches!(code, 5 | 8), "{code} {said} {err}");
    let row: serde_json::Value = serde_json::from_str(&said).unwrap();
    let imported = row["imported"].as_u64().unwrap();
    let first: u64 = {
        let place = row["first_unconfirmed"].as_str().unwrap();
        place.rsplit_once(':').unwrap().1.parse().unwrap()
    };
    assert!(imported > 3_000 && first <= imported + 1, "{said}");
    assert!(
        err.contains(&format!(
            "{imported} records are written, among them all before "
        )),
        "{err}"
    );
    assert!(err.contains("import again"), "{err}");
    node.restart();
    let all = String::from_utf8(exported(&node, &[])).unwrap();
    assert!(all.lines().count() as u64 >= imported);
    let confirmed: Vec<_> = (1..first)
        .map(|line| format!(r#"{{"key":"k{line:06}","value":"v"}}"#))
        .collect();
    let kept: Vec<_> = all.lines().take(confirmed.len()).collect();
    assert!(kept == confirmed, "every line before {first} is there");
}

#[test]
fn an_import_outlives_the_restart_of_its_server() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = format!("unix:{}/dkv.sock", folder.path().display());
    let mut node = Node::start_with(&["--listen", &socket]);
    let mut text = String::new();
    for line in 1..=100_000 {
        // Keys come back while the connection is broken: the last line still wins.
        writeln!(text, r#"{{"key":"k{:03}","value":"{line}"}}"#, line % 1_000).unwrap();
    }
    let path = file(&node, "in.jsonl", text);
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(&socket);
    shell.begin(&format!("dkv kv import {} --timeout 50s", path.display()));
    while node.dkv(&["kv", "has", "k900"]).code != 0 {}
    node.kill();
    node.restart();
    let (said, code) = shell.end();
    assert_eq!(code, 0, "{said}");
    let all = String::from_utf8(exported(&node, &[])).unwrap();
    for (number, line) in all.lines().enumerate() {
        let last = if number == 0 {
            100_000
        } else {
            99_000 + number
        };
        assert_eq!(
            line,
            format!(r#"{{"key":"k{number:03}","value":"{last}"}}"#)
        );
    }
}

#[test]
fn an_interrupted_import_says_how_far_it_was() {
    let node = Node::start();
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    // A pipe that stays open: the import waits for more.
    let (said, code) = shell.run(
        "mkfifo pipe; (printf '{\"key\":\"a\",\"value\":\"1\"}\\n'; exec sleep 50) > pipe & \
         writer=$!; dkv kv import pipe & import=$!; \
         until dkv kv get a --quiet >found 2>/dev/null; do :; done; \
         kill -INT $import; wait $import; code=$?; kill $writer; (exit $code)",
    );
    assert_eq!(code, 130, "{said}");
    assert!(
        said.contains("interrupted: 1 record is written, among them all before pipe:2;"),
        "{said}"
    );
    assert!(said.contains("imported=1, skipped=0"), "{said}");
}

#[test]
fn an_export_that_fails_leaves_what_was_there() {
    let mut node = Node::start();
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    let dump = file(&node, "dump.jsonl", "old");
    let target = dump.to_str().unwrap();
    node.dkv(&["kv", "export", target, "--shard", "200"])
        .complains("locks only");
    assert_eq!(std::fs::read(&dump).unwrap(), b"old");
    let ran = node.dkv(&["kv", "export", target]);
    assert!(
        ran.exits(0)
            .text()
            .starts_with("exported=1, bytes=24, revision=1, seconds="),
        "{ran}"
    );
    assert_eq!(
        std::fs::read(&dump).unwrap(),
        b"{\"key\":\"a\",\"value\":\"1\"}\n"
    );
    node.kill();
    node.dkv(&["kv", "export", target, "--retries", "0"])
        .exits(5);
    assert_eq!(
        std::fs::read(&dump).unwrap(),
        b"{\"key\":\"a\",\"value\":\"1\"}\n"
    );
    let left: Vec<_> = std::fs::read_dir(node.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let node = Node::start();
    let mut text = String::new();
    for number in 0..20_000 {
        writeln!(
            text,
            r#"{{"key":"k{number:05}","value":"{}"}}"#,
            "v".repeat(50)
        )
        .unwrap();
    }
    import(&node, &file(&node, "in.jsonl", &text), &[]).exits(0);
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    let (said, _) = shell.run("dkv kv export | head -n 1; echo ${PIPESTATUS[0]}");
    let first = text.lines().next().unwrap();
    assert_eq!(said, format!("{first}\n0\n"), "nothing else is said");
}

#[test]
fn an_export_is_of_one_revision_whatever_is_written_meanwhile() {
    let node = Node::start();
    let mut text = String::new();
    for number in 0..20_000 {
        writeln!(text, r#"{{"key":"k{number:05}","value":"old"}}"#).unwrap();
    }
    import(&node, &file(&node, "old.jsonl", &text), &[]).exits(0);
    let new = file(&node, "new.jsonl", text.replace("old", "new"));
    let mut shell = Shell::start(node.folder());
    shell.set_endpoint(node.address());
    // The import waits in the middle until an export has seen it there.
    let new = new.display();
    shell.begin(&format!(
        "(head -n 10000 {new}; until [ -e go ]; do sleep 0.01; done; tail -n +10001 {new}) | \
         dkv kv import -"
    ));
    loop {
        let all = String::from_utf8(exported(&node, &[])).unwrap();
        let new = all
            .lines()
            .filter(|line| line.ends_with("\"new\"}"))
            .count();
        assert_eq!(all.lines().count(), 20_000);
        if new > 0 && new < 20_000 {
            file(&node, "go", "");
        }
        // Writes of the import are a thousand at a time: an export of one revision holds
        // all of those before its last new line, but for what was under way then.
        let last = all
            .lines()
            .enumerate()
            .filter(|(_, line)| line.ends_with("\"new\"}"))
            .map(|(at, _)| at)
            .last();
        let missing = last.map_or(0, |last| last + 1 - new);
        assert!(
            missing <= 1_024,
            "{missing} lines are older than a later one"
        );
        if new == 20_000 {
            break;
        }
    }
    assert_eq!(shell.end().1, 0);
    assert!(
        node.folder().join("go").exists(),
        "an export ran beside the import"
    );
}
