//! `dkv lock run`: a command that runs only while a lock is held.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process;

use clap::Args;
use rustix::process::Signal;
use tokio::process::Command;

use crate::base::Error;
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::lock::lease::{LeaseArgs, WaitArgs};
use crate::cli::lock::running::Running;
use crate::cli::lock::told::Told;
use crate::cli::output::Printer;
use crate::cli::row::escaped;
use crate::client::{LockGuard, LockOptions};

/// Hold a lock while a command runs.
///
/// The lease is renewed until the command ends, then the lock is released.
///
/// The command is given DKV_LOCK_NAME, DKV_LOCK_OWNER and DKV_LOCK_FENCE. If the lock is
/// lost, the command gets SIGTERM, and SIGKILL 5 seconds later. Exits with the code of the
/// command (128 and the signal's number if one killed it). Codes of its own: 2 the command
/// cannot be started, 3 the lock is not to be had, 4 the lock was lost although the command
/// ended well, 5 no server was there and the command did not run. With each of them goes a
/// line of dkv on standard error. Where the command has such codes too, give it others:
/// `dkv lock run NAME -- sh -c 'COMMAND || exit 100'`. Flags such as --endpoints are not handed
/// on: if the command calls dkv itself, set DKV_ENDPOINTS and the like for both.
///
/// SIGHUP, SIGINT, SIGQUIT and SIGTERM are passed on, and the lock is held until the command
/// has ended. Signals reach everything the command started, in a process group of its own,
/// which cannot read a terminal. If standard input is a terminal, the command stays in the
/// group of the terminal, and is the only one that dkv signals.
///
/// If dkv itself is killed with SIGKILL, the command goes on running, and the lease ends
/// under it: give the fence with its writes, so that late ones are refused.
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
        let mut told = Told::listen().map_err(no_signals)?;
        let guard = tokio::select! {
            guard = client.lock(name.clone(), options) => guard?,
            signal = told.next() => return Ok(ExitStatus::OfCommand(128 + signal_number(signal))),
        };
        let Some(guard) = guard else {
            let name = escaped(&name);
            printer.note(&format!(
                "not acquired: somebody else holds the lock `{name}`; the command did not run"
            ));
            return Ok(ExitStatus::NotFound);
        };
        let ended = match self.spawn(&guard) {
            Ok(running) => attend(running, &guard, &mut told, printer).await,
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

    fn spawn(&self, guard: &LockGuard) -> Outcome<Running> {
        let (program, arguments) = self.command.split_first().expect("clap requires a command");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("DKV_LOCK_NAME", &self.name)
            .env("DKV_LOCK_OWNER", guard.owner().to_string())
            .env("DKV_LOCK_FENCE", guard.token().to_string());
        Running::start(command).map_err(|error| {
            let program = program.to_string_lossy();
            Error::invalid(format!("cannot run `{program}`: {error}")).into()
        })
    }
}

/// Waits for the command, passes on what this process is told, and stops the command
/// if the lock is lost.
async fn attend(
    mut running: Running,
    guard: &LockGuard,
    told: &mut Told,
    printer: &mut Printer,
) -> Outcome<Ended> {
    if running.leads_group() {
        // Else Ctrl-Z would stop the renewals and not the command.
        told.listen_for(Signal::TSTP).map_err(no_signals)?;
    }
    loop {
        tokio::select! {
            biased;
            status = running.wait() => return Ok(Ended::ByItself(status.map_err(not_awaited)?)),
            () = guard.lost() => break,
            signal = told.next() => running.pass_on(signal),
        }
    }
    printer.note("the lock is lost: stopping the command");
    let status = running.stop().await;
    Ok(Ended::AfterLoss(status.map_err(not_awaited)?))
}

fn signal_number(signal: Signal) -> u8 {
    u8::try_from(signal.as_raw()).expect("signals are small numbers")
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
