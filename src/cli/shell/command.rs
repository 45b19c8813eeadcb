//! `dkv shell` as a subcommand.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufReader, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::Args;

use super::input::Input;
use super::settled::Settled;
use super::turns::Shell;
use super::{prompt, script};
use crate::cli::client_args::ClientArgs;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::session::Session;

/// Type commands at a prompt, or run a script of them
///
/// SET, GET, SCAN, WATCH, LOCK and all the others are described by HELP, and by `dkv help shell`.
/// From a pipe or with --command there is no prompt: every line is a command, what goes wrong
/// is told with its line, and the exit code is that of the first failure, or 130 after Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct ShellArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Run these commands, with ; or line breaks between them, and end
    #[arg(short, long, value_name = "COMMANDS")]
    command: Option<OsString>,
    /// End with the first command that fails
    #[arg(long)]
    fail_fast: bool,
}

/// Runs the shell; `variables` and `config` are what its lines are read with.
pub(crate) fn run(
    args: &ShellArgs,
    config: Option<PathBuf>,
    is_quiet: bool,
    mut variables: Vec<(OsString, OsString)>,
    printer: &mut Printer,
) -> Outcome {
    if let Some(config) = config {
        variables.retain(|(name, _)| name != "DKV_CONFIG");
        variables.push(("DKV_CONFIG".into(), config.into()));
    }
    // A command of the environment is for the shell, not for its lines.
    variables.retain(|(name, _)| name != "DKV_COMMAND");
    let session = Session::new(args.client.options(1))?;
    let settled = Settled::new(&args.client, printer.format(), is_quiet);
    let history = variables
        .iter()
        .find(|(name, _)| name == "DKV_SHELL_HISTORY")
        .map(|(_, path)| path.clone());
    let is_interactive = args.command.is_none() && io::stdin().is_terminal();
    printer.end_lines();
    let mut shell = Shell::new(session, settled, variables, is_interactive, printer);
    let status = match args.command.as_deref().map(OsStr::as_bytes) {
        Some(commands) => {
            let has_lines = commands.trim_ascii().contains(&b'\n');
            script::run(&mut shell, commands, has_lines, args.fail_fast)
        }
        None if is_interactive => prompt::run(&mut shell, history.as_deref())?,
        None => {
            let lines = BufReader::new(Input::open(shell.session.clone()));
            script::run(&mut shell, lines, true, args.fail_fast)
        }
    };
    shell.farewell();
    Ok(status)
}
