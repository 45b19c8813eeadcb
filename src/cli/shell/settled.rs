//! What `USE`, `SHARD` and `OUTPUT` settle for the lines that follow.

use clap::ValueEnum;

use crate::base::suggest::nearest;
use crate::base::{Error, Result};
use crate::cli::client_args::ClientArgs;
use crate::cli::output::Format;
use crate::config::text;

/// Settings of this shell. A flag in a line beats them; they beat the environment.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    settings: Vec<(&'static str, String)>,
}

impl Settled {
    /// What the shell was started with.
    pub(super) fn new(client: &ClientArgs, format: Format, is_quiet: bool) -> Self {
        let mut settings = client.settings();
        settings.push(("output", name_of(format)));
        if is_quiet {
            settings.push(("quiet", "true".to_owned()));
        }
        Self { settings }
    }

    /// As a line takes them.
    pub(super) fn all(&self) -> Vec<(&'static str, String)> {
        self.settings.clone()
    }

    /// What one of them is.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, text)| text)
    }

    /// How answers look.
    pub(super) fn format(&self) -> Format {
        Format::from_str(self.get("output"), true).unwrap_or(Format::Text)
    }

    /// Whether only data and errors are printed.
    pub(super) fn is_quiet(&self) -> bool {
        self.get("quiet") == "true"
    }

    /// Settles one of them.
    ///
    /// # Errors
    /// `Invalid` for a shard or format that cannot be.
    pub(super) fn set(&mut self, name: &'static str, word: &str) -> Result<()> {
        let text = match name {
            "shard" => text::shard_id(word)?.0.to_string(),
            "output" => name_of(format(word)?),
            _ => word.to_owned(),
        };
        if let Some((_, known)) = self.settings.iter_mut().find(|(known, _)| *known == name) {
            *known = text;
        }
        Ok(())
    }
}

fn format(word: &str) -> Result<Format> {
    Format::from_str(word, true).map_err(|_| {
        let names: Vec<String> = Format::value_variants()
            .iter()
            .copied()
            .map(name_of)
            .collect();
        let near = nearest(word, names.iter().map(String::as_str));
        let meant = near.map_or(String::new(), |near| format!(": did you mean {near}?"));
        Error::invalid(format!(
            "`{word}` is no format{meant} (there are {})",
            names.join(", ")
        ))
    })
}

fn name_of(format: Format) -> String {
    let value = format.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}
