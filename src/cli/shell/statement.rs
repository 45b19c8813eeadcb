//! Which commands have lines of their own behind them.

use super::words::Word;

/// Whether these words are `TXN` or `BATCH` without a file: then their lines follow.
pub(super) fn body_follows(words: &[Word]) -> bool {
    let rest = match words {
        [first, second, rest @ ..] if first.is("kv") && takes_lines(second) => rest,
        [first, rest @ ..] if takes_lines(first) => rest,
        _ => return false,
    };
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        if word.is("fence") || word.is("--fence") {
            rest.next();
            continue;
        }
        let is_switch = |text: &str| text.starts_with("--") && text.contains('=');
        if !word.plain().is_some_and(is_switch) {
            return false;
        }
    }
    true
}

fn takes_lines(word: &Word) -> bool {
    word.is("txn") || word.is("batch")
}

/// Whether a line ends the lines of such a command.
pub(super) fn is_body_end(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.eq_ignore_ascii_case(b"end")
}
