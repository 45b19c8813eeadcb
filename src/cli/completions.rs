//! `dkv completions`: what a shell needs to complete `dkv`.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Command, ValueEnum};
use clap_complete::{Generator, Shell};

use crate::base::Error;
use crate::cli::complete::script;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::files;
use crate::cli::output::Printer;

/// Print the completions of a shell
///
/// This shell has them after `source <(dkv completions bash)`; every new one, if they are in
/// ~/.local/share/bash-completion/completions/dkv.
///
/// Those of bash, zsh and fish complete keys, buckets, locks and shards, too: they ask the server
/// that the flags typed so far, or the environment, name, and have nothing to say if it does not
/// answer within 200 ms.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell, or all of them
    shell: Shells,
    /// Write into this directory, under the name that the shell looks for
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
enum Shells {
    One(Shell),
    All,
}

const SHELLS: &[Shells] = &[
    Shells::One(Shell::Bash),
    Shells::One(Shell::Zsh),
    Shells::One(Shell::Fish),
    Shells::One(Shell::PowerShell),
    Shells::One(Shell::Elvish),
    Shells::All,
];

impl ValueEnum for Shells {
    fn value_variants<'a>() -> &'a [Self] {
        SHELLS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(shell) => shell.to_possible_value(),
            Self::All => Some(PossibleValue::new("all")),
        }
    }
}

/// Prints or writes the completions.
pub(crate) fn run(args: &CompletionsArgs, printer: &mut Printer) -> Outcome {
    let shells = match args.shell {
        Shells::One(shell) => vec![shell],
        Shells::All => Shell::value_variants().to_vec(),
    };
    match &args.dir {
        Some(dir) => {
            files::create_dir_all(dir)?;
            for shell in shells {
                files::write(&dir.join(shell.file_name("dkv")), &script(shell))?;
            }
        }
        None => match shells[..] {
            [shell] => printer.verbatim(&script(shell))?,
            _ => return Err(Error::invalid("all shells need a directory to write into").into()),
        },
    }
    Ok(ExitStatus::Done)
}

/// The same command without what its help hides: old names are for old scripts.
pub(crate) fn visible(command: &Command) -> Command {
    let subcommands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let arguments = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    let mut shown = Command::new(command.get_name().to_owned())
        .args(arguments)
        .subcommands(subcommands.map(visible))
        .disable_help_subcommand(command.is_disable_help_subcommand_set());
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        shown = shown.version(version.to_owned());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_that_do_not_ask_dkv_complete_every_subcommand() {
        for shell in [Shell::PowerShell, Shell::Elvish] {
            let script = String::from_utf8(script(shell)).unwrap();
            for word in ["acquire", "scan", "serve", "completions"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            for hidden in [
                "setEIfUnset",
                "transport",
                "rtt-millisecond",
                "wal-segment-size",
            ] {
                assert!(!script.contains(hidden), "{shell}: {hidden}");
            }
        }
    }

    #[test]
    fn what_is_hidden_is_not_completed() {
        fn words(command: &Command) -> Vec<String> {
            let flags = command.get_arguments().filter_map(clap::Arg::get_long);
            let names = command
                .get_subcommands()
                .map(Command::get_name)
                .chain(flags);
            let mut found: Vec<String> = names.map(str::to_owned).collect();
            found.extend(command.get_subcommands().flat_map(words));
            found
        }
        let words = words(&visible(&crate::cli::command()));
        for hidden in [
            "setEIfUnset",
            "transport",
            "rtt-millisecond",
            "wal-segment-size",
        ] {
            assert!(!words.iter().any(|word| word == hidden), "{hidden}");
        }
        assert!(words.iter().any(|word| word == "keys-only"));
    }
}
