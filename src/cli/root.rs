//! The root of the tree: parse, layer, dispatch, report.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::base::host::{Allocator, allocates_with};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::layered::{Effective, Words};
use crate::cli::output::{Format, Printer, Stream};
use crate::cli::session::Session;
use crate::cli::{
    bucket, cert, cluster, complete, completions, explain, help, info, kv, lock, man, old_flags,
    openapi, perf, serve, shell, top, version,
};

const ENVIRONMENT_HELP: &str = "\
Every flag is also an environment variable, DKV_ and its name in capitals with _ for -, and a key \
of the same name in the TOML file of --config. A flag beats the variable, the variable beats the \
file, the file beats the default.

`dkv help` lists topics with examples, `dkv help locks` shows one, and `dkv --explain Timeout` \
explains a kind of error.";

/// A linearizable key-value store and lock service
#[derive(Debug, Parser)]
#[command(name = "dkv", version, after_help = ENVIRONMENT_HELP, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    everywhere: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand takes.
#[derive(Debug, Args)]
struct GlobalArgs {
    /// Read settings from this TOML file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Common options"
    )]
    config: Option<PathBuf>,
    /// How answers look
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text"
    )]
    #[arg(help_heading = "Common options")]
    output: Format,
    /// Print data and errors only
    #[arg(short, long, global = true, help_heading = "Common options")]
    quiet: bool,
    /// Show no progress bars
    #[arg(long, global = true, help_heading = "Common options")]
    no_progress: bool,
}

/// Most are described where their arguments are: a description here would hide that one.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    Kv(Box<kv::KvArgs>),
    Lock(Box<lock::LockArgs>),
    Bucket(Box<bucket::BucketArgs>),
    Cluster(Box<cluster::ClusterArgs>),
    Cert(Box<cert::CertArgs>),
    Info(Box<info::InfoArgs>),
    Top(Box<top::TopArgs>),
    Shell(Box<shell::ShellArgs>),
    Perf(Box<perf::PerfCommand>),
    Help(help::HelpArgs),
    Explain(explain::ExplainArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    /// Print the description of the REST interface (OpenAPI 3.1)
    Openapi,
    /// Print the version
    Version,
}

/// The whole command line, old flags included, as clap knows it.
pub fn command() -> clap::Command {
    old_flags::accept(Cli::command())
}

/// Runs `dkv` as `argv` says, with the environment, stdin, stdout and stderr of this
/// process. Never panics for what a user types; what went wrong is on stderr. `allocator` is
/// what the process allocates with: a node asks it.
pub fn run(argv: impl IntoIterator<Item = OsString>, allocator: Allocator) -> ExitStatus {
    allocates_with(allocator);
    let argv: Vec<OsString> = argv.into_iter().collect();
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    if let [_, first, rest @ ..] = &argv[..]
        && first == complete::HIDDEN_WORD
    {
        let answer = complete::answer(rest, &variables);
        let mut printer = Printer::new(Format::Text, true, Stream::stdout(), Stream::stderr());
        // Whoever pressed Tab cannot be told that nobody reads the answer.
        let _ = printer.verbatim(&answer);
        return ExitStatus::Done;
    }
    let words = Words {
        argv: explain::as_subcommand(argv),
        variables,
        settled: Vec::new(),
    };
    run_words(&words, Stream::stdout(), Stream::stderr())
}

/// Runs what was typed in a shell: the same, on the connection of the shell, and what goes
/// wrong is for the shell to tell.
pub(crate) fn run_in(session: &Session, words: &Words, printer: &mut Printer) -> Outcome {
    let effective = words.resolve()?;
    let mut cli = Cli::from_arg_matches(&effective.matches)
        .expect("clap reads the matches that it made itself");
    printer.look(cli.everywhere.output, cli.everywhere.quiet);
    for note in &effective.notes {
        printer.note(note);
    }
    match &mut cli.command {
        Command::Kv(args) => args.join(session),
        Command::Lock(args) => args.join(session),
        Command::Bucket(args) => args.join(session),
        Command::Cluster(args) => args.join(session),
        Command::Info(args) => args.join(session),
        Command::Perf(args) => args.join(session),
        _ => {}
    }
    dispatch(cli, &effective, &words.variables, printer)
}

/// Runs `dkv`, with its data going to `out` and everything else to `remarks`.
pub(crate) fn run_words(words: &Words, out: Stream, remarks: Stream) -> ExitStatus {
    let effective = match words.resolve() {
        Ok(effective) => effective,
        Err(failure) => {
            Printer::new(Format::Text, false, out, remarks).failure(&failure);
            return failure.status();
        }
    };
    let cli = Cli::from_arg_matches(&effective.matches)
        .expect("clap reads the matches that it made itself");
    let GlobalArgs { output, quiet, .. } = cli.everywhere;
    let mut printer = Printer::new(output, quiet, out, remarks);
    if cli.everywhere.no_progress {
        printer = printer.without_progress();
    }
    for note in &effective.notes {
        printer.note(note);
    }
    match dispatch(cli, &effective, &words.variables, &mut printer) {
        Ok(status) => status,
        Err(failure) => {
            printer.failure(&failure);
            failure.status()
        }
    }
}

fn dispatch(
    cli: Cli,
    effective: &Effective,
    variables: &[(OsString, OsString)],
    printer: &mut Printer,
) -> Outcome {
    match cli.command {
        Command::Serve(args) => serve::run(*args, effective, printer),
        Command::Kv(args) => kv::run(*args, printer),
        Command::Lock(args) => lock::run(*args, printer),
        Command::Bucket(args) => bucket::run(*args, printer),
        Command::Cluster(args) => cluster::run(*args, printer),
        Command::Cert(args) => cert::run(&args, printer),
        Command::Info(args) => info::run(&args, printer),
        Command::Top(args) => top::run(&args, printer),
        Command::Shell(args) => {
            let GlobalArgs { config, quiet, .. } = cli.everywhere;
            shell::run(&args, config, quiet, variables.to_vec(), printer)
        }
        Command::Perf(args) => perf::run(&args, printer),
        Command::Help(args) => help::run(&args, printer),
        Command::Explain(args) => explain::run(&args, printer),
        Command::Completions(args) => completions::run(&args, printer),
        Command::Man(args) => man::run(&args, printer),
        Command::Openapi => openapi::run(printer),
        Command::Version => version::run(printer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_and_subcommand_is_explained() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                let name = format!("{} {}", command.get_name(), argument.get_id());
                assert!(
                    argument.get_help().is_some() || argument.is_hide_set(),
                    "{name}"
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }
}
