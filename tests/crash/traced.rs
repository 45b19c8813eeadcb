//! A node under strace.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;
use crate::deeds::TRACED;
use crate::place::Place;
use crate::small;

/// Strings longer than this would be cut off.
const STRING_BYTES_MAX: &str = "16777216";

/// Which node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// `dkv serve`. Its log has segments of 40 MiB at least: a short run never fills one.
    Served,
    /// The same from this test's own binary, with segments so small that they are filled and
    /// used again all the time.
    Small,
    /// As `Small`, with replicated shards, in a cluster of one: what it answers is on its disk.
    Voter,
    /// As `Small`, one of three members: what it tells the others of its disk is there.
    Follower,
}

impl Program {
    /// Every one that can be run: `dkv serve` refuses variables that it does not know, and the one
    /// that switches on a defect is among them.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Small, Self::Voter, Self::Follower];
        if !cfg!(dkv_mutants) {
            all.insert(0, Self::Served);
        }
        all
    }

    /// Clients are told only what is on its own disk.
    pub(crate) fn answers_for_itself(self) -> bool {
        self != Self::Follower
    }

    /// The command that runs it; it checkpoints every few commands.
    fn command(self, data: &Path, engine: &str, place: Option<&Place>) -> Command {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-qq",
            "-y",
            "-xx",
            "--seccomp-bpf",
            "-s",
            STRING_BYTES_MAX,
        ]);
        command.args(["-e", &format!("trace={TRACED}"), "-o"]);
        command.arg(trace_of(data)).arg("--");
        match self {
            Self::Served => command
                .arg(env!("CARGO_BIN_EXE_dkv"))
                .args([
                    "serve",
                    "--listen",
                    "127.0.0.1:0",
                    "--snapshot-entries",
                    "20",
                ])
                .args([
                    "--wal-segment-size",
                    "41947136",
                    "--engine",
                    engine,
                    "--data-dir",
                ])
                .arg(data),
            _ => small_node(command.arg(this_test()), data, engine, place),
        };
        command
    }
}

/// The binary of this test.
pub(crate) fn this_test() -> PathBuf {
    std::env::current_exe().expect("this test has a file")
}

/// Has `command`, which runs this test's own binary, be a node.
pub(crate) fn small_node<'a>(
    command: &'a mut Command,
    data: &Path,
    engine: &str,
    place: Option<&Place>,
) -> &'a mut Command {
    if let Some(place) = place {
        command.env(small::PLACE, place.to_string());
    }
    command
        .args(["--exact", small::TEST, "--nocapture"])
        .env(small::DATA, data)
        .env(small::ENGINE, engine)
}

/// Variables of this run, which `dkv serve` would take for settings.
pub(crate) fn without_settings(command: &mut Command) {
    let ours = |name: &str| name.starts_with("DKV_") && name != "DKV_MUTANT";
    for (name, _) in std::env::vars_os() {
        if ours(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

fn trace_of(data: &Path) -> PathBuf {
    data.with_extension("trace")
}

/// A node that runs, seen by strace; it is ended when dropped.
pub(crate) struct Traced {
    strace: Child,
    data: PathBuf,
    pub(crate) address: String,
    said: Arc<Mutex<String>>,
}

impl Traced {
    /// Starts it on that directory and waits until it serves.
    ///
    /// # Panics
    /// With what it said, if it does not.
    pub(crate) fn start(
        program: Program,
        data: &Path,
        engine: &str,
        place: Option<&Place>,
    ) -> Self {
        let mut command = program.command(data, engine, place);
        without_settings(&mut command);
        command.current_dir("/").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut strace = command.spawn().unwrap_or_else(|error| {
            panic!("strace cannot be started, and this test needs it: {error}: install it, or run ./scripts/test, which does")
        });
        let stderr = strace.stderr.take().expect("it was asked to be piped");
        let mut traced = Self {
            strace,
            data: data.to_owned(),
            address: String::new(),
            said: Arc::default(),
        };
        match follow(stderr, Arc::clone(&traced.said)).recv_timeout(PATIENCE) {
            Ok(address) => traced.address = address,
            Err(_) => panic!("the node does not serve; it said:\n{}", traced.said()),
        }
        traced
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("the reader does not panic").clone()
    }

    /// Asks the node to stop, and reads what strace wrote.
    pub(crate) fn stop(mut self) -> String {
        self.end(Signal::TERM)
    }

    /// Ends the process at once, and reads what strace wrote.
    pub(crate) fn kill(mut self) -> String {
        self.end(Signal::KILL)
    }

    fn end(&mut self, signal: Signal) -> String {
        self.signal(signal);
        self.strace.wait().expect("a child can be waited for");
        let trace = trace_of(&self.data);
        let written = std::fs::read_to_string(&trace).expect("strace wrote a trace");
        std::fs::remove_file(trace).expect("it is not needed any more");
        written
    }

    /// To the node, which is strace's only child.
    fn signal(&self, signal: Signal) {
        let strace = self.strace.id();
        let children = format!("/proc/{strace}/task/{strace}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        for pid in children.split_whitespace() {
            let pid = pid.parse().ok().and_then(Pid::from_raw);
            // It may have ended by itself: what it said tells why.
            let _ended = kill_process(pid.expect("the system names processes"), signal);
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the node said:\n{}", self.said());
        }
        if matches!(self.strace.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ended = self.strace.wait();
        }
    }
}

/// Collects what the node says, and tells the address when it says that it listens.
pub(crate) fn follow(
    pipe: impl Read + Send + 'static,
    said: Arc<Mutex<String>>,
) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let after = line.split("listening on ").nth(1);
            if let Some(address) = after.and_then(|rest| rest.split([',', ' ', ';']).next()) {
                // Nobody listens any more once the first was taken.
                let _ = sender.try_send(address.to_owned());
            }
            let mut said = said.lock().expect("nobody panics with it");
            said.push_str(&line);
            said.push('\n');
        }
    });
    receiver
}

/// Fails with a sentence if this machine does not let one process trace another: without that
/// nothing here is tested.
pub(crate) fn must_be_permitted() {
    let mut ran = Command::new("strace");
    ran.args(["-f", "-qq", "-o", "/dev/null", "true"]);
    let output = ran.output().unwrap_or_else(|error| {
        panic!(
            "strace cannot be started ({error}), and the crash images are built from what it \
             sees: install strace, or run ./scripts/test, which does"
        )
    });
    assert!(
        output.status.success(),
        "strace may not trace on this machine, and the crash images are built from what it sees: \
         permit ptrace (in a container, the capability SYS_PTRACE; on a machine, \
         kernel.yama.ptrace_scope below 3). It said: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
