//! Several nodes of one cluster, as processes that end with this one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::command::{Ran, code_of, dkv, dkv_at, finish};
use super::{PATIENCE, http};

/// Ports below those that the system gives to whoever asks for any: nobody comes upon
/// them by chance.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// The first of ten free ports whose numbers end with 0 to 9.
pub(crate) fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Other runs of these tests begin elsewhere.
    let tens = (PORTS.end - PORTS.start) / 10;
    let start = (std::process::id() as u16).wrapping_mul(37) % tens;
    for _ in 0..tens {
        let ten = (start + NEXT.fetch_add(1, Ordering::SeqCst)) % tens;
        let first = PORTS.start + 10 * ten;
        let is_free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + 10).all(is_free) {
            return first;
        }
    }
    panic!("no ten ports in a row are free");
}

/// Asks again until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(std::time::Duration::from_millis(30));
    }
}

/// A process that is, or wants to be, a member. Killed when dropped.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) data_dir: PathBuf,
    /// Where clients ask it.
    pub(crate) endpoint: String,
    /// Where other members do.
    pub(crate) peer: String,
    /// Of `serve`, beside its name, directory and addresses.
    pub(crate) words: Vec<String>,
    child: Option<Child>,
    /// It ends when this does: with the test, however that ends.
    held: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
}

impl Member {
    /// Starts it, ready or not.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let mut command = dkv();
        command
            .args(["serve", "--node-id", &self.name, "--listen", &self.endpoint])
            .args(["--peer-listen", &self.peer, "--stop-with-fd", "0"])
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args(&self.words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let stderr = child.stderr.take().expect("it was asked to be piped");
        self.held = child.stdin.take();
        self.child = Some(child);
        let said = Arc::new(Mutex::new(String::new()));
        self.said = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = said.lock().expect("nobody panics while holding it");
                said.push_str(&line);
                said.push('\n');
            }
        });
    }

    /// Starts it, and waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn start_and_wait(&mut self) {
        self.start();
        until(&format!("{} is ready", self.name), || {
            assert!(self.runs(), "{} ended: {}", self.name, self.said());
            self.said().contains("dkv ready:")
        });
    }

    /// Starts it, and waits for its end: it is expected to refuse.
    #[track_caller]
    pub(crate) fn refuses(&mut self) -> Ran {
        self.start();
        let child = self.child.take().expect("it was started");
        let code = finish(child, &self.name).code;
        self.held = None;
        let ran = |stderr| Ran {
            code,
            stdout: Vec::new(),
            stderr,
        };
        // Its last words may come after its end.
        until("it says why", || self.said().contains("dkv: "));
        ran(self.said())
    }

    /// True while its process runs.
    pub(crate) fn runs(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// What it said on standard error since it was started.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("the reader does not panic").clone()
    }

    /// Runs `dkv` against it.
    pub(crate) fn dkv(&self, arguments: &[&str]) -> Ran {
        dkv_at(&self.endpoint, arguments)
    }

    /// Why it is not ready; nothing if it is.
    pub(crate) fn readyz(&self) -> String {
        let answer = http(&self.endpoint, "GET", "/readyz");
        match answer.status {
            200 => String::new(),
            _ => answer.body,
        }
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child of this test can be killed");
            child.wait().expect("a child can be waited for");
        }
        self.held = None;
    }

    /// Sends it a signal and waits for its end; its exit code.
    #[track_caller]
    pub(crate) fn end_with(&mut self, signal: Signal) -> i32 {
        let child = self.child.take().expect("it runs");
        kill_process(Pid::from_child(&child), signal).expect("it can be signalled");
        finish(child, &self.name).code
    }

    /// Asks it to stop, and waits until it has.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        assert_eq!(self.end_with(Signal::TERM), 0, "{}", self.said());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
        assert!(
            !self.said().contains("panicked") || thread::panicking(),
            "{}",
            self.said()
        );
    }
}

/// The members, and a directory for what they keep.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    folder: TempDir,
    clients: u16,
    peers: u16,
}

impl Cluster {
    /// So many nodes that are told to found a cluster; none is started.
    pub(crate) fn planned(size: u16) -> Self {
        let mut cluster = Self {
            members: Vec::new(),
            folder: TempDir::new().expect("a temporary directory can be made"),
            clients: free_ports(),
            peers: free_ports(),
        };
        let list: Vec<String> = (1..=size)
            .map(|n| format!("node-{n}={}", cluster.peer_of(n)))
            .collect();
        for n in 1..=size {
            let member = cluster.outsider(n, &["--cluster-members", &list.join(",")]);
            cluster.members.push(member);
        }
        cluster
    }

    /// The same, up: every shard has a leader.
    #[track_caller]
    pub(crate) fn up(size: u16) -> Self {
        let mut cluster = Self::planned(size);
        cluster.members.iter_mut().for_each(Member::start);
        cluster.becomes_healthy();
        cluster
    }

    /// A node `node-N` that is no member (yet), with a directory of its own.
    pub(crate) fn outsider(&self, n: u16, words: &[&str]) -> Member {
        Member {
            name: format!("node-{n}"),
            data_dir: self.folder.path().join(format!("node-{n}")),
            endpoint: format!("127.0.0.1:{}", self.clients + n),
            peer: self.peer_of(n),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            child: None,
            held: None,
            said: Arc::default(),
        }
    }

    fn peer_of(&self, n: u16) -> String {
        format!("127.0.0.1:{}", self.peers + n)
    }

    /// Where everything is kept.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All members, for clients.
    pub(crate) fn endpoints(&self) -> String {
        let all: Vec<&str> = self.members.iter().map(|it| it.endpoint.as_str()).collect();
        all.join(",")
    }

    /// Runs `dkv` against all of them.
    pub(crate) fn dkv(&self, arguments: &[&str]) -> Ran {
        dkv_at(&self.endpoints(), arguments)
    }

    /// Waits until `dkv cluster health` is content.
    #[track_caller]
    pub(crate) fn becomes_healthy(&self) {
        until("the cluster is healthy", || {
            self.dkv(&["cluster", "health"]).code == 0
        });
    }

    /// Makes this one, from 0, the leader of all shards.
    #[track_caller]
    pub(crate) fn is_led_by(&self, place: usize) {
        let name = &self.members[place].name;
        self.dkv(&["cluster", "transfer-leader", name]).exits(0);
    }

    /// What `status` says of every member that answers: its name, shard, and a field.
    #[track_caller]
    pub(crate) fn status(&self, field: &str) -> Vec<(String, String, String)> {
        let ran = self.dkv(&["cluster", "status", "-o", "jsonl"]);
        let rows = ran.exits(0).text().lines().map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            let text = |key: &str| match &row[key] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (text("name"), text("shard"), text(field))
        });
        rows.collect()
    }
}

/// The exit code of a child that has ended.
pub(crate) fn ended(child: &mut Child) -> Option<i32> {
    let status = child.try_wait().expect("a child can be asked");
    status.map(code_of)
}
