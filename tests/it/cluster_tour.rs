//! The README's tour of a cluster, line by line: each command of a `console cluster` block
//! is run by a shell, and what it prints is compared with what stands below it. Only the
//! ports are others, and the nodes end with the test.

use std::path::Path;

use crate::harness::cluster::{free_ports, until};
use crate::harness::console::{Block, blocks, compare};
use crate::harness::{Shell, dkv_at, run};

/// The ports of the README, without the last digit, and those that a test has instead.
struct Ports([(String, String); 2]);

impl Ports {
    fn free() -> Self {
        let ten = || format!("127.0.0.1:{}", free_ports() / 10);
        Self([
            ("127.0.0.1:808".to_owned(), ten()),
            ("127.0.0.1:6300".to_owned(), ten()),
        ])
    }

    fn ours(&self, text: &str) -> String {
        let theirs = |text: String, (theirs, ours): &(String, String)| text.replace(theirs, ours);
        self.0.iter().fold(text.to_owned(), theirs)
    }
}

/// A pipe that the nodes hold: they end when the test does, however it ends.
fn tie(shell: &mut Shell, folder: &Path) -> std::fs::File {
    let pipe = folder.join("pipe");
    run(std::process::Command::new("mkfifo").arg(&pipe), b"").exits(0);
    let both = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe);
    shell.run("exec 9<pipe; export DKV_STOP_WITH_FD=9");
    both.expect("a pipe that was made can be opened")
}

#[test]
fn the_tour_of_a_cluster_works_as_printed() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("there is a README");
    let mut blocks = blocks(&readme);
    blocks.retain(|block| block.info == "cluster");
    let commands: usize = blocks.iter().map(|block| block.steps.len()).sum();
    assert!(commands >= 20, "the tour has only {commands} commands");
    let folder = tempfile::TempDir::new().unwrap();
    let mut shell = Shell::start(folder.path());
    let held = tie(&mut shell, folder.path());
    // What is said of a change that takes long is something else.
    shell.run("export DKV_TIMEOUT=60s");
    let ports = Ports::free();
    blocks
        .iter()
        .for_each(|block| walk(block, &mut shell, &ports));
    // What was written for people, asked once more for programs.
    let left = [2, 3, 4]
        .map(|n| ports.ours(&format!("127.0.0.1:808{n}")))
        .join(",");
    assert_same_state(&left);
    drop(held);
    let (_, code) = shell.run(
        "for n in 2 3 4; do while kill -0 $(cat node-$n.pid); do sleep 0.1; done; done 2>/dev/null",
    );
    assert_eq!(code, 0, "the nodes are gone");
}

fn walk(block: &Block, shell: &mut Shell, ports: &Ports) {
    for step in &block.steps {
        let (said, _) = shell.run(&ports.ours(&step.command));
        let output: Vec<String> = step.output.iter().map(|line| ports.ours(line)).collect();
        compare(step.line, &step.command, &output, &said);
    }
}

#[track_caller]
fn assert_same_state(endpoints: &str) {
    until("all have applied the same", || {
        let status = dkv_at(endpoints, &["cluster", "status", "-o", "jsonl"]);
        let rows: Vec<serde_json::Value> = status
            .exits(0)
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(rows.len(), 6, "{status}");
        rows.iter().all(|row| {
            let twins = rows.iter().filter(|other| other["shard"] == row["shard"]);
            row["lag"] == 0 && twins.into_iter().all(|other| other["hash"] == row["hash"])
        })
    });
}
