//! `dkv --explain KIND`, which is `dkv explain KIND`.

use std::ffi::OsString;

use clap::{Arg, Command};

use crate::cli::root;

/// The flag that is a subcommand, too.
const FLAG: &str = "--explain";

/// Makes it the subcommand, also behind flags that every subcommand takes.
pub(crate) fn as_subcommand(mut argv: Vec<OsString>) -> Vec<OsString> {
    // Seldom: the tree need not be built for it.
    if !argv.iter().any(|word| kind_of(word).is_some()) {
        return argv;
    }
    let tree = root::command();
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        if let Some(kind) = kind_of(word) {
            argv.splice(
                at..=at,
                [Some("explain".into()), kind].into_iter().flatten(),
            );
            return argv;
        }
        at += match word.to_str() {
            Some("--") | None => return argv,
            Some(word) if !word.starts_with('-') => return argv,
            Some(word) if takes_next(word, &tree) => 2,
            Some(_) => 1,
        };
    }
    argv
}

/// Whether it is the flag, and what it is written in one word with, if anything.
fn kind_of(word: &OsString) -> Option<Option<OsString>> {
    match word.to_str()?.strip_prefix(FLAG)? {
        "" => Some(None),
        rest => Some(Some(rest.strip_prefix('=')?.into())),
    }
}

/// Whether the value of this flag, or of the last of these short ones, is the next word.
fn takes_next(word: &str, tree: &Command) -> bool {
    let takes = |is_meant: &dyn Fn(&Arg) -> bool| {
        let mut arguments = tree.get_arguments();
        arguments.any(|it| is_meant(it) && it.get_action().takes_values())
    };
    match word.strip_prefix("--") {
        Some(name) => takes(&|it| it.get_long() == Some(name)),
        None => {
            let mut flags = word.chars().skip(1);
            let value = flags.find(|flag| takes(&|it| it.get_short() == Some(*flag)));
            value.is_some() && flags.next().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_the_subcommand() {
        let argv = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let wanted = argv(&["dkv", "explain", "Timeout"]);
        assert_eq!(
            as_subcommand(argv(&["dkv", "--explain", "Timeout"])),
            wanted
        );
        assert_eq!(as_subcommand(argv(&["dkv", "--explain=Timeout"])), wanted);
        for other in [
            &["dkv"][..],
            &["dkv", "kv", "set", "a", "--explain"],
            &["dkv", "-o", "--explain"],
            &["dkv", "-o", "json", "--", "--explain"],
            &["dkv", "--explained", "Timeout"],
        ] {
            assert_eq!(as_subcommand(argv(other)), argv(other));
        }
    }

    /// `dkv -o json --explain Timeout` was a usage error.
    #[test]
    fn the_flag_may_stand_behind_others() {
        let argv = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for before in [
            "-o json",
            "-ojson",
            "-qo json",
            "-o=json -q",
            "--output json --quiet",
            "--output=json --config=a.toml",
            "--no-progress --config a.toml",
        ] {
            let wanted = argv(&format!("dkv {before} explain Timeout"));
            for flag in ["--explain Timeout", "--explain=Timeout"] {
                let typed = argv(&format!("dkv {before} {flag}"));
                assert_eq!(as_subcommand(typed), wanted, "{before} {flag}");
            }
        }
    }
}
