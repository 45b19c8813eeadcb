//! Running one command to its end.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::PATIENCE;

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; 128 + the signal if one ended it.
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("this output should be text")
    }

    /// Asserts an exit code.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Asserts the whole standard output, without the last newline.
    #[track_caller]
    pub(crate) fn prints(&self, expected: &str) -> &Self {
        assert_eq!(self.text().trim_end_matches('\n'), expected, "{self}");
        self
    }

    /// Asserts that standard error speaks of something.
    #[track_caller]
    pub(crate) fn complains(&self, about: &str) -> &Self {
        assert!(
            self.stderr.contains(about),
            "expected `{about}` on standard error: {self}"
        );
        assert!(!self.stderr.contains("panicked"), "{self}");
        self
    }

    /// Asserts success, and gives `key=value` from the output.
    #[track_caller]
    pub(crate) fn value_of(&self, key: &str) -> String {
        self.exits(0);
        let pairs = self.text().split([',', ' ', '\n']);
        let mut values = pairs.filter_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let value = values.next();
        value
            .unwrap_or_else(|| panic!("`{key}=` was expected: {self}"))
            .to_owned()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        let shown: String = stdout.chars().take(2_000).collect();
        write!(
            f,
            "\nexit code {}\nstdout: {shown}\nstderr: {}",
            self.code, self.stderr
        )
    }
}

/// The binary under test, with no setting of the surrounding environment.
pub(crate) fn dkv() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_dkv")))
}

/// The same, that may not have more than so many files open at once.
pub(crate) fn dkv_with_open_files(most: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_dkv")]);
    clean(command)
}

fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DKV_") && name != "DKV_MUTANT" {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs `dkv` with these arguments against an endpoint.
pub(crate) fn dkv_at<A: AsRef<OsStr>>(endpoint: &str, arguments: &[A]) -> Ran {
    run(dkv().env("DKV_ENDPOINTS", endpoint).args(arguments), b"")
}

/// Runs a command to its end, feeding it `input`.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Ran {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // The child may end without reading it all: that is its business.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    finish(child, &format!("{command:?}"))
}

/// Waits for a child and collects what it says.
pub(crate) fn finish(mut child: Child, name: &str) -> Ran {
    let stdout = read_all(child.stdout.take());
    let stderr = read_all(child.stderr.take());
    let pid = rustix::process::Pid::from_child(&child);
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || sender.send(child.wait()));
    let Ok(status) = receiver.recv_timeout(PATIENCE) else {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let stderr = stderr.join().unwrap_or_default();
        panic!(
            "{name} did not end within {PATIENCE:?}; stderr: {}",
            String::from_utf8_lossy(&stderr)
        );
    };
    Ran {
        code: code_of(status.expect("a child can be waited for")),
        stdout: stdout.join().expect("the reader does not panic"),
        stderr: String::from_utf8_lossy(&stderr.join().expect("the reader does not panic"))
            .into_owned(),
    }
}

pub(crate) fn code_of(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let by_signal = || 128 + status.signal().unwrap_or_default();
    status.code().unwrap_or_else(by_signal)
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut all);
        }
        all
    })
}
