//! The shell as it runs one statement after another.

use std::sync::Arc;
use std::time::Duration;

use clap::Command;

use super::locks::{Deed, Held, Locks, Place};
use super::settled::Settled;
use super::translate::{Asked, Line, translate};
use super::words::Statement;
use crate::base::host::{Clock, Host};
use crate::base::{Error, ErrorKind};
use crate::cli::client_args::bytes;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::layered::Words;
use crate::cli::output::Printer;
use crate::cli::root;
use crate::cli::session::Session;
use crate::config::text;

/// How long the shell tries to give up what nobody waits for any more.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a shell knows between two lines.
pub(super) struct Shell<'a> {
    pub(super) session: Session,
    pub(super) settled: Settled,
    pub(super) printer: &'a mut Printer,
    pub(super) is_timed: bool,
    pub(super) is_interactive: bool,
    variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    tree: Arc<Command>,
    locks: Locks,
    clock: Arc<dyn Clock>,
}

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It ran, with this status.
    Ran(ExitStatus),
    /// It was the last one.
    Leave,
    /// Nobody reads the answers any more.
    Unread,
}

impl<'a> Shell<'a> {
    /// A shell before its first line.
    pub(super) fn new(
        session: Session,
        settled: Settled,
        variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
        is_interactive: bool,
        printer: &'a mut Printer,
    ) -> Self {
        let mut tree = root::command();
        tree.build();
        Self {
            session,
            settled,
            printer,
            is_timed: false,
            is_interactive,
            variables,
            tree: Arc::new(tree),
            locks: Locks::default(),
            clock: Host::system().clock,
        }
    }

    /// The whole command line, built.
    pub(super) fn tree(&self) -> &Arc<Command> {
        &self.tree
    }

    /// Runs a statement of `text`, and tells what went wrong with it.
    pub(super) fn run(&mut self, statement: &Statement, text: &[u8]) -> Turn {
        self.printer
            .look(self.settled.format(), self.settled.is_quiet());
        match self.answer(statement, text) {
            Ok(turn) => turn,
            Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Turn::Unread
            }
            Err(failure) => Turn::Ran(self.told(&failure)),
        }
    }

    fn answer(&mut self, statement: &Statement, text: &[u8]) -> Outcome<Turn> {
        if self.session.interrupts().came() {
            return Err(Failure::Stopped);
        }
        let asked = translate(statement, &self.tree).map_err(|wrong| wrong.in_text(text))?;
        match asked {
            Asked::Own(own, words) => self.own(own, &words),
            Asked::Command(line) => self.command(line, statement).map(Turn::Ran),
        }
    }

    fn command(&mut self, mut line: Line, statement: &Statement) -> Outcome {
        let place = self.place_of(&line);
        let client = self.session.own_client();
        let deed = self
            .locks
            .complete(&mut line, &place, || client.mint_owner())?;
        let words = Words {
            argv: line.argv(),
            variables: self.variables.clone(),
            settled: self.settled.all(),
        };
        let session = self
            .session
            .with_input(statement.body.clone().map(Into::into));
        let begun_us = self.clock.boot_us();
        let outcome = root::run_in(&session, &words, self.printer);
        if self.is_timed {
            let ms = (self.clock.boot_us() - begun_us) as f64 / 1e3;
            self.printer.aside(&format!("({ms:.1} ms)"));
        }
        if let Some(deed) = deed {
            self.remember(deed, &outcome);
        }
        match outcome {
            // That is how a watch ends here.
            Err(Failure::Interrupted) if self.is_interactive && line.is(&["kv", "watch"]) => {
                Ok(ExitStatus::Interrupted)
            }
            outcome => outcome,
        }
    }

    /// Keeps in mind what became of a lock. Only this shell knows the owner it minted: one
    /// that may hold the lock all the same is given up, or is not forgotten.
    fn remember(&mut self, deed: Deed, outcome: &Outcome) {
        match (outcome, deed) {
            (Ok(status), deed) => self.locks.remember(deed, *status),
            (Err(Failure::Interrupted), Deed::Take(taken)) => {
                if !self.gives_up(&taken) {
                    self.locks.remember_doubtful(taken);
                }
            }
            (Err(Failure::Error(error)), Deed::Take(taken))
                if error.kind() == ErrorKind::Timeout =>
            {
                self.locks.remember_doubtful(taken);
            }
            (Err(_), _) => {}
        }
    }

    /// Whether a lock, or a place in its queue, was given up.
    fn gives_up(&self, taken: &Held) -> bool {
        let (owner, shard) = (taken.owner.to_string_lossy(), &taken.place.shard);
        let (Ok(owner), Ok(shard)) = (text::owner_id(&owner), text::shard_id(shard)) else {
            return false;
        };
        // On the connection that asked for the lock the order is most likely kept.
        let session = match &*taken.place.endpoints {
            shared if shared == self.session.endpoints().join(",") => Ok(self.session.clone()),
            other => self
                .session
                .connected_to(other.split(',').map(str::to_owned).collect()),
        };
        let Ok(session) = session else {
            return false;
        };
        let client = session.own_client().with_shard(shard);
        let release = client.release(bytes(&taken.name), owner);
        let released =
            session.briefly(async { tokio::time::timeout(RELEASE_TIMEOUT, release).await });
        matches!(released, Ok(Ok(_)))
    }

    /// Where a line asks, as it says itself or as it was settled.
    fn place_of(&self, line: &Line) -> Place {
        let settled = |name: &str| self.settled.get(name).to_owned();
        let endpoints = value_of(line, &["--endpoints", "--transport-endpoints"]);
        Place {
            endpoints: endpoints.unwrap_or_else(|| settled("endpoints")),
            shard: value_of(line, &["--shard"]).unwrap_or_else(|| settled("shard")),
        }
    }

    /// Tells whoever leaves what they leave behind.
    pub(super) fn farewell(&mut self) {
        self.printer.speak_of(None);
        if let Some(held) = self.locks.farewell() {
            self.printer.note(&held);
        }
    }

    /// Tells that something is wrong with what was read.
    pub(super) fn refuse(&mut self, error: Error) -> ExitStatus {
        self.told(&Failure::Error(error))
    }

    /// Tells how something failed.
    pub(super) fn told(&mut self, failure: &Failure) -> ExitStatus {
        self.printer.failure(failure);
        failure.status()
    }
}

/// What a line gives for a flag that goes by these names.
fn value_of(line: &Line, names: &[&str]) -> Option<String> {
    let mut flags = line.flags.iter();
    while let Some(flag) = flags.next() {
        let flag = flag.to_string_lossy();
        if names.contains(&&*flag) {
            return flags
                .next()
                .map(|value| value.to_string_lossy().into_owned());
        }
        if let Some((name, value)) = flag.split_once('=')
            && names.contains(&name)
        {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::client_args::ClientArgs;
    use crate::cli::output::tests::Sink;
    use crate::cli::output::{Format, Stream};
    use crate::cli::shell::lexer::statements;
    use crate::client::tests::fake::Fake;

    #[derive(Parser)]
    struct Started {
        #[command(flatten)]
        client: ClientArgs,
    }

    /// A shell that asks there, and not for long.
    pub(in crate::cli::shell) fn shell_at<'a>(
        endpoint: &str,
        printer: &'a mut Printer,
    ) -> Shell<'a> {
        let words = [
            "dkv",
            "--endpoints",
            endpoint,
            "--retries",
            "0",
            "--timeout",
            "300ms",
        ];
        let started = Started::parse_from(words);
        let session = Session::new(started.client.options(1)).unwrap();
        let settled = Settled::new(&started.client, Format::Text, false);
        Shell::new(session, settled, Vec::new(), false, printer)
    }

    /// Runs `work` with a shell that asks the fake node.
    async fn in_shell<T: Send + 'static>(
        fake: &Fake,
        work: impl FnOnce(&mut Shell<'_>) -> T + Send + 'static,
    ) -> T {
        let endpoint = fake.endpoint.clone();
        let run = move || {
            let stream = || Stream::new(Box::new(Sink::default()), false);
            let mut printer = Printer::new(Format::Text, true, stream(), stream());
            work(&mut shell_at(&endpoint, &mut printer))
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    fn runs(shell: &mut Shell<'_>, line: &str) -> Turn {
        let statement = statements(line.as_bytes()).unwrap().remove(0);
        shell.run(&statement, line.as_bytes())
    }

    fn taken(shell: &Shell<'_>, owner: &str) -> Deed {
        Deed::Take(Held {
            name: "jobs".into(),
            owner: owner.into(),
            place: shell.place_of(&Line::default()),
        })
    }

    /// The owner that the shell had minted was forgotten: nobody could give the lock up.
    #[tokio::test]
    async fn an_interrupted_acquire_gives_the_lock_up() {
        let fake = Fake::local(1).await;
        let interrupted = in_shell(&fake, |shell| {
            let owner = "0123456789abcdef0123456789abcdef";
            let line = format!("lock acquire jobs --owner {owner}");
            assert_eq!(runs(shell, &line), Turn::Ran(ExitStatus::Done));
            let (deed, interrupted) = (taken(shell, owner), Err(Failure::Interrupted));
            shell.remember(deed, &interrupted);
            (shell.locks.farewell(), runs(shell, "LOCK jobs"))
        });
        assert_eq!(interrupted.await, (None, Turn::Ran(ExitStatus::Done)));
    }

    #[tokio::test]
    async fn an_acquire_that_nobody_answers_is_not_forgotten() {
        let fake = Fake::local(1).await;
        fake.fall_silent();
        let told = in_shell(&fake, |shell| {
            let turn = runs(shell, "LOCK jobs");
            assert_eq!(turn, Turn::Ran(ExitStatus::OutcomeUnknown));
            shell.locks.farewell()
        });
        assert!(told.await.unwrap().contains("jobs"));
    }

    /// Held locks were looked for at the nodes that were named by `CONNECT` since.
    #[tokio::test]
    async fn a_lock_is_held_where_it_was_taken() {
        let (here, there) = (Fake::local(1).await, Fake::local(2).await);
        let other = there.endpoint.clone();
        in_shell(&here, move |shell| {
            let home = shell.settled.get("endpoints").to_owned();
            let done = Turn::Ran(ExitStatus::Done);
            assert_eq!(runs(shell, "LOCK jobs"), done);
            assert_eq!(runs(shell, &format!("CONNECT {other}")), done);
            assert_ne!(runs(shell, "UNLOCK jobs"), done, "not taken there");
            let elsewhere = format!("UNLOCK jobs --endpoints {home}");
            assert_eq!(runs(shell, &elsewhere), done);
            assert_eq!(shell.locks.farewell(), None);
        })
        .await;
    }
}
