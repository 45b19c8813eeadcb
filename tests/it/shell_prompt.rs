//! `dkv shell` at a terminal, as a person types there.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Node, Ran, dkv, finish};

/// A shell with a terminal of its own, which `script` makes.
struct Prompt {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    /// All that was shown.
    shown: String,
}

impl Prompt {
    fn start(node: &Node) -> Self {
        Self::start_in(node, "DKV shell")
    }

    /// Runs a line of `sh` in which `DKV` stands for the binary.
    fn start_in(node: &Node, line: &str) -> Self {
        let clean = dkv();
        let mut command = Command::new("script");
        let program = format!("'{}'", clean.get_program().to_string_lossy());
        let line = line.replace("DKV", &program);
        command
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in clean.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("DKV_ENDPOINTS", node.address())
            .env("DKV_SHELL_HISTORY", "")
            .env("TERM", "xterm");
        let mut child = command.spawn().expect("util-linux has `script`");
        let (keys, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut prompt = Self {
            child,
            keys,
            screen,
            shown: String::new(),
        };
        prompt.shows("> ");
        prompt
    }

    fn types(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Waits until the screen shows this, after what it was waited for before.
    fn shows(&mut self, expected: &str) {
        let mut byte = [0];
        let mut tail = Vec::new();
        while !tail.ends_with(expected.as_bytes()) {
            let read = self.screen.read(&mut byte).unwrap();
            assert_ne!(
                read, 0,
                "it ended before it showed `{expected}`: {}",
                self.shown
            );
            tail.push(byte[0]);
            self.shown.push(char::from(byte[0]));
        }
    }

    /// Leaves, and says how it ended.
    fn leaves(mut self) -> Ran {
        self.types(b"EXIT\r");
        let mut child = self.child;
        child.stdout = Some(self.screen);
        finish(child, "dkv shell")
    }
}

#[test]
fn ctrl_c_at_the_prompt_clears_the_line() {
    let node = Node::start();
    let mut prompt = Prompt::start(&node);
    prompt.types(b"SET half 1\x03");
    prompt.shows("> ");
    prompt.types(b"SET whole 1\r");
    prompt.shows("revision=1");
    prompt.shows("> ");
    prompt.leaves().exits(0);
    node.dkv(&["kv", "scan", "--keys-only"])
        .exits(0)
        .prints("whole");
}

/// A line that was pasted in another encoding ended the shell, and its locks were left.
#[test]
fn bytes_that_are_no_text_do_not_end_the_shell() {
    let node = Node::start();
    let mut prompt = Prompt::start(&node);
    prompt.types(b"SET caf\xe9 1\r");
    prompt.shows("UTF-8");
    prompt.shows("> ");
    prompt.types(b"\x03");
    prompt.shows("> ");
    prompt.types(b"SET a 1\r");
    prompt.shows("revision=");
    prompt.shows("> ");
    prompt.leaves().exits(0);
}

/// Whoever typed on after it saw nothing of it, and Ctrl-C did nothing.
#[test]
fn sigterm_at_the_prompt_leaves_the_terminal_as_it_was() {
    let node = Node::start();
    let line = "before=$(stty -g); sh -c 'echo pid=$$; exec \"$0\" shell' DKV; echo code=$?; \
                after=$(stty -g); [ \"$before\" = \"$after\" ] && echo all is as it was || echo raw";
    let mut prompt = Prompt::start_in(&node, line);
    let pid = prompt.shown.split("pid=").nth(1).unwrap();
    let pid = pid.split_whitespace().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    prompt.shows("code=143");
    prompt.shows("all is as it was");
}
