//! `dkv man`: the manual, made of the same words as the help.

use std::path::{Path, PathBuf};

use clap::{Arg, Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::base::Result;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::{command, files};
use crate::config::environment::variable_name;

/// Print the manual, or write its pages into a directory
///
/// `dkv man | man -l -` shows it. A directory gets one page for every subcommand.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write the pages into this directory
    dir: Option<PathBuf>,
}

/// Prints or writes the manual.
pub(crate) fn run(args: &ManArgs, printer: &mut Printer) -> Outcome {
    let mut root = command();
    root.build();
    match &args.dir {
        Some(dir) => {
            files::create_dir_all(dir)?;
            write_pages(&root, "dkv", dir)?;
        }
        None => printer.verbatim(&page(&root, "dkv")?)?,
    }
    Ok(ExitStatus::Done)
}

fn write_pages(command: &Command, name: &str, dir: &Path) -> Result<()> {
    let text = page(command, name).map_err(|error| {
        crate::base::Error::internal(format!("the page of {name} cannot be made: {error}"))
    })?;
    files::write(&dir.join(format!("{name}.1")), &text)?;
    for subcommand in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        write_pages(
            subcommand,
            &format!("{name}-{}", subcommand.get_name()),
            dir,
        )?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> std::io::Result<Vec<u8>> {
    let typed = name.replacen('-', " ", name.matches('-').count());
    let command = command
        .clone()
        .display_name(name.to_owned())
        .bin_name(typed);
    let has_subcommands = command.get_subcommands().any(|sub| !sub.is_hide_set());
    let man = Man::new(command.clone())
        .title(name.to_ascii_uppercase())
        .manual("dkv manual");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    exit_section().to_writer(&mut page)?;
    environment_section(&command).to_writer(&mut page)?;
    Ok(page)
}

fn exit_section() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in ExitStatus::TABLE {
        roff.control("TP", []);
        roff.text([bold(status.code().to_string())]);
        roff.text([roman(meaning)]);
    }
    roff
}

fn environment_section(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman(
        "A flag beats its variable, the variable beats the key of the flag's name in the TOML \
         file of --config, and the file beats the default. Unknown variables that begin with \
         DKV_ and unknown keys are errors.",
    )]);
    for argument in command.get_arguments() {
        if let Some(variable) = variable(argument) {
            roff.control("TP", []);
            roff.text([bold(variable.0)]);
            roff.text([roman(format!("The same as --{}.", variable.1))]);
        }
    }
    for (variable, meaning) in [
        ("NO_COLOR", "If set to anything, nothing is coloured."),
        (
            "DKV_LOCK_NAME, DKV_LOCK_OWNER, DKV_LOCK_FENCE",
            "Set for the command of dkv lock run; never settings.",
        ),
        (
            "DKV_SHELL_HISTORY",
            "The file that dkv shell keeps its history in; empty for none.",
        ),
    ] {
        roff.control("TP", []);
        roff.text([bold(variable)]);
        roff.text([roman(meaning)]);
    }
    roff
}

fn variable(argument: &Arg) -> Option<(String, &str)> {
    let name = argument.get_long().filter(|_| !argument.is_hide_set())?;
    let is_setting = !matches!(name, "help" | "version");
    is_setting.then(|| (variable_name(name), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_exit_codes_and_variables() {
        let mut root = command();
        root.build();
        let serve = root.find_subcommand("serve").unwrap();
        let page = String::from_utf8(page(serve, "dkv-serve").unwrap()).unwrap();
        for words in ["EXIT STATUS", "DKV_DATA_DIR", "DKV_CONFIG", "\\fB8\\fR"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("transport"), "old flags stay hidden");
    }
}
