//! A node: `dkv serve` on a free port in a directory of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::command::{Ran, code_of, dkv, dkv_at, dkv_with_open_files, finish};
use super::{PATIENCE, run};

/// A running node; killed when dropped.
pub(crate) struct Node {
    folder: TempDir,
    arguments: Vec<String>,
    /// Where it is, if not in its folder.
    data_dir: Option<PathBuf>,
    /// How many files it may have open, if not as many as this process.
    open_files_max: Option<u32>,
    child: Option<Child>,
    address: String,
    ready_line: String,
    said: Arc<Mutex<String>>,
}

impl Node {
    /// Starts a node with default settings.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a node with more arguments for `serve`.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut node = Self::new(arguments);
        node.restart();
        node
    }

    /// The same, for a node that may not have more than so many files open at once.
    #[track_caller]
    pub(crate) fn start_with_open_files(most: u32, arguments: &[&str]) -> Self {
        let mut node = Self::new(arguments);
        node.open_files_max = Some(most);
        node.restart();
        node
    }

    fn new(arguments: &[&str]) -> Self {
        Self {
            folder: TempDir::new().expect("a temporary directory can be made"),
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            data_dir: None,
            open_files_max: None,
            child: None,
            address: String::new(),
            ready_line: String::new(),
            said: Arc::default(),
        }
    }

    /// Starts a node with default settings on a directory that is there already.
    #[track_caller]
    pub(crate) fn start_on(data_dir: &Path) -> Self {
        let mut node = Self {
            folder: TempDir::new().expect("a temporary directory can be made"),
            arguments: Vec::new(),
            data_dir: Some(data_dir.to_owned()),
            open_files_max: None,
            child: None,
            address: String::new(),
            ready_line: String::new(),
            said: Arc::default(),
        };
        node.restart();
        node
    }

    /// Starts it again on the same directory, on another port.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "the node runs already");
        let data = self.data_dir();
        let mut command = self.open_files_max.map_or_else(dkv, dkv_with_open_files);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let stderr = child.stderr.take().expect("it was asked to be piped");
        self.said = Arc::default();
        let ready = follow(stderr, Arc::clone(&self.said));
        self.child = Some(child);
        let Ok(line) = ready.recv_timeout(PATIENCE) else {
            panic!("the node did not become ready; it said:\n{}", self.said());
        };
        let after = line.split("listening on ").nth(1).unwrap_or_default();
        let address = after.split([',', ' ', ';']).next().unwrap_or_default();
        assert!(address.starts_with("127.0.0.1:"), "no address in: {line}");
        self.address = address.to_owned();
        self.ready_line = line;
    }

    /// Where it takes requests.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The line with which it said that it is ready.
    pub(crate) fn ready_line(&self) -> &str {
        &self.ready_line
    }

    /// What it keeps.
    pub(crate) fn data_dir(&self) -> PathBuf {
        let own = || self.folder.path().join("data");
        self.data_dir.clone().unwrap_or_else(own)
    }

    /// A directory that lives as long as the node.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it said on standard error since it was started.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("the reader does not panic").clone()
    }

    /// Runs `dkv` against it.
    pub(crate) fn dkv<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        dkv_at(&self.address, arguments)
    }

    /// Runs `dkv` against it, feeding it `input`.
    pub(crate) fn dkv_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = dkv();
        run(
            command.env("DKV_ENDPOINTS", &self.address).args(arguments),
            input,
        )
    }

    /// Ends it as a crash of the process does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child of this test can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// Asks it to stop, and waits until it has; its exit code.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> i32 {
        self.begin_to_terminate().code()
    }

    /// Asks it to stop.
    #[track_caller]
    pub(crate) fn begin_to_terminate(&mut self) -> Stopping {
        let child = self.child.take().expect("the node runs");
        kill_process(Pid::from_child(&child), Signal::TERM).expect("the node can be signalled");
        Stopping { child }
    }

    /// Which process it is.
    #[cfg(target_os = "linux")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    /// Its memory, bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_bytes(&self) -> u64 {
        let pid = self.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kib.expect("a running process has a resident size") * 1_024
    }

    /// The code with which it ended by itself, if it did.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let child = self.child.as_mut().expect("the node runs");
        child.try_wait().expect("a child can be asked").map(code_of)
    }

    /// Asserts that it still runs and still answers.
    #[track_caller]
    pub(crate) fn assert_healthy(&mut self) {
        let ended = self.ended();
        assert!(
            ended.is_none(),
            "the node ended with {ended:?}; it said:\n{}",
            self.said()
        );
        self.dkv(&["kv", "set", "health", "good"]).exits(0);
        self.dkv(&["kv", "get", "health"]).exits(0).prints("good");
        assert!(!self.said().contains("panicked"), "{}", self.said());
    }
}

/// A node that was asked to stop.
pub(crate) struct Stopping {
    child: Child,
}

impl Stopping {
    /// Waits until it has; its exit code.
    #[track_caller]
    pub(crate) fn code(self) -> i32 {
        finish(self.child, "dkv serve, asked to stop,").code
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Collects what a node says, and passes on the line that says it is ready.
fn follow(pipe: impl std::io::Read + Send + 'static, said: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let is_ready = line.contains("dkv ready: listening on");
            let mut said = said.lock().expect("nobody panics while holding it");
            said.push_str(&line);
            said.push('\n');
            drop(said);
            if let Some(sender) = sender.take_if(|_| is_ready) {
                let _ = sender.send(line);
            }
        }
    });
    receiver
}

/// Runs a `serve` that is expected to refuse to start.
pub(crate) fn serve_fails(arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Ran {
    let mut command = dkv();
    command
        .arg("serve")
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder);
    run(&mut command, b"")
}
