//! The two layers between the flags and the defaults, with the origin of each value.

use figment::Figment;

use crate::config::environment::{Environment, variable_name};
use crate::config::file::SettingsFile;

/// What the environment and the file say.
#[derive(Debug)]
pub struct Layers {
    stack: Figment,
    path: Option<String>,
}

/// A value as somebody wrote it, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced {
    /// As the flag would be written.
    pub text: String,
    /// `DKV_TIMEOUT`, or `timeout in dkv.toml`.
    pub source: String,
}

impl Layers {
    /// The environment over the file, which people know as `path`.
    pub fn new(environment: Environment, file: Option<(String, SettingsFile)>) -> Self {
        let mut stack = Figment::new();
        let mut path = None;
        if let Some((name, file)) = file {
            stack = stack.merge(file);
            path = Some(name);
        }
        Self {
            stack: stack.merge(environment),
            path,
        }
    }

    /// What is said of `setting`, if anything.
    pub fn find(&self, setting: &str) -> Option<Sourced> {
        let value = self.stack.find_value(setting).ok()?;
        let text = value.as_str()?.to_owned();
        let from_file = self
            .stack
            .get_metadata(value.tag())
            .is_some_and(|metadata| metadata.name == "file");
        let source = match &self.path {
            Some(path) if from_file => format!("{setting} in {path}"),
            _ => variable_name(setting),
        };
        Some(Sourced { text, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_beats_the_file_and_each_is_named() {
        let known = ["timeout", "shard"];
        let environment = Environment::read([("DKV_TIMEOUT".into(), "3s".into())], &known).unwrap();
        let file = SettingsFile::read("my.toml", "timeout = '9s'\nshard = 7", &known).unwrap();
        let layers = Layers::new(environment, Some(("my.toml".to_owned(), file)));

        let timeout = layers.find("timeout").unwrap();
        assert_eq!(timeout.text, "3s");
        assert_eq!(timeout.source, "DKV_TIMEOUT");
        let shard = layers.find("shard").unwrap();
        assert_eq!(shard.text, "7");
        assert_eq!(shard.source, "shard in my.toml");
        assert_eq!(layers.find("bucket"), None);
    }
}
