//! What a line is made of.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;

use crate::base::Error;

/// A word, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Any bytes.
    pub(super) bytes: Vec<u8>,
    /// Whether any of it was quoted: then it is never a keyword or a flag.
    pub(super) is_quoted: bool,
    /// Where it begins in the text, bytes.
    pub(super) at: usize,
}

/// One command as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// At least one.
    pub(super) words: Vec<Word>,
    /// The lines that follow it and belong to it, of `TXN` and `BATCH`.
    pub(super) body: Option<Vec<u8>>,
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Bytes from the beginning of the text.
    pub(super) at: usize,
    /// What is wrong and what would be right.
    pub(super) message: String,
}

impl Word {
    /// A word that nobody typed.
    pub(super) fn made(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            is_quoted: false,
            at: 0,
        }
    }

    /// The word as text, if it was written without quotes: what may be a keyword.
    pub(super) fn plain(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        (!self.is_quoted).then_some(text)
    }

    /// Whether it was written to be this keyword, in any letter case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.plain()
            .is_some_and(|text| text.eq_ignore_ascii_case(keyword))
    }

    /// Whether it was written to be a flag; `-5` is a number.
    pub(super) fn is_flag(&self) -> bool {
        let mut chars = self.plain().unwrap_or_default().chars();
        chars.next() == Some('-') && chars.next().is_some_and(|next| !next.is_ascii_digit())
    }

    /// For a command line.
    pub(super) fn to_argument(&self) -> OsString {
        OsString::from_vec(self.bytes.clone())
    }
}

impl Wrong {
    /// Something at a place of the text.
    pub(super) fn at(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }

    /// The error with the place as people count it.
    pub(super) fn in_text(&self, text: &[u8]) -> Error {
        let at = self.at.min(text.len());
        let before = &text[..at];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n');
        let column = String::from_utf8_lossy(&before[line_start.map_or(0, |at| at + 1)..])
            .chars()
            .count()
            + 1;
        let place = match line {
            1 => format!("column {column}"),
            _ => format!("column {column} of its line {line}"),
        };
        Error::invalid(format!("{place}: {}", self.message))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Bytes as a word that the lexer reads back as these bytes.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:@+=%,~^!?*".contains(byte);
    let text = std::str::from_utf8(bytes).ok();
    let first_is_safe = bytes.first().is_some_and(|first| *first != b'-');
    let is_plain = |byte: &u8| is_safe(byte) || !byte.is_ascii();
    if let Some(text) = text
        && first_is_safe
        && bytes.iter().all(is_plain)
        && !text
            .chars()
            .any(|char| char.is_control() || char.is_whitespace())
    {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => quoted.push_str("\\\""),
                '\\' => quoted.push_str("\\\\"),
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '\r' => quoted.push_str("\\r"),
                control if control.is_ascii_control() => {
                    quoted.push_str(&format!("\\x{:02x}", u32::from(control)));
                }
                other => quoted.push(other),
            }
        }
        for byte in chunk.invalid() {
            quoted.push_str(&format!("\\x{byte:02x}"));
        }
    }
    quoted.push('"');
    quoted
}
