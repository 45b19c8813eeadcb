//! The environment as a layer: `DKV_DATA_DIR` is `data-dir`.

use std::ffi::OsString;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use crate::base::suggest::nearest;
use crate::base::{Error, Result};

const PREFIX: &str = "DKV_";

/// Set for the command of `dkv lock run`; never settings.
const LOCK_VARIABLES: [&str; 3] = ["DKV_LOCK_NAME", "DKV_LOCK_OWNER", "DKV_LOCK_FENCE"];

/// Where `dkv shell` keeps its history; empty for nowhere, which no setting can say.
const HISTORY_VARIABLE: &str = "DKV_SHELL_HISTORY";

/// Kubernetes sets these in every pod beside a service named `dkv`.
const KUBERNETES_PREFIXES: [&str; 2] = ["DKV_PORT", "DKV_SERVICE_"];

/// Settings of `install.sh`, which a shell may go on exporting once dkv is installed.
const INSTALL_PREFIX: &str = "DKV_INSTALL_";

/// Which defect a build for mutants is to have (`base/mutant.rs`); unknown to every other build.
const MUTANT_VARIABLE: &str = "DKV_MUTANT";

/// The variables that are settings.
#[derive(Debug)]
pub struct Environment {
    values: Dict,
}

impl Environment {
    /// Takes what is dkv's out of `variables`. An empty variable counts as unset.
    ///
    /// # Errors
    /// `Invalid` for a variable that is no setting of any subcommand (`known`), and
    /// for a value that is not text.
    pub fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        known: &[&str],
    ) -> Result<Self> {
        let mut values = Dict::new();
        for (variable, value) in variables {
            let Some(variable) = variable.to_str().filter(|name| is_setting(name)) else {
                continue;
            };
            let name = setting_name(variable);
            if !known.contains(&name.as_str()) {
                return Err(unknown(variable, known));
            }
            let Some(value) = value.to_str() else {
                return Err(Error::invalid(format!(
                    "the value of {variable} is not UTF-8 text"
                )));
            };
            if !value.is_empty() {
                values.insert(name, Value::from(value));
            }
        }
        Ok(Self { values })
    }
}

/// The variable of a setting: `data-dir` is `DKV_DATA_DIR`.
pub fn variable_name(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase().replace('-', "_"))
}

fn setting_name(variable: &str) -> String {
    variable[PREFIX.len()..]
        .to_ascii_lowercase()
        .replace('_', "-")
}

fn is_setting(variable: &str) -> bool {
    if cfg!(dkv_mutants) && variable == MUTANT_VARIABLE {
        return false;
    }
    variable.starts_with(PREFIX)
        && !LOCK_VARIABLES.contains(&variable)
        && variable != HISTORY_VARIABLE
        && !variable.starts_with(INSTALL_PREFIX)
        && !KUBERNETES_PREFIXES
            .iter()
            .any(|prefix| variable.starts_with(prefix))
}

fn unknown(variable: &str, known: &[&str]) -> Error {
    let names: Vec<String> = known.iter().map(|name| variable_name(name)).collect();
    let advice = match nearest(variable, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean {name}?"),
        None => "unset it; `dkv man` lists the variables".to_owned(),
    };
    Error::invalid(format!(
        "the environment variable {variable} is no setting of dkv: {advice}"
    ))
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["data-dir", "timeout", "node-id"];

    fn read(variables: &[(&str, &str)]) -> Result<Environment> {
        let variables = variables.iter().map(|(k, v)| (k.into(), v.into()));
        Environment::read(variables, &KNOWN)
    }

    #[test]
    fn a_variable_is_the_setting_of_its_name() {
        let environment = read(&[("DKV_DATA_DIR", "/x"), ("HOME", "/y")]).unwrap();
        assert_eq!(environment.values.len(), 1);
        assert_eq!(environment.values["data-dir"].as_str(), Some("/x"));
    }

    #[test]
    fn text_stays_text() {
        let environment = read(&[("DKV_NODE_ID", "007")]).unwrap();
        assert_eq!(environment.values["node-id"].as_str(), Some("007"));
    }

    #[test]
    fn an_unknown_variable_is_refused_with_a_suggestion() {
        let error = read(&[("DKV_DATADIR", "/x")]).unwrap_err();
        assert!(error.message().contains("DKV_DATA_DIR?"), "{error}");
        let error = read(&[("DKV_WHATEVER", "1")]).unwrap_err();
        assert!(error.message().contains("DKV_WHATEVER"), "{error}");
    }

    #[test]
    fn reserved_and_empty_variables_are_nobodys_settings() {
        let reserved = [
            ("DKV_LOCK_NAME", "a"),
            ("DKV_LOCK_OWNER", "b"),
            ("DKV_LOCK_FENCE", "7"),
            ("DKV_PORT", "tcp://10.0.0.1:8080"),
            ("DKV_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("DKV_SERVICE_HOST", "10.0.0.1"),
            ("DKV_INSTALL_URL", "https://dkv.example"),
            ("DKV_SHELL_HISTORY", "/x"),
            ("DKV_TIMEOUT", ""),
        ];
        assert!(read(&reserved).unwrap().values.is_empty());
    }
}
