//! A cluster: the scripts and files of `examples/cluster`, with ports of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::command::{Ran, dkv_at};
use super::{http, run};

/// Three nodes; ended by their own script when dropped.
pub(crate) struct ExampleCluster {
    folder: TempDir,
    addresses: Vec<String>,
}

impl ExampleCluster {
    /// Copies the example and starts it.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().expect("a temporary directory can be made");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster");
        let ports = free_ports(6);
        for file in example.read_dir().expect("the example is there") {
            let path = file.expect("its files can be listed").path();
            let name = path.file_name().expect("a file has a name");
            if path.extension().is_none_or(|kind| kind != "toml") {
                if path.is_file() {
                    std::fs::copy(&path, folder.path().join(name)).expect("it can be copied");
                }
                continue;
            }
            let mut text = std::fs::read_to_string(&path).expect("it can be read");
            for (place, port) in ports.iter().enumerate() {
                let old = ["18081", "18082", "18083", "19081", "19082", "19083"][place];
                text = text.replace(old, port);
            }
            std::fs::write(folder.path().join(name), text).expect("it can be written");
        }
        let addresses = ports[..3].iter().map(|port| format!("127.0.0.1:{port}"));
        let cluster = Self {
            addresses: addresses.collect(),
            folder,
        };
        cluster.script("start.sh").exits(0);
        cluster
    }

    /// Runs one of its scripts.
    pub(crate) fn script(&self, name: &str) -> Ran {
        let mut command = Command::new(self.folder.path().join(name));
        command.env("DKV", env!("CARGO_BIN_EXE_dkv"));
        run(&mut command, b"")
    }

    /// Where node 1, 2 or 3 takes requests.
    pub(crate) fn address(&self, node: usize) -> &str {
        &self.addresses[node - 1]
    }

    /// Where all of them do.
    pub(crate) fn endpoints(&self) -> String {
        self.addresses.join(",")
    }

    /// Runs `dkv` against all of them.
    pub(crate) fn dkv(&self, arguments: &[&str]) -> Ran {
        dkv_at(&self.endpoints(), arguments)
    }

    /// Who leads shard 100, by the number in its name.
    #[track_caller]
    pub(crate) fn leader(&self) -> usize {
        let ready = http(self.address(1), "GET", "/readyz?verbose").body;
        let line = ready.lines().find(|line| line.starts_with("[+]shard 100"));
        let line = line.unwrap_or_else(|| panic!("nobody leads: {ready}"));
        let number = line.split("node-").nth(1).and_then(|rest| rest.get(..1));
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no leader in: {line}"))
    }

    /// Ends a node as a crash of its process does.
    #[track_caller]
    pub(crate) fn kill(&self, node: usize) {
        let pid = std::fs::read_to_string(self.pid_file(node)).expect("it was started");
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::KILL).expect("it runs");
    }

    /// Where its process id is while it runs.
    pub(crate) fn pid_file(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("data/node-{node}.pid"))
    }

    /// What it logged.
    pub(crate) fn said(&self, node: usize) -> String {
        let log = self.folder.path().join(format!("data/node-{node}.log"));
        std::fs::read_to_string(log).unwrap_or_default()
    }
}

impl Drop for ExampleCluster {
    fn drop(&mut self) {
        self.script("stop.sh");
    }
}

/// Ports that were free a moment ago.
fn free_ports(count: usize) -> Vec<String> {
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    // Held until all are there, so that no two are the same.
    let held: Vec<TcpListener> = (0..count).map(bind).collect();
    let port = |it: &TcpListener| it.local_addr().expect("it is bound").port().to_string();
    held.iter().map(port).collect()
}
