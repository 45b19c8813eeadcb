//! Flags over environment over file over default.
//!
//! clap parses twice. The first parse finds the subcommand and what was typed; then
//! every flag of it that was not typed takes what the environment or the file says as
//! its default, and the second parse makes values of it all. So every flag has all
//! four layers, and a bad value is reported under the name of the layer it is from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::base::Error;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::old_flags::{self, Treatment};
use crate::cli::{files, misspelt, root};
use crate::config::environment::{Environment, variable_name};
use crate::config::file::SettingsFile;
use crate::config::{Layers, Sourced};

/// A settings file is small; anything larger is a mistake.
const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Subcommands that have no settings, and work in any environment.
const UNSETTLED: [&str; 5] = ["completions", "explain", "help", "man", "version"];

/// What the user gave this process.
pub(crate) struct Words {
    /// The program's name and its arguments.
    pub(crate) argv: Vec<OsString>,
    /// The environment.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// What the shell that this was typed in has settled: it beats the environment.
    pub(crate) settled: Vec<(&'static str, String)>,
}

/// The command line with all layers applied.
pub(crate) struct Effective {
    /// What clap made of it.
    pub(crate) matches: ArgMatches,
    /// What to tell about flags that mean nothing.
    pub(crate) notes: Vec<String>,
    /// Where each flag of the subcommand that was not typed and is not at its
    /// default has its value from.
    pub(crate) sources: BTreeMap<String, String>,
}

impl Words {
    /// Applies the layers.
    ///
    /// # Errors
    /// What clap says of the words; `Invalid` for a setting that nobody knows, or with a
    /// value that the flag would not take either.
    pub(crate) fn resolve(&self) -> Outcome<Effective> {
        let command = root::command();
        let typed = command
            .clone()
            .try_get_matches_from(&self.argv)
            .map_err(|error| misspelt::advise(error, &command, &self.argv))?;
        let layers = self.layers(&command, &typed)?;
        let mut applied = Applied {
            layers: &layers,
            settled: &self.settled,
            notes: Vec::new(),
            sources: BTreeMap::new(),
        };
        let command = applied.layer(command, &typed)?;
        let Applied { notes, sources, .. } = applied;
        let matches = command.try_get_matches_from(&self.argv)?;
        Ok(Effective {
            matches,
            notes,
            sources,
        })
    }

    fn layers(&self, command: &Command, typed: &ArgMatches) -> Outcome<Layers> {
        let known = known_settings(command);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if typed
            .subcommand_name()
            .is_some_and(|name| UNSETTLED.contains(&name))
        {
            return Ok(Layers::new(Environment::read([], &known)?, None));
        }
        let environment = Environment::read(self.variables.iter().cloned(), &known)?;
        let file = match self.config_path(typed) {
            None => None,
            Some(path) => Some(read_file(&path, &known)?),
        };
        Ok(Layers::new(environment, file))
    }

    fn config_path(&self, typed: &ArgMatches) -> Option<std::path::PathBuf> {
        if let Some(path) = typed.get_one::<std::path::PathBuf>("config") {
            return Some(path.clone());
        }
        let variable = variable_name("config");
        self.variables
            .iter()
            .find(|(name, value)| name.as_os_str() == variable.as_str() && !value.is_empty())
            .map(|(_, value)| value.into())
    }
}

fn read_file(path: &Path, known: &[&str]) -> Outcome<(String, SettingsFile)> {
    let name = path.display().to_string();
    let bytes = files::read(path, CONFIG_BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::invalid(format!("{name} is not UTF-8 text, so it is not TOML")))?;
    // A file that names another file would have to be read in turn.
    let known: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| *name != "config")
        .collect();
    let file = SettingsFile::read(&name, &text, &known)?;
    Ok((name, file))
}

/// Every name that a flag of any subcommand goes by.
fn known_settings(command: &Command) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for argument in command.get_arguments() {
        known.extend(names(argument).into_iter().map(str::to_owned));
    }
    for subcommand in command.get_subcommands() {
        known.append(&mut known_settings(subcommand));
    }
    known
}

fn names(argument: &Arg) -> Vec<&str> {
    let aliases = argument.get_all_aliases().unwrap_or_default();
    argument.get_long().into_iter().chain(aliases).collect()
}

/// The second and third layer, being applied to a command line.
struct Applied<'a> {
    layers: &'a Layers,
    settled: &'a [(&'static str, String)],
    notes: Vec<String>,
    sources: BTreeMap<String, String>,
}

impl Applied<'_> {
    /// Makes what the layers say the defaults of `command` and of the subcommand of it
    /// that was typed.
    fn layer(&mut self, mut command: Command, typed: &ArgMatches) -> Outcome<Command> {
        let arguments: Vec<Arg> = command.get_arguments().cloned().collect();
        for argument in arguments {
            let id = argument.get_id().as_str();
            let is_typed = typed.value_source(id) == Some(ValueSource::CommandLine);
            let found = if is_typed { None } else { self.find(&argument) };
            let source = match &found {
                Some(sourced) => sourced.source.clone(),
                None if is_typed => format!("--{}", argument.get_long().unwrap_or(id)),
                None => continue,
            };
            match old_flags::treatment(command.get_name(), id) {
                Some(Treatment::Ignored(why)) => {
                    self.notes
                        .push(format!("note: {source} has no effect: {why}"));
                }
                None => {
                    if let Some(sourced) = found {
                        let value = checked(&argument, &sourced)?;
                        self.sources.insert(id.to_owned(), source);
                        command = command.mut_arg(id, |argument| argument.default_value(value));
                    }
                }
            }
        }
        if let Some((name, typed)) = typed.subcommand() {
            let subcommand = command
                .find_subcommand(name)
                .expect("clap matched a subcommand that it has")
                .clone();
            let subcommand = self.layer(subcommand, typed)?;
            command = command.mut_subcommand(name, |_| subcommand);
        }
        Ok(command)
    }

    fn find(&self, argument: &Arg) -> Option<Sourced> {
        let names = names(argument);
        let settled = self.settled.iter().find(|(name, _)| names.contains(name));
        if let Some((name, text)) = settled {
            return Some(Sourced {
                text: text.clone(),
                source: format!("{name} of this shell"),
            });
        }
        names.into_iter().find_map(|name| self.layers.find(name))
    }
}

/// The value as the flag takes it, if it takes it.
fn checked(argument: &Arg, sourced: &Sourced) -> Outcome<String> {
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
    let mut alone = Arg::new("value").long("value").required(true);
    alone = if is_switch {
        alone.value_parser(BoolishValueParser::new())
    } else {
        alone.value_parser(argument.get_value_parser().clone())
    };
    if let Some(delimiter) = argument.get_value_delimiter() {
        alone = alone.value_delimiter(delimiter);
    }
    let word = format!("--value={}", sourced.text);
    let matches = Command::new("value")
        .no_binary_name(true)
        .arg(alone)
        .try_get_matches_from([word])
        .map_err(|error| refusal(sourced, &error))?;
    if is_switch {
        let is_on = matches.get_one::<bool>("value").copied().unwrap_or(false);
        return Ok(is_on.to_string());
    }
    Ok(sourced.text.clone())
}

/// `DKV_TIMEOUT=abc: ...`
fn refusal(sourced: &Sourced, error: &clap::Error) -> Failure {
    use std::error::Error as _;
    let reason = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => {
            format!("it is one of {}", valid.join(", "))
        }
        _ => "the flag would not take it".to_owned(),
    };
    Error::invalid(format!("{}={}: {reason}", sourced.source, sourced.text)).into()
}

#[cfg(test)]
mod tests;
