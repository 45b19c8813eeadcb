//! Which commands have lines of their own behind them.

use super::words::Word;

/// Flags that take no value. Any other takes the next word, if it has none of its own: with
/// one that nobody knows the lines are no commands either, and it is refused with them.
const SWITCHES: &[&str] = &["--quiet", "--no-progress", "--tls"];

/// Short flags that take a value.
const SHORT_WITH_VALUE: &[u8] = b"o";

/// Whether these words are `TXN` or `BATCH` without a file: then their lines follow.
pub(super) fn body_follows(words: &[Word]) -> bool {
    body_of(words).is_some()
}

/// What the lines that follow these words belong to: `TXN` or `BATCH`; `None`: there are none.
///
/// Lines that are wrongly taken for a body are refused with it; lines that are wrongly taken
/// for commands run.
pub(super) fn body_of(words: &[Word]) -> Option<&'static str> {
    let words = match words {
        [first, rest @ ..] if first.is("dkv") => rest,
        words => words,
    };
    let (first, mut rest) = words.split_first()?;
    let mut name = taker_of_lines(first);
    let is_verb = name.is_some();
    if !is_verb && first.bytes.eq_ignore_ascii_case(b"kv") {
        while let Some(after) = behind_flag(rest) {
            rest = after;
        }
        let (second, behind) = rest.split_first()?;
        name = taker_of_lines(second);
        rest = behind;
    }
    let name = name?;
    while let Some((word, behind)) = rest.split_first() {
        let is_flag = !is_verb || !word.is_quoted;
        rest = if word.bytes == b"-" {
            behind
        } else if is_verb && word.is("fence") {
            behind.get(1..).unwrap_or_default()
        } else if is_flag && [&b"--help"[..], b"-h"].contains(&&*word.bytes) {
            return None;
        } else if is_flag && word.bytes == b"--" {
            let has_file = behind.iter().any(|word| word.bytes != b"-");
            return (!has_file).then_some(name);
        } else {
            is_flag.then(|| behind_flag(rest)).flatten()?
        };
    }
    Some(name)
}

fn taker_of_lines(word: &Word) -> Option<&'static str> {
    let mut names = ["TXN", "BATCH"].into_iter();
    names.find(|name| word.bytes.eq_ignore_ascii_case(name.as_bytes()))
}

/// What is behind a flag and its value; `None` if these words begin with no flag.
fn behind_flag(words: &[Word]) -> Option<&[Word]> {
    let (word, rest) = words.split_first()?;
    let behind_value = rest.get(1..).unwrap_or_default();
    let flag = word.bytes.strip_prefix(b"-").filter(|it| !it.is_empty())?;
    let is_alone = if flag.starts_with(b"-") {
        flag.contains(&b'=') || SWITCHES.iter().any(|known| known.as_bytes() == word.bytes)
    } else {
        // `-qo json`, `-ojson`: the value is what stands behind the letter.
        let at = flag
            .iter()
            .position(|letter| SHORT_WITH_VALUE.contains(letter));
        at.is_none_or(|at| at + 1 < flag.len())
    };
    Some(if is_alone { rest } else { behind_value })
}

/// Whether a line ends the lines of such a command.
pub(super) fn is_body_end(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.eq_ignore_ascii_case(b"end")
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;
    use crate::cli::root;

    fn of(text: &str) -> Option<&'static str> {
        let words: Vec<Word> = text.split(' ').map(Word::made).collect();
        body_of(&words)
    }

    /// The lines behind these ran as commands of their own.
    #[test]
    fn lines_behind_any_spelling_of_a_transaction_belong_to_it() {
        for text in [
            "dkv kv batch",
            "DKV BATCH",
            "BATCH --bucket b",
            "BATCH --no-progress -",
            "kv batch -",
            "kv batch --",
            "kv batch -- -",
            "kv --bucket b batch",
            "kv batch -q --timeout 5s",
            "BATCH FENCE a@1 -o json",
            "kv batch --fence a@1 -ojson",
            "kv batch -qo json",
        ] {
            assert_eq!(of(text), Some("BATCH"), "{text}");
        }
        assert_eq!(of("TXN -o json"), Some("TXN"));
        let mut quoted = Word::made("batch");
        quoted.is_quoted = true;
        assert!(body_follows(&[Word::made("kv"), quoted]));
    }

    #[test]
    fn a_file_has_the_lines() {
        for text in [
            "TXN file",
            "dkv kv batch file",
            "BATCH --quiet file",
            "kv batch -ojson file",
            "kv batch - file",
            "kv batch -- file",
            "kv batch fence",
            "BATCH --help",
            "kv batch -h",
            "kv get batch",
            "dkv",
            "kv",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    /// Every flag of both takes what the command line says it takes.
    #[test]
    fn flags_take_their_values_as_the_command_line_has_them() {
        let mut tree = root::command();
        tree.build();
        for name in ["batch", "txn"] {
            let group = tree.find_subcommand("kv").unwrap();
            let command = group.find_subcommand(name).unwrap();
            for flag in command.get_arguments().filter(|it| !it.is_positional()) {
                let takes = matches!(flag.get_action(), ArgAction::Set | ArgAction::Append);
                let spelt = [
                    flag.get_long().map(|long| format!("--{long}")),
                    flag.get_short().map(|short| format!("-{short}")),
                ];
                for flag in spelt.into_iter().flatten() {
                    if ["--help", "-h"].contains(&&*flag) {
                        continue;
                    }
                    let follows = of(&format!("kv {name} {flag} word")).is_some();
                    assert_eq!(follows, takes, "{flag}");
                }
            }
        }
    }
}
