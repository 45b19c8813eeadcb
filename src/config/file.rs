//! The TOML file of `--config` as a layer: one flat table, a key a setting.

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use crate::base::suggest::nearest;
use crate::base::{Error, Result};

/// A settings file, read.
#[derive(Debug)]
pub struct SettingsFile {
    values: Dict,
}

impl SettingsFile {
    /// Reads the `text` of the file that people know as `path`.
    ///
    /// # Errors
    /// `Invalid` for what is not TOML, for a key that is no setting of any
    /// subcommand (`known`), and for tables and dates, which no setting takes.
    pub fn read(path: &str, text: &str, known: &[&str]) -> Result<Self> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| malformed(path, text, &error))?;
        let mut values = Dict::new();
        for (key, value) in table {
            if !known.contains(&key.as_str()) {
                return Err(unknown(path, &key, known));
            }
            let Some(text) = as_text(&value) else {
                return Err(Error::invalid(format!(
                    "{path}: {key} cannot be a {}: write text, a number, true, false or a list",
                    value.type_str()
                )));
            };
            values.insert(key, Value::from(text));
        }
        Ok(Self { values })
    }
}

/// As the flag would be written; a list is separated by commas.
fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(as_text).collect();
            items.map(|items| items.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// The line and the reason, without quoting the file: a line may hold a secret.
fn malformed(path: &str, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| {
        let start = span.start.min(text.len());
        1 + text.as_bytes()[..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    });
    Error::invalid(format!(
        "{path}:{line}: this is not TOML: {}",
        error.message()
    ))
}

fn unknown(path: &str, key: &str, known: &[&str]) -> Error {
    let advice = match nearest(key, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "remove it; the keys are the names of the flags, without the dashes".to_owned(),
    };
    Error::invalid(format!("{path}: `{key}` is no setting of dkv: {advice}"))
}

impl Provider for SettingsFile {
    fn metadata(&self) -> Metadata {
        Metadata::named("file")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["data-dir", "timeout", "listen", "insecure"];

    fn read(text: &str) -> Result<SettingsFile> {
        SettingsFile::read("dkv.toml", text, &KNOWN)
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().message().to_owned()
    }

    #[test]
    fn values_read_like_flags() {
        let file = read("timeout = 3\ninsecure = true\nlisten = ['a:1', 'b:2']").unwrap();
        assert_eq!(file.values["timeout"].as_str(), Some("3"));
        assert_eq!(file.values["insecure"].as_str(), Some("true"));
        assert_eq!(file.values["listen"].as_str(), Some("a:1,b:2"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_a_suggestion() {
        let message = message("data_dir = 'x'");
        assert!(message.contains("did you mean `data-dir`?"), "{message}");
    }

    #[test]
    fn what_is_not_toml_is_refused_by_line_without_quoting_it() {
        let message = message("timeout = 3\ndata-dir = secret");
        assert!(message.starts_with("dkv.toml:2: "), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }

    #[test]
    fn tables_and_dates_are_refused() {
        assert!(message("[listen]\na = 1").contains("listen cannot be a table"));
        assert!(message("timeout = 2020-01-01").contains("timeout cannot be a datetime"));
    }
}
