//! The README's tour, line by line: each command in a `console` block is run against the
//! real binary, and what it prints is compared with what stands below it.
//!
//! A block marked `second shell` runs in a
//! session of its own; if such a block begins with output, it is that of the last command typed
//! there, which was left waiting. Starting and killing the server is done by the harness.

use crate::harness::console::{Block, Step, blocks, compare};
use crate::harness::{Node, Shell};

const START: &str = "cargo run --release --locked -- serve";
const KILL: &str = "pkill -9 -x dkv";

/// The node and the two shells of the tour.
struct Tour {
    node: Option<Node>,
    folder: tempfile::TempDir,
    shells: [Option<Shell>; 2],
    /// Per shell: the command that was left waiting.
    waiting: [Option<(usize, String)>; 2],
}

impl Tour {
    fn start_or_restart(&mut self, step: &Step) {
        let node = match &mut self.node {
            Some(node) => {
                node.restart();
                node
            }
            none => none.insert(Node::start()),
        };
        for shell in self.shells.iter_mut().flatten() {
            shell.set_endpoint(node.address());
        }
        // The tour shows the default port; a test takes a free one.
        let said = node.ready_line().replace(node.address(), "127.0.0.1:8080");
        compare(step.line, &step.command, &step.output, &said);
    }

    fn shell(&mut self, second: bool) -> &mut Shell {
        let Self {
            node,
            folder,
            shells,
            ..
        } = self;
        shells[usize::from(second)].get_or_insert_with(|| {
            let mut shell = Shell::start(folder.path());
            let node = node.as_ref().expect("the tour starts with the server");
            shell.set_endpoint(node.address());
            shell
        })
    }

    fn walk(&mut self, block: &Block, leave_last: bool) {
        let which = usize::from(block.is_second());
        if !block.late.is_empty() {
            let waiting = self.waiting[which].take();
            let (line, command) = waiting.expect("output without a command waiting for it");
            let (said, _) = self.shell(block.is_second()).end();
            compare(line, &command, &block.late, &said);
        }
        for (number, step) in block.steps.iter().enumerate() {
            match step.command.as_str() {
                START => self.start_or_restart(step),
                KILL => self.node.as_mut().expect("the server was started").kill(),
                command => {
                    self.shell(block.is_second()).begin(command);
                    if leave_last && number + 1 == block.steps.len() {
                        self.waiting[which] = Some((step.line, command.to_owned()));
                        return;
                    }
                    let (said, _) = self.shell(block.is_second()).end();
                    compare(step.line, command, &step.output, &said);
                }
            }
        }
    }
}

#[test]
fn the_tour_works_as_printed() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("there is a README");
    let mut blocks = blocks(&readme);
    // Those are walked by tests/it/cluster_tour.rs and tests/it/tls_tour.rs.
    blocks.retain(|block| !["cluster", "tls"].contains(&&*block.info));
    let commands: usize = blocks.iter().map(|block| block.steps.len()).sum();
    assert!(commands >= 20, "the tour has only {commands} commands");
    let mut tour = Tour {
        node: None,
        folder: tempfile::TempDir::new().unwrap(),
        shells: [None, None],
        waiting: [None, None],
    };
    // The tour is taken in a folder of the project.
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    std::os::unix::fs::symlink(examples, tour.folder.path().join("examples")).unwrap();
    for (number, block) in blocks.iter().enumerate() {
        let mut later = blocks[number + 1..].iter();
        let next = later.find(|later| later.is_second() == block.is_second());
        let leave_last = next.is_some_and(|next| !next.late.is_empty());
        tour.walk(block, leave_last);
    }
    assert!(
        tour.waiting.iter().all(Option::is_none),
        "a command was left waiting"
    );
}

impl Block {
    fn is_second(&self) -> bool {
        self.info == "second shell"
    }
}
