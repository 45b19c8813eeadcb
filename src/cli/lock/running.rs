//! A command under way, with everything it started.

use std::io::{self, IsTerminal};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, getpid, kill_process, kill_process_group, test_kill_process_group,
};
use tokio::process::{Child, Command};

/// What a command has between SIGTERM and SIGKILL when its lock is lost. The next
/// holder may be at work already, so it is short.
const GRACE: Duration = Duration::from_secs(5);

/// How often to look whether what the command started has ended: nobody tells.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A started command.
///
/// Unless standard input is a terminal, it leads a process group of its own, so that
/// signals reach its children too. A new group is in the background of the terminal
/// and could not read it.
pub(super) struct Running {
    child: Child,
    pid: Pid,
    leads_group: bool,
}

impl Running {
    /// Starts a command.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let leads_group = !io::stdin().is_terminal();
        if leads_group {
            command.process_group(0);
        }
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = id.and_then(Pid::from_raw);
        Ok(Self {
            child,
            pid: pid.expect("a child nobody has waited for has an id"),
            leads_group,
        })
    }

    /// True if a stop asked for on the terminal does not reach the command by itself.
    pub(super) fn leads_group(&self) -> bool {
        self.leads_group
    }

    /// Waits for the command itself.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Hands on a signal that this process was sent.
    pub(super) fn pass_on(&self, signal: Signal) {
        // These came from the terminal, which told the command too: passed on, they
        // would count twice.
        let is_told_already = matches!(signal, Signal::INT | Signal::QUIT) && !self.leads_group;
        if is_told_already {
            return;
        }
        self.tell(signal);
        if signal == Signal::TSTP {
            // Stopped here as everybody expects; whoever lets this process go on lets
            // the command go on.
            let _ = kill_process(getpid(), Signal::STOP);
            self.tell(Signal::CONT);
        }
    }

    /// Ends the command, and all of its group.
    pub(super) async fn stop(&mut self) -> io::Result<ExitStatus> {
        self.tell(Signal::TERM);
        let ended = tokio::time::timeout(GRACE, async {
            let status = self.child.wait().await;
            while self.leads_group && test_kill_process_group(self.pid).is_ok() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            status
        });
        match ended.await {
            Ok(status) => status,
            Err(_) => {
                self.tell(Signal::KILL);
                self.child.wait().await
            }
        }
    }

    /// Whoever has ended cannot be told anything, which is all right.
    fn tell(&self, signal: Signal) {
        if self.leads_group {
            // The number stays taken while anybody is left in the group.
            let _ = kill_process_group(self.pid, signal);
        } else if self.child.id().is_some() {
            let _ = kill_process(self.pid, signal);
        }
    }
}
