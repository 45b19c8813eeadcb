//! What is typed while the cluster runs: `f`, `r`, `q` and Enter, on a terminal.

use std::io::{self, IsTerminal, Stdin};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Kill the leader.
    Failover,
    /// Restart what has ended.
    Restart,
    /// Stop everything.
    Quit,
    /// Something else.
    Unknown,
}

/// The terminal, if there is one.
pub(super) struct Keys {
    stdin: Option<AsyncFd<Stdin>>,
}

impl Keys {
    /// Listens on standard input if that is a terminal.
    #[allow(
        deprecated,
        reason = "it is unsound for types that may close their descriptor while it is \
                  registered; standard input never does, and what replaces it is not safe code"
    )]
    pub(super) fn listen() -> Self {
        let stdin = io::stdin();
        let stdin = match stdin.is_terminal() {
            true => AsyncFd::with_interest(stdin, Interest::READABLE).ok(),
            false => None,
        };
        Self { stdin }
    }

    /// True if somebody may type.
    pub(super) fn has_terminal(&self) -> bool {
        self.stdin.is_some()
    }

    /// The next line. Never resolves without a terminal. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Key {
        loop {
            let Some(stdin) = &self.stdin else {
                return std::future::pending().await;
            };
            let Ok(mut ready) = stdin.readable().await else {
                self.stdin = None;
                continue;
            };
            ready.clear_ready();
            // In the background, what is typed is for somebody else, and reading it would
            // stop this process.
            if tcgetpgrp(stdin.get_ref()).ok() != Some(getpgrp()) {
                continue;
            }
            let mut line = [0; 64];
            match rustix::io::read(stdin.get_ref(), &mut line) {
                Ok(bytes @ 1..) => return key(&line[..bytes]),
                // The terminal is at its end: nobody types any more.
                Ok(0) | Err(_) => self.stdin = None,
            }
        }
    }
}

fn key(line: &[u8]) -> Key {
    match line.trim_ascii() {
        b"f" => Key::Failover,
        b"r" => Key::Restart,
        b"q" => Key::Quit,
        _ => Key::Unknown,
    }
}
