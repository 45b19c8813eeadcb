//! The house rules, checked: floors, invariants that are absences, the shape of
//! files and functions, and words.
//!
//! Each rule is a function from a [`source::Tree`] to findings, so that
//! `tidy/proofs.rs` can show on small bad snippets that every rule does fail. A
//! finding names file and line and says what to do.

#[path = "tidy/bans.rs"]
mod bans;
#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/proofs.rs"]
mod proofs;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/words.rs"]
mod words;

use source::{Finding, Tree};

/// A room of `src/`, its floor, and what it may import.
struct Room {
    name: &'static str,
    floor: u8,
    may_import: &'static [&'static str],
    /// Files that may import more than their room, and what.
    doors: &'static [(&'static str, &'static [&'static str])],
}

/// The floors, as drawn in `ARCHITECTURE.md`. A room imports only from floors below it;
/// many are held tighter than that.
const ROOMS: &[Room] = &[
    room("base", 0, &[]),
    room("proto", 0, &[]),
    room("engine", 1, &["base"]),
    room("wal", 1, &["base"]),
    room("auth", 1, &["base"]),
    room("tls", 1, &["base"]),
    // Judges histories, and knows nothing of what made them.
    room("check", 1, &["base"]),
    room("kv", 2, &["base"]),
    room("lock", 2, &["base"]),
    room("machine", 3, &["base", "proto", "engine", "kv", "lock"]),
    room(
        "raft",
        4,
        &["base", "proto", "engine", "wal", "kv", "lock", "machine"],
    ),
    room(
        "store",
        5,
        &["base", "engine", "wal", "kv", "lock", "machine", "raft"],
    ),
    Room {
        name: "server",
        floor: 6,
        may_import: &[
            "base", "proto", "auth", "tls", "kv", "lock", "machine", "store",
        ],
        doors: &[
            // The one composition root.
            ("src/server/node.rs", &["engine", "wal", "raft"]),
            ("src/server/node/", &["engine", "wal", "raft"]),
            // Knows whom the cluster began with.
            ("src/server/manifest.rs", &["raft"]),
            // Implement the transport that `raft` declares.
            ("src/server/peer/", &["raft"]),
            // Founds, joins and changes clusters.
            ("src/server/cluster/", &["raft"]),
            // A node whose peers are simulated.
            ("src/server/simulated.rs", &["raft"]),
            ("src/server/tests/member.rs", &["raft"]),
            ("src/server/tests/three.rs", &["raft"]),
        ],
    },
    room("client", 6, &["base", "proto", "tls"]),
    room("config", 7, &["base", "tls", "server"]),
    Room {
        name: "perf",
        floor: 7,
        may_import: &["base", "tls", "client"],
        // Measures single calls, which the client does not make.
        doors: &[
            ("src/perf/target/grpc.rs", &["proto"]),
            ("src/perf/target/grpc/", &["proto"]),
        ],
    },
    // Brings a client and a node together: neither knows the other.
    room("embedded", 7, &["base", "proto", "tls", "server", "client"]),
    room(
        "cli",
        8,
        &["base", "tls", "check", "server", "client", "config", "perf"],
    ),
];

const fn room(name: &'static str, floor: u8, may_import: &'static [&'static str]) -> Room {
    Room {
        name,
        floor,
        may_import,
        doors: &[],
    }
}

/// Fails with every finding, one to a line.
fn assert_none(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        findings.is_empty(),
        "\n{}\n\n{} finding(s); the rules are in CONTRIBUTING.md and tests/tidy/\n",
        lines.join("\n"),
        findings.len(),
    );
}

#[test]
fn rooms_import_only_from_the_floors_below() {
    assert_none(&floors::check(&Tree::of_this_project(), ROOMS));
}

#[test]
fn what_must_be_absent_is_absent() {
    assert_none(&bans::check(&Tree::of_this_project()));
}

#[test]
fn files_and_functions_have_the_house_shape() {
    assert_none(&shape::check(&Tree::of_this_project()));
}

#[test]
fn words_are_the_house_words() {
    assert_none(&words::check(&Tree::of_this_project()));
}
