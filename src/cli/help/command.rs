//! `dkv help` as a subcommand.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Args, Command};

use super::topics::{about, topic, topics};
use crate::base::Error;
use crate::base::suggest::nearest;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::root;

/// Explain a topic, with examples, or a command
///
/// Without either, lists the commands and the topics. `dkv help kv set` is `dkv kv set --help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A topic such as locks, or a command such as kv set
    #[arg(value_name = "TOPIC")]
    words: Vec<String>,
}

/// Prints what was asked for.
pub(crate) fn run(args: &HelpArgs, printer: &mut Printer) -> Outcome {
    let root = root::command();
    let Some(first) = args.words.first() else {
        printer.verbatim(overview(&root).as_bytes())?;
        return Ok(ExitStatus::Done);
    };
    // `lock` is a command; its topic is `locks`. A topic that is called as a command is says
    // how to come to the other one.
    let is_command = root.get_subcommands().any(|it| it.get_name() == first);
    let is_topic = !is_command || topics().any(|name| name == first);
    if let Some(text) = topic(first).filter(|_| is_topic && args.words.len() == 1) {
        printer.verbatim(text.as_bytes())?;
        return Ok(ExitStatus::Done);
    }
    if is_command {
        return of_command(&root, &args.words);
    }
    Err(unknown(first, &root).into())
}

/// Shows the help of a command; nothing is run, whatever the words are.
pub(crate) fn of_command(root: &Command, names: &[String]) -> Outcome {
    // Behind `--` the flag that asks for help would be a value.
    if let Some(flag) = names.iter().find(|name| name.starts_with('-')) {
        let shown = flag.escape_debug();
        return Err(Error::invalid(format!(
            "`{shown}` is no command: help takes names alone, such as kv set"
        ))
        .into());
    }
    let words = std::iter::once("dkv").chain(names.iter().map(String::as_str));
    // clap answers with the help, which is no error.
    root.clone().try_get_matches_from(words.chain(["--help"]))?;
    Ok(ExitStatus::Done)
}

fn overview(root: &Command) -> String {
    let mut text = String::from("Commands (dkv help COMMAND explains one)\n");
    let mut line = |name: &str, about: &str| {
        writeln!(text, "  {name:<13} {about}").expect("a string takes everything");
    };
    for command in root.get_subcommands().filter(|it| !it.is_hide_set()) {
        let about = command.get_about().map(ToString::to_string);
        line(command.get_name(), about.as_deref().unwrap_or_default());
    }
    text.push_str("\nTopics, with examples (dkv help TOPIC)\n");
    for name in topics() {
        writeln!(text, "  {name:<13} {}", about(name)).expect("a string takes everything");
    }
    text
}

/// What there is help on: topics and commands, each once.
pub(crate) fn names(root: &Command) -> Vec<String> {
    let commands = root.get_subcommands().filter(|it| !it.is_hide_set());
    let mut known: BTreeSet<&str> = topics().collect();
    known.extend(commands.map(Command::get_name));
    known.into_iter().map(str::to_owned).collect()
}

fn unknown(word: &str, root: &Command) -> Error {
    let known = names(root);
    let advice = match nearest(word, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `dkv help {near}`?"),
        None => "`dkv help` lists the commands and topics".to_owned(),
    };
    Error::invalid(format!("there is no help on `{word}`: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Failure;

    fn asked(names: &[&str]) -> Outcome {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        of_command(&root::command(), &names)
    }

    /// `HELP kv delete --` deleted a key named `--help`.
    #[test]
    fn help_on_what_is_no_name_of_a_command_is_refused_and_runs_nothing() {
        for names in [
            &["kv", "delete", "--"][..],
            &["kv", "--bucket", "a"],
            &["kv", "-"],
        ] {
            let refused = asked(names);
            assert!(
                matches!(&refused, Err(Failure::Error(error)) if error.message().contains("no command")),
                "{names:?}: {refused:?}"
            );
        }
        let shown = asked(&["kv", "delete"]);
        let Err(Failure::Usage(help)) = shown else {
            panic!("{shown:?}");
        };
        assert!(crate::cli::failure::is_help(&help));
    }
}
