//! `dkv help TOPIC`: what the topics show can be typed; and `dkv explain`.

use std::path::Path;

use crate::harness::{Node, Shell, dkv, run};

const TOPICS: [&str; 16] = [
    "locks",
    "expiry",
    "transactions",
    "watches",
    "history",
    "buckets",
    "shell",
    "rest",
    "consistency",
    "cluster",
    "tls",
    "top",
    "backup",
    "config",
    "errors",
    "exit-codes",
];

#[test]
fn help_lists_commands_and_topics() {
    let listed = run(dkv().arg("help"), b"");
    listed.exits(0);
    for word in TOPICS.iter().chain(&["kv ", "cluster ", "explain "]) {
        assert!(listed.text().contains(word), "{word}: {listed}");
    }
    let of_set = run(dkv().args(["help", "kv", "set"]), b"");
    assert!(of_set.exits(0).text().contains("--if-absent"), "{of_set}");
    let unknown = run(dkv().args(["help", "lokcs"]), b"");
    unknown.exits(2).complains("did you mean `dkv help locks`?");
    run(dkv().args(["help", "xyzzy"]), b"")
        .exits(2)
        .complains("lists the commands and topics");
}

/// `dkv help cluster` was the help of the command, and in the shell `HELP locks` that of
/// `LOCKS` alone: nobody could read those topics.
#[test]
fn every_topic_that_is_listed_is_shown() {
    let node = Node::start();
    let listed = run(dkv().arg("help"), b"");
    for topic in TOPICS {
        let line = format!("  {topic} ");
        // A command of the same name is listed before.
        let mut lines = listed.text().lines().rev();
        let about = lines
            .find_map(|it| it.strip_prefix(&line))
            .map(str::trim)
            .unwrap_or_else(|| panic!("{topic}: {listed}"));
        let typed = format!("HELP {topic}");
        for shown in [
            run(dkv().args(["help", topic]), b""),
            node.dkv(&["shell", "-c", &typed]),
        ] {
            let mut lines = shown.exits(0).text().lines();
            assert!(lines.any(|it| it == about), "{topic}: {shown}");
        }
    }
    let command = run(dkv().args(["help", "cluster", "status"]), b"");
    assert!(command.exits(0).text().contains("Usage: "), "{command}");
}

/// Every example of every topic, as a person would paste it, but for those that take a cluster,
/// a terminal, or a port.
#[test]
fn what_the_topics_show_can_be_typed() {
    let mut typed = 0;
    for topic in TOPICS {
        let node = Node::start();
        let shown = run(dkv().args(["help", topic]), b"");
        shown.exits(0);
        let mut shell = Shell::start(node.folder());
        shell.set_endpoint(node.address());
        for line in examples(shown.text()) {
            let line = line.replace("127.0.0.1:8080", node.address());
            shell.begin(&line);
            let (said, code) = shell.end();
            let is_fine = code == 0 && !said.contains("panicked");
            assert!(is_fine, "{topic}: `{line}` exits with {code}: {said}");
            typed += 1;
        }
    }
    assert!(typed > 70, "{typed}");
}

fn examples(text: &str) -> impl Iterator<Item = &str> {
    const STARTS: [&str; 5] = ["dkv ", "printf ", "DKV_", "curl ", "export "];
    const ELSEWHERE: [&str; 4] = ["dkv cluster ", "dkv serve --node-id", "export ", "--exec"];
    text.lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| STARTS.iter().any(|start| line.starts_with(start)))
        .filter(|line| !ELSEWHERE.iter().any(|start| line.starts_with(start)))
        .filter(|line| *line != "dkv shell")
        // These end as what they show says.
        .filter(|line| !line.starts_with("dkv kv has offer:9"))
}

#[test]
fn every_kind_of_error_is_explained() {
    let all = run(dkv().arg("explain"), b"");
    assert!(all.exits(0).text().contains("FenceStale"), "{all}");
    let one = run(dkv().args(["--explain", "timeout"]), b"");
    one.exits(0);
    for words in [
        "exit 8",
        "DEADLINE_EXCEEDED",
        "HTTP 504",
        "Applied?",
        "unknown",
    ] {
        assert!(one.text().contains(words), "{words}: {one}");
    }
    let json = run(dkv().args(["explain", "FenceStale", "-o", "jsonl"]), b"");
    assert!(json.exits(0).text().contains(r#""exit":4,"#), "{json}");
    let json = run(dkv().args(["-o", "json", "--explain", "timeout"]), b"");
    let told: serde_json::Value = serde_json::from_str(json.exits(0).text()).unwrap();
    assert_eq!(told["kind"], "Timeout");
    assert_eq!(told["exit"], 8);
    for about in ["meaning", "applied", "advice", "grpc", "http"] {
        assert!(told[about].is_string(), "{about}: {json}");
    }
    run(dkv().args(["-o", "json", "--explain", "Tmeout"]), b"")
        .exits(2)
        .prints("")
        .complains("did you mean Timeout?");
    run(dkv().args(["--explain", "Tmeout"]), b"")
        .exits(2)
        .complains("did you mean Timeout?");
}

/// The codes that are explained are those that docs/errors.md has.
#[test]
fn explanations_agree_with_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let table = std::fs::read_to_string(path).unwrap();
    for line in table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let statuses: Vec<&str> = cells[3].split(", ").collect();
        for (at, kind) in cells[1].split(", ").enumerate() {
            let told = run(dkv().args(["explain", kind]), b"");
            let status = statuses.get(at).unwrap_or(&statuses[0]).trim_matches('`');
            let codes = format!("exit {}, gRPC {status}", cells[cells.len() - 2]);
            for http in cells[4].split(", ").filter(|_| statuses.len() == 1) {
                assert!(told.text().contains(http), "{kind}: HTTP {http}: {told}");
            }
            assert!(
                told.exits(0).text().contains(&codes),
                "{kind}: {codes}: {told}"
            );
        }
    }
}
