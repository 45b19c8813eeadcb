//! `dkv lock run`: signals, lost locks, and what the command started.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Node, PATIENCE, Ran, dkv, finish};

/// Longer than any of these tests may take, and soon over if one fails.
const LONG: &str = "sleep 40";
const SOON: Duration = Duration::from_secs(30);

/// `dkv lock run LOCK --ttl 3s -- COMMAND`, once the command has written its `begun`.
struct Running {
    child: Child,
    folder: PathBuf,
}

impl Running {
    fn start(node: &Node, lock: &str, command: &[&str]) -> Self {
        Self::start_by(node, lock, command, &[])
    }

    /// By way of `launcher`, a shell that executes the words after it.
    #[track_caller]
    fn start_by(node: &Node, lock: &str, command: &[&str], launcher: &[&str]) -> Self {
        let folder = node.folder().join(lock);
        std::fs::create_dir(&folder).unwrap();
        let binary = env!("CARGO_BIN_EXE_dkv");
        let mut words = launcher.to_vec();
        words.extend([binary, "lock", "run", lock, "--ttl", "3s", "--"]);
        words.extend(command);
        // Made from the binary's own environment, which has no settings in it.
        let clean = dkv();
        let mut starting = std::process::Command::new(words[0]);
        starting.args(&words[1..]);
        for (name, value) in clean.get_envs() {
            match value {
                Some(value) => starting.env(name, value),
                None => starting.env_remove(name),
            };
        }
        let child = starting
            .env("DKV_ENDPOINTS", node.address())
            .env("DKV", binary)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&folder.join("begun"));
        Self { child, folder }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until everything that holds its standard output has ended, too.
    #[track_caller]
    fn end(self) -> Ran {
        finish(self.child, "dkv lock run")
    }
}

#[track_caller]
fn wait_for(file: &Path) {
    let started = Instant::now();
    while !file.exists() {
        assert!(started.elapsed() < PATIENCE, "no {}", file.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A hang-up of the terminal ended dkv alone: the command went on, and the lease ran out
/// under it.
#[test]
fn a_hangup_ended_dkv_and_left_the_command_without_its_lock() {
    let node = Node::start();
    let told = [
        ("up", Signal::HUP),
        ("quit", Signal::QUIT),
        ("end", Signal::TERM),
        ("stop", Signal::INT),
    ]
    .map(|(lock, signal)| {
        // It takes longer to end than the lease lasts, and holds the lock all the time.
        let script = format!(
            "trap 'sleep 3.5; $DKV kv set done yes --fence {lock}@$DKV_LOCK_FENCE; \
             exit $((10 + $?))' HUP QUIT TERM INT
             touch begun; for i in {{1..600}}; do sleep 0.05; done"
        );
        let running = Running::start(&node, lock, &["bash", "-c", &script]);
        // To dkv alone, as `kill` does.
        running.signal(signal);
        (lock, running)
    });
    for (lock, running) in told {
        running.end().exits(10);
        node.dkv(&["lock", "info", lock]).exits(3);
    }
}

/// Ctrl-Z stops a command and whoever renews its lock together, or not at all.
#[test]
#[cfg(target_os = "linux")]
fn a_stop_stops_the_command_too_until_it_is_continued() {
    let is_stopped = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let state = stat.rsplit_once(") ").unwrap().1;
        state.starts_with('T')
    };
    let node = Node::start();
    let script = "echo $$ > pid; touch begun
                  for i in {1..600}; do [ -e end ] && exit 7; sleep 0.05; done";
    let running = Running::start(&node, "deploy", &["bash", "-c", script]);
    let command = std::fs::read_to_string(running.folder.join("pid")).unwrap();
    let both = [running.child.id(), command.trim().parse().unwrap()];
    for (signal, stopped) in [(Signal::TSTP, true), (Signal::CONT, false)] {
        running.signal(signal);
        let started = Instant::now();
        while both.map(is_stopped) != [stopped; 2] {
            assert!(started.elapsed() < PATIENCE, "{:?}", both.map(is_stopped));
            std::thread::yield_now();
        }
    }
    std::fs::write(running.folder.join("end"), "").unwrap();
    running.end().exits(7);
}

/// `nohup` ignores the hang-up for everything it starts; that must stay so.
#[test]
#[cfg(target_os = "linux")]
fn a_hangup_that_was_ignored_is_still_ignored() {
    let node = Node::start();
    let script = "touch begun; until [ -e end ]; do sleep 0.05; done; exit 7";
    let launcher = ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""];
    let running = Running::start_by(&node, "deploy", &["bash", "-c", script], &launcher);
    running.signal(Signal::HUP);
    // A handled signal is passed on in far less.
    std::thread::sleep(Duration::from_millis(300));
    std::fs::write(running.folder.join("end"), "").unwrap();
    running.end().exits(7);
}

/// An interrupt reached the shell, which waits for its own child before it acts on it.
#[test]
fn an_interrupt_did_not_reach_what_the_shell_waited_for() {
    let node = Node::start();
    // The child itself says that it is there: between two of them the shell has none.
    let script = format!("sh -c 'touch begun; exec {LONG}'; true");
    let running = Running::start(&node, "deploy", &["bash", "-c", &script]);
    let started = Instant::now();
    running.signal(Signal::INT);
    running.end().exits(130);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

/// Only the command itself was told that the lock is lost: what it had started went on,
/// beside the next holder.
#[test]
fn a_lost_lock_left_the_children_of_the_command_at_work() {
    let node = Node::start();
    let scripts = [
        ("plain", format!("{LONG} & touch begun; wait")),
        ("deaf", format!("trap '' TERM; {LONG} & touch begun; wait")),
        (
            "deaf-child",
            format!("(trap '' TERM; touch begun; exec {LONG}) & wait"),
        ),
    ];
    let running: Vec<Running> = scripts
        .iter()
        .map(|(lock, script)| Running::start(&node, lock, &["sh", "-c", script]))
        .collect();
    let started = Instant::now();
    for (lock, _) in &scripts {
        node.dkv(&["lock", "revoke", lock, "--yes"]).exits(0);
    }
    let codes: Vec<i32> = running
        .into_iter()
        .map(|running| {
            let ran = running.end();
            ran.complains("the lock is lost");
            ran.code
        })
        .collect();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(codes, [143, 137, 143]);
}

/// A wait of 30 seconds for a lock did not survive a restart of 0.3 seconds.
#[test]
fn a_wait_for_a_lock_gave_up_while_the_server_was_restarted() {
    let sockets = tempfile::tempdir().unwrap();
    let endpoint = format!("unix:{}", sockets.path().join("dkv.sock").display());
    let mut node = Node::start_with(&["--listen", &endpoint]);
    let alice = node.dkv(&["lock", "acquire", "deploy", "--ttl", "5m"]);
    let owner = alice.value_of("ownerId");
    let bob = dkv()
        .args(["lock", "acquire", "deploy", "--wait", "30s"])
        .env("DKV_ENDPOINTS", &endpoint)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while node.dkv(&["lock", "info", "deploy"]).value_of("waiters") != "1" {
        assert!(started.elapsed() < PATIENCE, "nobody waits");
    }
    node.kill();
    std::thread::sleep(Duration::from_millis(300));
    node.restart();
    node.dkv(&["lock", "release", "deploy", &owner]).exits(0);
    assert_eq!(finish(bob, "bob").value_of("acquired"), "true");
}
