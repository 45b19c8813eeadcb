//! The line up to the cursor: the words before it, and the one being typed.

use super::lexer::{Unread, Waiting, statements};
use super::words::Word;

/// The word that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Current {
    /// Without quotes.
    pub(crate) bytes: Vec<u8>,
    /// Where it begins, with its quote.
    pub(crate) at: usize,
    /// The quote that is open.
    pub(crate) quote: Option<u8>,
}

/// The words of the last statement before the cursor; `None` where no word is typed.
pub(super) fn split(text: &[u8]) -> Option<(Vec<Word>, Current)> {
    let (read, quote) = match statements(text) {
        Ok(read) => (read, None),
        Err(Unread::Unfinished(Waiting::Quote(quote), _)) => {
            let closed = [text, &[quote]].concat();
            (statements(&closed).ok()?, Some(quote))
        }
        Err(Unread::Unfinished(..) | Unread::Wrong(_)) => return None,
    };
    let empty = Current {
        bytes: Vec::new(),
        at: text.len(),
        quote: None,
    };
    let is_between = quote.is_none() && text.last().is_none_or(|last| b" \t\n;".contains(last));
    let begins = text
        .trim_ascii_end()
        .last()
        .is_none_or(|last| *last == b';');
    let is_new_line = quote.is_none() && text.last() == Some(&b'\n');
    if is_between && begins || is_new_line {
        return Some((Vec::new(), empty));
    }
    let mut words = read.into_iter().next_back()?.words;
    if is_between {
        return Some((words, empty));
    }
    let last = words.pop()?;
    let current = Current {
        bytes: last.bytes,
        at: last.at,
        quote: quote.filter(|quote| text.get(last.at) == Some(quote)),
    };
    Some((words, current))
}

/// The same for the line of another shell, whose words are only bytes here.
pub(crate) fn words_before_cursor(text: &[u8]) -> Option<(Vec<Vec<u8>>, Current)> {
    let (words, current) = split(text)?;
    Some((words.into_iter().map(|word| word.bytes).collect(), current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_in_a_word_or_before_one() {
        let parts = |text: &str| {
            let (words, current) = split(text.as_bytes()).unwrap();
            let word = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let words: Vec<String> = words.iter().map(|it| word(&it.bytes)).collect();
            (
                words.join("|"),
                word(&current.bytes),
                current.at,
                current.quote,
            )
        };
        let of = |words: &str, current: &str, at, quote: Option<u8>| {
            (words.to_owned(), current.to_owned(), at, quote)
        };
        assert_eq!(parts(""), of("", "", 0, None));
        assert_eq!(parts("GE"), of("", "GE", 0, None));
        assert_eq!(parts("GET "), of("GET", "", 4, None));
        assert_eq!(parts("GET user:"), of("GET", "user:", 4, None));
        assert_eq!(parts("GET \"a b"), of("GET", "a b", 4, Some(b'"')));
        assert_eq!(parts("SET a 1; GE"), of("", "GE", 9, None));
        assert_eq!(parts("SET a 1; "), of("", "", 9, None));
        assert_eq!(split(b"BATCH\nset a"), None);
    }
}
