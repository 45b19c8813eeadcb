//! The shell as it runs one statement after another.

use std::sync::Arc;

use clap::Command;

use super::locks::{Deed, Locks};
use super::settled::Settled;
use super::translate::{Asked, Line, translate};
use super::words::Statement;
use crate::base::Error;
use crate::base::host::{Clock, Host};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::layered::Words;
use crate::cli::output::Printer;
use crate::cli::root;
use crate::cli::session::Session;

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
            Err(failure) => {
                self.printer.failure(&failure);
                Turn::Ran(failure.status())
            }
        }
    }

    fn answer(&mut self, statement: &Statement, text: &[u8]) -> Outcome<Turn> {
        let asked = translate(statement, &self.tree).map_err(|wrong| wrong.in_text(text))?;
        match asked {
            Asked::Own(own, words) => self.own(own, &words),
            Asked::Command(line) => self.command(line, statement).map(Turn::Ran),
        }
    }

    fn command(&mut self, mut line: Line, statement: &Statement) -> Outcome {
        let shard = shard_of(&line).unwrap_or_else(|| self.settled.get("shard").to_owned());
        let client = self.session.own_client();
        let deed = self
            .locks
            .complete(&mut line, &shard, || client.mint_owner())?;
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
        self.remember(deed, &outcome, &shard);
        match outcome {
            // That is how a watch ends here.
            Err(Failure::Interrupted) if self.is_interactive && line.is(&["kv", "watch"]) => {
                Ok(ExitStatus::Interrupted)
            }
            outcome => outcome,
        }
    }

    fn remember(&mut self, deed: Option<Deed>, outcome: &Outcome, shard: &str) {
        if let Ok(status) = outcome {
            self.locks.remember(deed, *status, shard);
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
        let failure = Failure::Error(error);
        self.printer.failure(&failure);
        failure.status()
    }
}

/// The shard that a line names for itself.
fn shard_of(line: &Line) -> Option<String> {
    let mut flags = line.flags.iter();
    while let Some(flag) = flags.next() {
        let flag = flag.to_string_lossy();
        if flag == "--shard" {
            return flags
                .next()
                .map(|value| value.to_string_lossy().into_owned());
        }
        if let Some(value) = flag.strip_prefix("--shard=") {
            return Some(value.to_owned());
        }
    }
    None
}
