//! Whom to ask: what the flags typed so far, the environment and the settings file say.

use std::ffi::OsString;

use clap::FromArgMatches;

use crate::cli::client_args::ClientArgs;
use crate::cli::layered::Words;
use crate::cli::tls_args;
use crate::client::ClientOptions;

/// Flags that say whom to ask, with their other names.
const FLAGS: [&str; 5] = [
    "--endpoints",
    "--transport-endpoints",
    "--shard",
    "--bucket",
    "--config",
];

/// The options of a client for the words typed so far; `None` if they make no sense.
pub(super) fn options(
    words: &[OsString],
    variables: Vec<(OsString, OsString)>,
) -> Option<ClientOptions> {
    let mut argv: Vec<OsString> = ["dkv", "kv", "has"].map(OsString::from).into();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if FLAGS.contains(&&*text) || tls_args::FLAGS.contains(&&*text) {
            let value = words.next()?;
            // The value itself may be what is being typed.
            if !value.is_empty() {
                argv.extend([word.clone(), value.clone()]);
            }
        } else if text == tls_args::SWITCH
            || FLAGS
                .iter()
                .chain(&tls_args::FLAGS)
                .any(|flag| is_of(flag, &text))
        {
            argv.push(word.clone());
        }
    }
    argv.extend(["--".into(), "key".into()]);
    let words = Words {
        argv,
        variables,
        settled: Vec::new(),
    };
    let effective = words.resolve().ok()?;
    let (_, kv) = effective.matches.subcommand()?;
    let client = ClientArgs::from_arg_matches(kv).ok()?;
    Some(ClientOptions {
        retries: 0,
        ..client.options(1)
    })
}

fn is_of(flag: &str, word: &str) -> bool {
    word.strip_prefix(flag)
        .is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str, variables: &[(&str, &str)]) -> Option<ClientOptions> {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let variables = variables
            .iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        options(&words, variables)
    }

    #[test]
    fn flags_beat_the_environment_and_half_a_line_is_enough() {
        let variables = [("DKV_ENDPOINTS", "127.0.0.1:9"), ("DKV_BUCKET", "b")];
        let found = of("dkv kv --shard=7 set --ttl", &variables).unwrap();
        assert_eq!(found.endpoints, ["127.0.0.1:9"]);
        assert_eq!((found.shard.0, found.bucket.as_str()), (7, "b"));
        let found = of("dkv lock release --endpoints 127.0.0.1:1", &variables).unwrap();
        assert_eq!(
            (found.endpoints, found.tls),
            (vec!["127.0.0.1:1".to_owned()], None)
        );
        let found = of("dkv kv get --certs c --server-name=n", &[]).unwrap();
        let tls = found.tls.unwrap();
        assert_eq!(tls.server_name.as_deref(), Some("n"));
        assert!(of("dkv kv get --tls", &[]).unwrap().tls.is_some());
    }

    #[test]
    fn what_makes_no_sense_is_asked_of_nobody() {
        assert_eq!(of("dkv kv get --shard x ", &[]), None);
        assert_eq!(of("dkv kv get --config /nowhere/at-all ", &[]), None);
        assert_eq!(of("dkv kv get a", &[("DKV_NOTHING", "1")]), None);
    }
}
