//! Each rule is shown to fail on a small bad snippet, and to pass on its good twin: a
//! checker that cannot fail checks nothing.

use crate::source::{Finding, Tree};
use crate::{ROOMS, bans, floors, shape, words};

/// Asserts that exactly one finding came, there, with these words in its message.
#[track_caller]
fn assert_one(findings: &[Finding], line: usize, words: &str) {
    let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings.len(),
        1,
        "expected one finding about `{words}`: {all:#?}"
    );
    assert_eq!(findings[0].line, line, "{}", all[0]);
    assert!(findings[0].message.contains(words), "{}", all[0]);
}

#[track_caller]
fn assert_clean(findings: &[Finding]) {
    let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{all:#?}");
}

fn floors_of(path: &str, text: &str) -> Vec<Finding> {
    floors::check(&Tree::of(&[(path, text)]), ROOMS)
}

fn bans_of(path: &str, text: &str) -> Vec<Finding> {
    bans::check(&Tree::of(&[(path, text)]))
}

/// The findings of one shape rule: a snippet is never reachable, so that one is left out.
fn shape_of(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = shape::check(&Tree::of(&[(path, text)]));
    findings.retain(|finding| !finding.message.contains("names this file"));
    findings
}

fn words_of(path: &str, text: &str) -> Vec<Finding> {
    words::check(&Tree::of(&[(path, text)]))
}

#[test]
fn an_import_from_a_higher_floor_is_found() {
    let up = "use crate::base::Error;\nuse crate::{kv::Record, store::Store};\n";
    assert_one(
        &floors_of("src/machine/apply.rs", up),
        2,
        "imports `store` (floor 5)",
    );
    let inline = "fn f() {\n    crate::server::run();\n}\n";
    assert_one(
        &floors_of("src/store/local.rs", inline),
        2,
        "may import: base, engine",
    );
    let strangers = "use crate::lock::Lock;\n";
    assert_one(&floors_of("src/kv/ops.rs", strangers), 1, "`lock`");
    let nested = "use crate::{\n    base::{Error,\n        time},\n    perf,\n};\n";
    assert_one(&floors_of("src/client/kv.rs", nested), 4, "`perf`");
}

#[test]
fn an_import_from_a_lower_floor_passes() {
    let down = "use crate::base::{Error, time::{MachineTime, Timer}};\nuse super::Record;\n";
    assert_clean(&floors_of("src/kv/ops.rs", down));
    assert_clean(&floors_of("src/kv/ops.rs", "// use crate::store::Store;\n"));
    assert_clean(&floors_of(
        "src/kv/ops.rs",
        "const S: &str = \"crate::store::Store\";\n",
    ));
}

#[test]
fn only_the_composition_root_names_every_room() {
    let root = "use crate::engine::Engine;\n";
    assert_clean(&floors_of("src/server/node.rs", root));
    assert_one(
        &floors_of("src/server/grpc.rs", root),
        1,
        "imports `engine`",
    );
}

#[test]
fn climbing_out_of_a_room_is_found() {
    let climb = "use super::super::store::Store;\n";
    assert_one(&floors_of("src/kv/ops.rs", climb), 1, "climbs out");
    assert_clean(&floors_of(
        "src/engine/memory/tree.rs",
        "use super::super::Batch;\n",
    ));
    let test = "#[cfg(test)]\nmod tests {\n    use super::super::Record;\n}\n";
    assert_clean(&floors_of("src/kv/ops.rs", test));
}

#[test]
fn a_room_without_a_floor_is_found() {
    assert_one(
        &floors_of("src/attic/mod.rs", "//! Things.\n"),
        1,
        "stands on no floor",
    );
    let main = "fn main() {\n    dkv::store::open();\n}\n";
    assert_one(&floors_of("src/main.rs", main), 2, "names no other room");
}

#[test]
fn a_table_that_points_up_is_found() {
    let upside_down = [
        crate::room("kv", 2, &["machine"]),
        crate::room("machine", 3, &[]),
    ];
    assert_one(
        &floors::check(&Tree::of(&[]), &upside_down),
        1,
        "not on a lower floor",
    );
}

/// A place, a snippet that must not stand there, and what the finding names.
const BANNED: &[(&str, &str, &str)] = &[
    ("src/kv/ops.rs", "async fn f() {}", "`async`"),
    ("src/lock/ops.rs", "use tokio::sync::mpsc;", "`tokio`"),
    (
        "src/machine/apply.rs",
        "fn f(clock: &dyn Clock) {}",
        "`Clock`",
    ),
    (
        "src/machine/apply.rs",
        "use crate::proto::v1;",
        "`crate::proto::v1`",
    ),
    (
        "src/server/grpc.rs",
        "use crate::proto::{v1, storage};",
        "`crate::proto::storage`",
    ),
    ("src/server/grpc.rs", "use clap::Parser;", "`clap`"),
    ("src/client/mod.rs", "use figment::Figment;", "`figment`"),
    ("src/store/local.rs", "use openraft::Raft;", "`openraft`"),
    (
        "src/wal/writer.rs",
        "#![allow(unsafe_code)]",
        "`unsafe_code`",
    ),
    ("src/main.rs", "fn f() { unsafe { g() } }", "`unsafe`"),
    ("src/engine/memory/mod.rs", "use redb::Database;", "`redb`"),
    ("src/store/local.rs", "fn f(s: tonic::Status) {}", "`tonic`"),
    ("src/wal/record.rs", "use prost::Message;", "`prost`"),
    (
        "src/server/node.rs",
        "fn f() { eprintln!(\"x\") }",
        "`eprintln!`",
    ),
    (
        "src/cli/kv.rs",
        "fn f() { std::io::stdout(); }",
        "`std::io::stdout`",
    ),
    (
        "src/base/host/clock.rs",
        "use std::time::SystemTime;",
        "`SystemTime`",
    ),
    (
        "src/store/local.rs",
        "use std::time::{Duration, Instant};",
        "`std::time::Instant`",
    ),
    ("src/wal/writer.rs", "use std::fs::File;", "`std::fs`"),
    (
        "src/wal/writer.rs",
        "fn f() { std::thread::spawn(|| {}); }",
        "`std::thread`",
    ),
    ("src/store/local.rs", "fn f() { rand::rng(); }", "`rand`"),
    (
        "src/store/sweep.rs",
        "fn f() { tokio::spawn(async {}); }",
        "`tokio::spawn`",
    ),
    (
        "src/server/peer.rs",
        "fn f() { unbounded_channel::<u8>(); }",
        "`unbounded_channel`",
    ),
    (
        "src/wal/queue.rs",
        "use std::sync::mpsc::channel;",
        "`std::sync::mpsc::channel`",
    ),
];

#[test]
fn every_ban_is_found() {
    for &(path, text, words) in BANNED {
        let findings = bans_of(path, text);
        let named = findings
            .iter()
            .any(|finding| finding.message.contains(words));
        assert!(named, "{path}: {text} was not found");
    }
}

#[test]
fn bans_know_where_things_belong() {
    let cases = [
        ("src/cli/output.rs", "fn f() { println!(\"x\") }"),
        ("src/base/host/disk.rs", "use std::fs::File;"),
        ("src/machine/codec.rs", "use crate::proto::storage;"),
        ("src/server/grpc.rs", "fn f() { tokio::spawn(async {}); }"),
        ("src/allocator.rs", "fn f() { unsafe { g() } }"),
        ("src/wal/writer.rs", "fn f() { /* std::thread::spawn */ }"),
        ("src/wal/tests.rs", "fn f() { std::thread::spawn(|| {}); }"),
        ("src/kv/ops.rs", "fn asynchronous() {}"),
    ];
    for (path, text) in cases {
        assert_clean(&bans_of(path, text));
    }
    let conformance = [
        ("src/engine/mod.rs", "#[cfg(test)]\nmod conformance;\n"),
        ("src/engine/conformance.rs", "use std::fs::File;\n"),
    ];
    assert_clean(&bans::check(&Tree::of(&conformance)));
}

#[test]
fn long_files_are_found_and_tests_do_not_count() {
    let long = format!("//! Doc.\n{}", "const A: u8 = 1;\n".repeat(500));
    assert_one(&shape_of("src/kv/ops.rs", &long), 500, "501 lines");
    assert_clean(&shape_of("src/kv/tests.rs", &long));
    let tests = format!(
        "//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "const A: u8 = 1;\n".repeat(600)
    );
    assert_clean(&shape_of("src/kv/ops.rs", &tests));
}

#[test]
fn long_functions_are_found_and_the_ratchet_only_turns_one_way() {
    let of_lines = |n: usize| format!("//! Doc.\nfn long() {{\n{}}}\n", "    f();\n".repeat(n - 2));
    assert_one(
        &shape_of("src/kv/ops.rs", &of_lines(71)),
        2,
        "`long` has 71 lines",
    );
    assert_clean(&shape_of("src/kv/ops.rs", &of_lines(70)));
    let tree = Tree::of(&[("src/kv/ops.rs", &of_lines(90))]);
    let file = &tree.rust["src/kv/ops.rs"];
    for (ratchet, expected) in [(90, 0), (89, 1)] {
        let mut findings = Vec::new();
        let ratchet = [("src/kv/ops.rs", "long", ratchet)];
        shape::function_lengths("src/kv/ops.rs", file, &ratchet, &mut findings);
        assert_eq!(findings.len(), expected);
    }
}

#[test]
fn a_file_without_a_doc_is_found() {
    assert_one(&shape_of("src/kv/ops.rs", "fn f() {}\n"), 1, "`//!`");
}

#[test]
fn a_door_that_works_is_found() {
    let free = "//! Doc.\npub fn run() { serve() }\n";
    assert_one(
        &shape_of("src/server/mod.rs", free),
        2,
        "`run` does work in a door",
    );
    let body = "    f();\n".repeat(12);
    let long = format!("//! Doc.\nimpl A {{\n    fn new() {{\n{body}    }}\n}}\n");
    assert_one(
        &shape_of("src/server/mod.rs", &long),
        3,
        "14 lines in a door",
    );
    let seam =
        "//! Doc.\npub trait A {\n    fn f(&self) -> u8;\n    fn g(&self) -> u8 { self.f() }\n}\n";
    assert_clean(&shape_of("src/server/mod.rs", seam));
    let test = "//! Doc.\n#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";
    assert_one(&shape_of("src/server/mod.rs", test), 4, "no tests");
}

#[test]
fn globs_outside_tests_are_found() {
    let glob = "//! Doc.\nuse crate::base::*;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_one(
        &shape_of("src/kv/ops.rs", glob),
        2,
        "hides what is imported",
    );
}

#[test]
fn a_file_nobody_names_is_found() {
    let files = [
        ("src/lib.rs", "//! Doc.\npub mod kv;\n"),
        ("src/kv/mod.rs", "//! Doc.\nmod ops;\n"),
        ("src/kv/ops.rs", "//! Doc.\n"),
        ("src/kv/old.rs", "//! Doc.\n"),
    ];
    assert_one(&shape::check(&Tree::of(&files)), 1, "no `mod old;`");
}

#[test]
fn empty_names_are_found() {
    let name = |text| words_of("src/kv/ops.rs", text);
    assert_one(&name("struct LockManager;"), 1, "`manager`");
    assert_one(&name("\nfn parse_helper() {}"), 2, "`helper`");
    assert_one(&words_of("src/util/mod.rs", ""), 1, "`util`");
    assert_one(&name("mod common;"), 1, "`common`");
    assert_clean(&name("struct Managed; impl Utility for Managed {}"));
    assert_clean(&name("fn common_bytes() {}"));
}

#[test]
fn leftovers_are_found() {
    let of = |text: &str| words_of("src/kv/ops.rs", text);
    assert_one(&of("// TODO: later\n"), 1, "TODO(#123)");
    assert_clean(&of("// TODO(#12): later\n"));
    assert_one(&of("fn f() {}\n// let x = 1;\n"), 2, "this comment is code");
    assert_one(&of("// store.put(key);\n"), 1, "this comment is code");
    assert_one(&of("// if x {\n"), 1, "this comment is code");
    assert_clean(&of(
        "// The key goes first; the value follows.\n/// let x = 1;\n",
    ));
    assert_clean(&of("// It never waits;\n// see the door.\n"));
}

#[test]
fn switched_off_tests_and_lints_are_found() {
    let of = |text: &str| words_of("src/kv/ops.rs", text);
    assert_one(&of("#[ignore]\n"), 1, "a test runs");
    assert_one(&of("\n#[ignore = \"slow\"]\n"), 2, "a test runs");
    assert_one(&of("#[allow(dead_code)]\n"), 1, "say why");
    assert_clean(&of("#[allow(dead_code, reason = \"read by tests\")]\n"));
}

#[test]
fn unwraps_and_expects_without_reason_are_found() {
    let of = |text: &str| words_of("src/kv/ops.rs", text);
    assert_one(&of("fn f() { g().unwrap() }\n"), 1, "why it cannot be");
    assert_one(&of("fn f() { g().expect(\"\") }\n"), 1, "why it cannot be");
    assert_one(
        &of("fn f() { g().expect(\"failed to get it\") }\n"),
        1,
        "why it cannot be",
    );
    assert_clean(&of("fn f() { g().expect(\"its length was checked\") }\n"));
    assert_clean(&of(
        "#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap() }\n}\n",
    ));
}

#[test]
fn places_on_one_machine_are_found() {
    let place = ["see /ho", "me/alice/notes\n"].concat();
    assert_one(&words_of("docs/a.txt", &place), 1, "a place on one machine");
    assert_clean(&words_of(
        "docs/a.txt",
        "see src/home/notes and https://a.b/home/c\n",
    ));
}

#[test]
fn a_merge_that_nobody_decided_is_found() {
    let text = ["# A\n<<<<", "<<< ours\nx\n=======\ny\n>>>>", ">>> theirs\n"].concat();
    let findings = words_of("docs/a.md", &text);
    assert_eq!(findings.len(), 2, "both marks");
    assert_clean(&words_of("docs/a.md", "# A\n\n    1 <<<<<<< 2\n"));
}

#[test]
fn markdown_has_one_title_and_no_dead_links() {
    let of = |text: &str| words_of("docs/a.md", text);
    assert_one(&of("text\n"), 1, "opens with its title");
    assert_one(&of("# A\n\n# B\n"), 3, "one title");
    assert_clean(&of("# A\n```sh\n# a comment\n```\n"));
    assert_one(&of("# A\n[b](../b.md)\n"), 2, "leads nowhere");
    assert_clean(&of(
        "# A\n[self](a.md#x) [up](../docs/a.md) [web](https://b.c)\n",
    ));
}

#[test]
fn literals_and_comments_are_not_code() {
    let text = "let a = r#\"crate::store\"#; let b = b'\\''; let c: &'a str = \"\\\"crate::store\";\n\
                /* crate::store /* nested */ crate::store */ let d = '\"'; // crate::store\n";
    assert_clean(&floors_of("src/kv/ops.rs", text));
    let after = format!("{text}use crate::store::Store;\n");
    assert_one(&floors_of("src/kv/ops.rs", &after), 3, "`store`");
}
