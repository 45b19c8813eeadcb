//! One node as a process: started, watched, ended.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

use super::plan::NodePlan;
use crate::base::{Error, Result};

/// How much of a log is told when its node has ended by itself.
const TAIL_BYTES: u64 = 8 << 10;
const TAIL_LINES: usize = 8;

/// A node that runs, or has ended.
pub(super) struct Process {
    pub(super) plan: NodePlan,
    child: Option<Child>,
    /// The end of its pipe. Kept apart from the child, which closes what it has when it is
    /// waited for.
    held: Option<ChildStdin>,
}

impl Process {
    /// Not started yet.
    pub(super) fn new(plan: NodePlan) -> Self {
        Self {
            plan,
            child: None,
            held: None,
        }
    }

    /// Starts it. Its standard input is a pipe that nobody writes to, and that ends when
    /// this process does; a process group of its own keeps the terminal's Ctrl-C from it,
    /// which the one who started it hands on.
    ///
    /// # Errors
    /// `Invalid` if its log cannot be written or the system starts no process.
    pub(super) fn start(&mut self) -> Result<()> {
        let log = append(&self.plan.log)?;
        let mut command = Command::new(&self.plan.program);
        command
            .args(&self.plan.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DKV_") {
                command.env_remove(name);
            }
        }
        // Whoever waits for a message that a service is ready waits for this process.
        command.env_remove("NOTIFY_SOCKET");
        let mut child = command.spawn().map_err(|error| {
            let program = self.plan.program.display();
            Error::invalid(format!(
                "{} ({program}) cannot be started: {error}",
                self.plan.name
            ))
        })?;
        self.held = child.stdin.take();
        self.child = Some(child);
        Ok(())
    }

    /// Its process id, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// False before it was started and once its end was taken note of.
    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Waits for its end, and for ever if it does not run. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        let Some(child) = &mut self.child else {
            return std::future::pending().await;
        };
        // What cannot be waited for is not there any more.
        let status = child.wait().await.unwrap_or_default();
        self.child = None;
        status
    }

    /// Sends it a signal, if it runs.
    pub(super) fn tell(&self, signal: Signal) {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // Whoever has ended in this moment cannot be told anything, which is all right.
            let _ = kill_process(pid, signal);
        }
    }

    /// Tells how it ended, with the last lines of its log.
    pub(super) fn obituary(&self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("with exit code {code}"),
            (None, Some(signal)) => format!("by signal {signal}"),
            (None, None) => "somehow".to_owned(),
        };
        let log = self.plan.log.display();
        let name = &self.plan.name;
        match tail(&self.plan.log) {
            Ok(lines) if lines.is_empty() => format!("{name} ended {how}; its log {log} is empty"),
            Ok(lines) => format!("{name} ended {how}; its log {log} ends with:\n{lines}"),
            Err(error) => format!("{name} ended {how}; its log {log} cannot be read: {error}"),
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "what a node says, not what it keeps"
)]
fn append(path: &Path) -> Result<std::fs::File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| Error::invalid(format!("cannot write {}: {error}", path.display())))
}

#[allow(
    clippy::disallowed_methods,
    reason = "what a node says, not what it keeps"
)]
fn tail(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES)))?;
    let mut end = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let lines: Vec<&str> = end.lines().collect();
    let shown = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    let shown: Vec<String> = shown.iter().map(|line| format!("  {line}")).collect();
    Ok(shown.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(folder: &Path, script: &str) -> Process {
        Process::new(NodePlan {
            name: "node-1".to_owned(),
            endpoint: String::new(),
            peer: String::new(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            log: folder.join("node-1.log"),
        })
    }

    #[tokio::test]
    async fn the_end_of_a_node_is_told_with_its_last_words() {
        let folder = tempfile::TempDir::new().unwrap();
        let script = "for i in $(seq 1 2000); do echo line $i >&2; done; exit 7";
        let mut node = shell(folder.path(), script);
        node.start().unwrap();
        let status = node.ended().await;
        let told = node.obituary(status);
        assert!(told.starts_with("node-1 ended with exit code 7"), "{told}");
        assert!(told.ends_with("  line 1999\n  line 2000"), "{told}");
        assert_eq!(told.lines().count(), 1 + TAIL_LINES);
        assert!(!node.runs());
    }

    /// `cat` ends when its standard input does, as a node with `--stop-with-fd 0`.
    #[tokio::test]
    async fn a_node_notices_that_nobody_holds_it_any_more() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut node = shell(folder.path(), "cat; echo ended >&2");
        node.start().unwrap();
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), node.ended());
        assert!(waited.await.is_err(), "waiting for it lets nothing go");
        drop(node.held.take());
        let status = node.ended().await;
        assert!(status.success());
        assert!(node.obituary(status).ends_with("  ended"));
    }

    #[tokio::test]
    async fn a_node_that_does_not_run_is_waited_for_in_vain() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut node = shell(folder.path(), "sleep 60");
        let idle = tokio::time::timeout(std::time::Duration::from_millis(20), node.ended());
        assert!(idle.await.is_err());
        node.start().unwrap();
        node.tell(Signal::KILL);
        assert_eq!(node.ended().await.signal(), Some(9));
    }
}
