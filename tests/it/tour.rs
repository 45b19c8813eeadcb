//! The README's tour, line by line: each command in a `console` block is run against the
//! real binary, and what it prints is compared with what stands below it.
//!
//! `…` and `[..]` stand for anything within a line. A block marked `second shell` runs in a
//! session of its own; if such a block begins with output, it is that of the last command typed
//! there, which was left waiting. Starting and killing the server is done by the harness.

use crate::harness::{Node, Shell};

const START: &str = "cargo run --release --locked -- serve";
const KILL: &str = "pkill -9 -x dkv";

#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    second_shell: bool,
    /// Output that belongs to the last command of this shell's block before.
    late: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(markdown.lines()) {
        if let Some(info) = text.strip_prefix("```") {
            inside = !inside && info.starts_with("console");
            if inside {
                found.push(Block {
                    line,
                    second_shell: info.contains("second shell"),
                    late: Vec::new(),
                    steps: Vec::new(),
                });
            }
            continue;
        }
        let Some(block) = found.last_mut().filter(|_| inside) else {
            continue;
        };
        match (text.strip_prefix("$ "), block.steps.last_mut()) {
            (Some(command), _) => block.steps.push(Step {
                line,
                command: command.to_owned(),
                output: Vec::new(),
            }),
            (None, Some(step)) if step.output.is_empty() && text.starts_with("> ") => {
                step.command.push('\n');
                step.command.push_str(&text[2..]);
            }
            (None, Some(step)) => step.output.push(text.to_owned()),
            (None, None) => block.late.push(text.to_owned()),
        }
    }
    found
}

/// True if the text is the pattern, in which `…` and `[..]` stand for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.replace("[..]", "…");
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[track_caller]
fn compare(line: usize, command: &str, expected: &[String], said: &str) {
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    let agree = expected.len() == said.len()
        && expected
            .iter()
            .zip(&said)
            .all(|(pattern, text)| matches(pattern, text));
    assert!(
        agree,
        "README.md:{line}: `{command}`\nshould print:\n{}\nand printed:\n{}\n",
        expected.join("\n"),
        said.join("\n")
    );
}

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
        let which = usize::from(block.second_shell);
        if !block.late.is_empty() {
            let waiting = self.waiting[which].take();
            let (line, command) = waiting.expect("output without a command waiting for it");
            let (said, _) = self.shell(block.second_shell).end();
            compare(line, &command, &block.late, &said);
        }
        for (number, step) in block.steps.iter().enumerate() {
            match step.command.as_str() {
                START => self.start_or_restart(step),
                KILL => self.node.as_mut().expect("the server was started").kill(),
                command => {
                    self.shell(block.second_shell).begin(command);
                    if leave_last && number + 1 == block.steps.len() {
                        self.waiting[which] = Some((step.line, command.to_owned()));
                        return;
                    }
                    let (said, _) = self.shell(block.second_shell).end();
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
    let blocks = blocks(&readme);
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
        let next = later.find(|later| later.second_shell == block.second_shell);
        let leave_last = next.is_some_and(|next| !next.late.is_empty());
        tour.walk(block, leave_last);
    }
    assert!(
        tour.waiting.iter().all(Option::is_none),
        "a command was left waiting"
    );
}

#[test]
fn blocks_are_read_as_a_person_reads_them() {
    let text = "# T\n```console\n$ a\none\n$ b \\\n> c\n```\n```sh\n$ no\n```\n\
                ```console second shell\nlate\n$ d\n```\n";
    let blocks = blocks(text);
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0].steps[0].output, ["one"]);
    assert_eq!(blocks[0].steps[1].command, "b \\\nc");
    assert!(blocks[1].second_shell);
    assert_eq!(blocks[1].late, ["late"]);
    assert_eq!(blocks[1].steps[0].command, "d");
}

#[test]
fn patterns_match_what_they_should() {
    assert!(matches("revision=…", "revision=7"));
    assert!(matches("a[..]c…e", "abcde"));
    assert!(matches("same", "same"));
    for (pattern, text) in [
        ("same", "same "),
        ("a…c", "ab"),
        ("…b", "abc"),
        ("a…b…c", "acb"),
    ] {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}

#[test]
#[should_panic(expected = "should print")]
fn a_wrong_tour_is_caught() {
    compare(1, "dkv kv get x", &["hello".to_owned()], "goodbye\n");
}
