//! `dkv shell` and signals: a Ctrl-C at any time ends what runs, or what was to run next, and
//! SIGTERM ends the shell whatever ran in it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Node, PATIENCE, Ran, dkv, finish};

/// A shell that reads its commands from a pipe that stays open.
struct Piped {
    child: Child,
    /// None once somebody else writes them.
    commands: Option<ChildStdin>,
}

impl Piped {
    fn start(node: &Node) -> Self {
        let mut child = dkv()
            .env("DKV_ENDPOINTS", node.address())
            .arg("shell")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take();
        Self { child, commands }
    }

    fn reads(&mut self, commands: &str) {
        let pipe = self.commands.as_mut().unwrap();
        pipe.write_all(commands.as_bytes()).unwrap();
    }

    /// Reads stdout to the first line that begins so: what prints it has been begun.
    fn tells(&mut self, begin: &str) {
        let mut stdout = BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap());
        let mut line = String::new();
        while !line.starts_with(begin) {
            line.clear();
            let read = stdout.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the shell ended before it said `{begin}`");
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ends, though its input does not.
    fn ends(self) -> Ran {
        finish(self.child, "dkv shell")
    }
}

/// Ctrl-C between two statements was lost: the script went on.
#[test]
fn ctrl_c_while_a_script_waits_for_its_next_line_ends_it() {
    let node = Node::start();
    let mut shell = Piped::start(&node);
    shell.reads("GET nothing\nSET a 1\n");
    shell.tells("revision=1");
    shell.signal(Signal::INT);
    shell.ends().exits(130).complains("line 1: not found");
}

/// So it was between statements that ask nobody.
#[test]
fn ctrl_c_between_two_statements_ends_the_script() {
    let node = Node::start();
    let mut shell = Piped::start(&node);
    shell.reads("SET a 1\n");
    shell.tells("revision=1");
    let mut commands = shell.commands.take().unwrap();
    let feeding = std::thread::spawn(move || {
        let many = "OUTPUT text\n".repeat(1_000);
        while commands.write_all(many.as_bytes()).is_ok() {}
    });
    shell.signal(Signal::INT);
    shell.ends().exits(130).complains("interrupted: ");
    feeding.join().unwrap();
}

/// `CLUSTER` did not hear it, and waited until its deadline.
#[test]
fn ctrl_c_ends_a_question_about_the_cluster() {
    let node = Node::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut shell = Piped::start(&node);
    shell.reads("SET a 1\n");
    shell.tells("revision=1");
    let address = silent.local_addr().unwrap();
    shell.reads(&format!(
        "CLUSTER STATUS --timeout 1h --endpoints {address}\n"
    ));
    let _asking = silent.accept().unwrap();
    shell.signal(Signal::INT);
    shell.ends().exits(130).complains("line 2: interrupted");
}

/// So did an import, before its first record.
#[test]
fn ctrl_c_ends_an_import_that_nobody_answers() {
    let node = Node::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = node.folder().join("records.jsonl");
    std::fs::write(&file, "{\"key\":\"a\",\"value\":\"1\"}\n").unwrap();
    let mut shell = Piped::start(&node);
    shell.reads("SET a 1\n");
    shell.tells("revision=1");
    let address = silent.local_addr().unwrap();
    shell.reads(&format!(
        "kv import --timeout 1h --endpoints {address} {}\n",
        file.display()
    ));
    let _asking = silent.accept().unwrap();
    shell.signal(Signal::INT);
    shell.ends().exits(130).complains("line 2: interrupted");
}

/// `perf` took SIGTERM from the shell, which could then not be ended with it any more.
#[test]
fn sigterm_ends_a_shell_that_has_measured() {
    let node = Node::start_with(&["--engine", "memory"]);
    let mut shell = Piped::start(&node);
    shell.reads("perf --only set --ops 1 --warm-up 0s --keys 1\nGET nothing\nSET a 1\n");
    shell.tells("revision=");
    shell.signal(Signal::TERM);
    shell.ends().exits(143).complains("line 2: not found");
}

/// Ctrl-C ends what `perf` measures, prints it, and the script with it.
#[test]
fn ctrl_c_ends_a_measurement_and_its_script() {
    let node = Node::start_with(&["--engine", "memory"]);
    let mut shell = Piped::start(&node);
    shell.reads("perf --only set --duration 1h --warm-up 0s\nSET after 1\n");
    let keys = ["kv", "scan", "--keys-only", "--limit", "1"];
    let deadline = Instant::now() + PATIENCE;
    while node.dkv(&keys).exits(0).text().is_empty() {
        assert!(Instant::now() < deadline, "no key was written");
    }
    shell.signal(Signal::INT);
    let ran = shell.ends();
    ran.exits(130).complains("these are the figures until then");
    node.dkv(&keys).exits(0).prints("");
}
