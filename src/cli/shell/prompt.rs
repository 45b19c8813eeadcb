//! The shell as a person types into it.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustyline::config::{Behavior, Configurer};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};

use super::completion::Completion;
use super::editor::Editing;
use super::lexer::{Unread, statements};
use super::own::greet;
use super::terminal::restore_when_ended;
use super::turns::{Shell, Turn};
use super::{history, settled::Settled};
use crate::base::Error;
use crate::cli::complete::{Asker, CANDIDATES_MAX, Kind, attach, names};
use crate::cli::completions::visible;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::root;
use crate::cli::session::Session;

type Line = Editor<Editing, DefaultHistory>;

/// Whom Tab asks: what the last command left.
type Whom = Arc<Mutex<(Session, Settled)>>;

/// Reads and runs lines until the person leaves.
pub(super) fn run(shell: &mut Shell<'_>, chosen_history: Option<&OsStr>) -> Outcome {
    let whom: Whom = Arc::new(Mutex::new((shell.session.clone(), shell.settled.clone())));
    restore_when_ended(&shell.session)?;
    let mut line = editor(shell, &whom)?;
    let kept = remembered(shell, &mut line, chosen_history);
    greeting(shell);
    loop {
        let prompt = prompt_of(&shell.session, &shell.settled);
        let typed = match line.readline(&prompt) {
            Ok(typed) => typed,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                let message = "what was typed is not UTF-8: its line is dropped";
                shell.refuse(Error::invalid(message));
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(ExitStatus::Done),
            Err(error) => return Err(unreadable(error)),
        };
        keep(&mut line, kept.as_deref(), &typed);
        // What came before is not meant for this line.
        shell.session.interrupts().came();
        if run_line(shell, &typed) != Turn::Ran(ExitStatus::Done) {
            return Ok(ExitStatus::Done);
        }
        *whom.lock() = (shell.session.clone(), shell.settled.clone());
    }
}

fn editor(shell: &Shell<'_>, whom: &Whom) -> Outcome<Line> {
    let is_coloured = shell.printer.is_coloured();
    let colours = match is_coloured {
        true => ColorMode::Enabled,
        false => ColorMode::Disabled,
    };
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .completion_prompt_limit(CANDIDATES_MAX)
        .history_ignore_space(true)
        .color_mode(colours)
        // What goes to stdout is data, even if a person types.
        .behavior(Behavior::PreferTerm)
        .build();
    let asker = asker(whom);
    let command = attach(visible(&root::command()), &asker);
    let mut line = Editor::with_config(config).map_err(unreadable)?;
    line.set_helper(Some(Editing {
        completion: Completion::new(command, Arc::clone(shell.tree()), asker),
        is_coloured,
    }));
    Ok(line)
}

/// Asks over the connection of the shell.
fn asker(whom: &Whom) -> Asker {
    let whom = Arc::clone(whom);
    Arc::new(move |kind: Kind, begin: &str| {
        let (session, settled) = whom.lock().clone();
        let client = session.own_client().with_bucket(settled.get("bucket"));
        let client = match crate::config::text::shard_id(settled.get("shard")) {
            Ok(shard) => client.with_shard(shard),
            Err(_) => client,
        };
        session.briefly(names(&client, kind, begin))
    })
}

/// Where lines are kept, if they can be.
fn remembered(shell: &mut Shell<'_>, line: &mut Line, chosen: Option<&OsStr>) -> Option<PathBuf> {
    let path = history::path(chosen, |name| std::env::var_os(name))?;
    let prepared = history::prepare(&path).map_err(ReadlineError::Io);
    let loaded = prepared
        .and_then(|()| line.set_max_history_size(history::LINES_MAX))
        .and_then(|()| line.load_history(&path));
    match loaded {
        Ok(()) => Some(path),
        Err(error) => {
            let path = path.display();
            shell
                .printer
                .note(&format!("note: no history is kept in {path}: {error}"));
            None
        }
    }
}

/// A line that cannot be kept is no reason to stop.
fn keep(line: &mut Line, path: Option<&std::path::Path>, typed: &str) {
    let is_new = !typed.trim().is_empty() && line.add_history_entry(typed).unwrap_or(false);
    if let Some(path) = path.filter(|_| is_new) {
        let _ = line.append_history(path);
    }
}

fn greeting(shell: &mut Shell<'_>) {
    match greet(&shell.session) {
        Ok(greeting) => shell.printer.note(&greeting),
        Err(Failure::Error(error)) => {
            shell
                .printer
                .note(&format!("{error}; commands will try again"));
        }
        Err(failure) => shell.printer.failure(&failure),
    }
    shell
        .printer
        .note("HELP lists the commands, Tab completes, Ctrl-D leaves");
}

/// `Ran(Done)` unless the person leaves: a failure was told, and the prompt comes back.
fn run_line(shell: &mut Shell<'_>, typed: &str) -> Turn {
    let text = format!("{typed}\n");
    let text = text.as_bytes();
    let read = match statements(text) {
        Ok(read) => read,
        Err(Unread::Unfinished(_, wrong) | Unread::Wrong(wrong)) => {
            shell.refuse(wrong.in_text(text));
            return Turn::Ran(ExitStatus::Done);
        }
    };
    for statement in read {
        match shell.run(&statement, text) {
            Turn::Ran(ExitStatus::Interrupted) => break,
            Turn::Ran(_) => {}
            ends @ (Turn::Leave | Turn::Unread) => return ends,
        }
    }
    Turn::Ran(ExitStatus::Done)
}

/// `dkv 127.0.0.1:8080/bucket shard 200> `
fn prompt_of(session: &Session, settled: &Settled) -> String {
    let endpoints = session.endpoints();
    let mut prompt = format!("dkv {}", endpoints.first().map_or("", String::as_str));
    if endpoints.len() > 1 {
        prompt.push_str(&format!(",+{}", endpoints.len() - 1));
    }
    let (bucket, shard) = (settled.get("bucket"), settled.get("shard"));
    if !bucket.is_empty() {
        prompt.push_str(&format!(" {bucket}"));
    }
    if shard != "100" {
        prompt.push_str(&format!(" shard {shard}"));
    }
    prompt.push_str("> ");
    prompt
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn unreadable(error: ReadlineError) -> Failure {
    Error::invalid(format!("the terminal cannot be read: {error}")).into()
}
