//! `dkv cluster up` without a terminal: what it prints, and that nothing is left of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::harness::cluster::until;
use crate::harness::{PATIENCE, Ran, dkv, dkv_at, finish, run};

/// A running `dkv cluster up`, and what it said.
struct Up {
    child: Option<Child>,
    said: Receiver<String>,
    told: Value,
    tmp: tempfile::TempDir,
}

impl Up {
    #[track_caller]
    fn start(words: &[&str]) -> Self {
        let tmp = tempfile::TempDir::new().unwrap();
        let mut command = dkv();
        command
            .args(["cluster", "up", "--port", "0", "-o", "json"])
            .args(words)
            .env("TMPDIR", tmp.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, told) = sync_channel(1);
        std::thread::spawn(move || {
            let mut object = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
            sender.send(object.next())
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = sync_channel(10_000);
        std::thread::spawn(move || {
            let lines = stderr.lines().map_while(Result::ok);
            lines
                .map(|line| sender.send(line))
                .take_while(Result::is_ok)
                .count()
        });
        let mut up = Self {
            child: Some(child),
            said,
            told: Value::Null,
            tmp,
        };
        match told.recv_timeout(PATIENCE) {
            Ok(Some(Ok(told))) => up.told = told,
            other => panic!("it did not come up: {other:?}; it said {:?}", up.lines()),
        }
        up
    }

    fn lines(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    fn pids(&self) -> Vec<Pid> {
        let nodes = self.told["nodes"].as_array().expect("it names its nodes");
        let pids = nodes.iter().map(|node| node["pid"].as_i64().unwrap());
        pids.map(|pid| Pid::from_raw(i32::try_from(pid).unwrap()).unwrap())
            .collect()
    }

    fn dir(&self) -> PathBuf {
        Path::new(self.told["dir"].as_str().unwrap()).to_owned()
    }

    fn dkv(&self, words: &[&str]) -> Ran {
        dkv_at(self.told["endpoints"].as_str().unwrap(), words)
    }

    /// Sends a signal; its exit code.
    fn end_with(&mut self, signal: Signal) -> i32 {
        let child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        finish(child, "dkv cluster up").code
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[track_caller]
fn all_end(pids: &[Pid]) {
    until("no node is left", || {
        pids.iter().all(|pid| test_kill_process(*pid).is_err())
    });
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut up = Up::start(&["--nodes", "3"]);
        assert!(up.dir().starts_with(up.tmp.path()), "{:?}", up.dir());
        up.dkv(&["kv", "set", "greeting", "hello"]).exits(0);
        up.dkv(&["kv", "get", "greeting"]).exits(0).prints("hello");
        up.dkv(&["cluster", "health"]).exits(0);
        let pids = up.pids();
        assert_eq!(pids.len(), 3);
        assert!(pids.iter().all(|pid| test_kill_process(*pid).is_ok()));
        assert_eq!(up.end_with(signal), 0, "{:?}", up.lines());
        all_end(&pids);
        assert!(!up.dir().exists(), "{:?} is left", up.dir());
    }
}

#[test]
fn its_nodes_end_with_it_even_if_it_is_killed() {
    let mut up = Up::start(&[]);
    let pids = up.pids();
    assert_eq!(up.end_with(Signal::KILL), 128 + 9);
    all_end(&pids);
}

#[test]
fn it_shows_a_failover_and_goes_on_with_a_directory_that_is_kept() {
    let kept = tempfile::TempDir::new().unwrap();
    let dir = kept.path().join("cluster");
    let words = ["--failover", "--dir", dir.to_str().unwrap()];
    let mut up = Up::start(&words);
    let mut said = Vec::new();
    until("the killed leader is back", || {
        said.extend(up.lines());
        said.iter().any(|line| line.contains("has caught up"))
    });
    let all = said.join("\n");
    assert!(all.contains("with SIGKILL"), "{all}");
    assert!(all.contains("leads shard 100"), "{all}");
    up.dkv(&["kv", "set", "greeting", "hello"]).exits(0);
    assert_eq!(up.end_with(Signal::TERM), 0, "{:?}", up.lines());
    let mut again = Up::start(&words[1..]);
    again
        .dkv(&["kv", "get", "greeting"])
        .exits(0)
        .prints("hello");
    assert_eq!(again.end_with(Signal::TERM), 0, "{:?}", again.lines());
    assert!(dir.join("node-3").is_dir());
}

#[test]
fn what_cannot_be_is_refused() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().port().to_string();
    let refused = |words: &[&str], code: i32, about: &str| {
        let mut command = dkv();
        run(command.args(["cluster", "up"]).args(words), b"")
            .exits(code)
            .complains(about);
    };
    refused(&["--nodes", "0"], 2, "--nodes");
    refused(&["--nodes", "8"], 2, "--nodes");
    refused(&["--nodes", "2", "--failover"], 2, "--nodes 3");
    refused(&["--nodes", "1", "--port", &taken], 5, &taken);
    let words = ["--port", "0", "--nodes", "1", "--", "--heartbeat", "1ms"];
    refused(&words, 5, "--heartbeat 1ms is too short");
}
