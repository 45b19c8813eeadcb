//! `dkv lock run`: a command that runs only while a lock is held.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process;
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};

use crate::base::Error;
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::lock::lease::{LeaseArgs, WaitArgs};
use crate::cli::output::Printer;
use crate::cli::row::escaped;
use crate::client::{LockGuard, LockOptions};

/// What a command has between SIGTERM and SIGKILL when its lock is lost. The next
/// holder may be at work already, so it is short.
const GRACE: Duration = Duration::from_secs(5);

/// Hold a lock while a command runs: the lease is renewed until the command ends, then the
/// lock is released.
///
/// The command is given DKV_LOCK_NAME, DKV_LOCK_OWNER and DKV_LOCK_FENCE. If the lock is
/// lost, the command gets SIGTERM, and SIGKILL 5 seconds later. Exits with the code of the
/// command (128 and the signal's number if one killed it), or with 3 if the lock is not to
/// be had.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The lock
    name: OsString,
    #[command(flatten)]
    lease: LeaseArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How the command's time ended.
enum Ended {
    ByItself(process::ExitStatus),
    AfterLoss(process::ExitStatus),
}

impl RunArgs {
    /// Takes the lock, runs the command, gives the lock up.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let name = bytes(&self.name);
        let options = LockOptions {
            ttl: self.lease.ttl(),
            wait: self.wait.wait,
        };
        // From here on a signal must not end this process while it holds the lock.
        let mut told = Told::listen()?;
        let guard = tokio::select! {
            guard = client.lock(name.clone(), options) => guard?,
            signal = told.next() => return Ok(ExitStatus::OfCommand(128 + signal_number(signal))),
        };
        let Some(guard) = guard else {
            let name = escaped(&name);
            printer.note(&format!(
                "not acquired: somebody else holds the lock `{name}`"
            ));
            return Ok(ExitStatus::NotFound);
        };
        let ended = match self.spawn(&guard) {
            Ok(child) => attend(child, &guard, &mut told, printer).await,
            Err(failure) => Err(failure),
        };
        let is_lost = guard.is_lost();
        if !is_lost && let Err(error) = guard.release().await {
            printer.note(&format!(
                "note: the lock could not be released and stays until its lease ends: {error}"
            ));
        }
        Ok(match ended? {
            Ended::ByItself(status) => ExitStatus::OfCommand(code(status)),
            // A command that says it went well although it was told to stop did not
            // do so under the lock.
            Ended::AfterLoss(status) if status.success() => ExitStatus::ConditionFailed,
            Ended::AfterLoss(status) => ExitStatus::OfCommand(code(status)),
        })
    }

    fn spawn(&self, guard: &LockGuard) -> Outcome<Child> {
        let (program, arguments) = self.command.split_first().expect("clap requires a command");
        Command::new(program)
            .args(arguments)
            .env("DKV_LOCK_NAME", &self.name)
            .env("DKV_LOCK_OWNER", guard.owner().to_string())
            .env("DKV_LOCK_FENCE", guard.token().to_string())
            .spawn()
            .map_err(|error| {
                let program = program.to_string_lossy();
                Error::invalid(format!("cannot run `{program}`: {error}")).into()
            })
    }
}

/// Waits for the command, passes on what this process is told, and stops the command
/// if the lock is lost.
async fn attend(
    mut child: Child,
    guard: &LockGuard,
    told: &mut Told,
    printer: &mut Printer,
) -> Outcome<Ended> {
    loop {
        tokio::select! {
            biased;
            status = child.wait() => return Ok(Ended::ByItself(status.map_err(not_awaited)?)),
            () = guard.lost() => break,
            signal = told.next() => if !is_told_by_terminal(signal) {
                tell(&child, signal);
            },
        }
    }
    printer.note("the lock is lost: stopping the command");
    tell(&child, Signal::TERM);
    let status = match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            tell(&child, Signal::KILL);
            child.wait().await
        }
    };
    Ok(Ended::AfterLoss(status.map_err(not_awaited)?))
}

/// The signals that are the command's to answer.
struct Told {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Told {
    fn listen() -> Outcome<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt()).map_err(no_signals)?,
            terminate: unix::signal(SignalKind::terminate()).map_err(no_signals)?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
        }
    }
}

/// Ctrl-C on a terminal reaches the command too: passed on, it would count twice.
fn is_told_by_terminal(signal: Signal) -> bool {
    signal == Signal::INT && io::stdin().is_terminal()
}

fn signal_number(signal: Signal) -> u8 {
    u8::try_from(signal.as_raw()).expect("signals are small numbers")
}

/// A command that has ended cannot be told anything, which is all right.
fn tell(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// As shells do: 128 and the number of the signal.
fn code(status: process::ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or_else(|| ExitStatus::Error.code())
}

fn no_signals(error: io::Error) -> Failure {
    Error::internal(format!("cannot listen for signals: {error}"))
        .with_source(error)
        .into()
}

fn not_awaited(error: io::Error) -> Failure {
    Error::internal(format!("cannot wait for the command: {error}"))
        .with_source(error)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_command_counts_as_shells_count_it() {
        assert_eq!(code(process::ExitStatus::from_raw(0)), 0);
        assert_eq!(code(process::ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code(process::ExitStatus::from_raw(9)), 137);
        assert_eq!(code(process::ExitStatus::from_raw(15)), 143);
    }
}
