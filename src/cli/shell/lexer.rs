//! A text as statements: words, quotes, comments, and the lines that belong to a command.
//!
//! ```text
//! SET greeting 'hello, world'; GET greeting    # two commands and a comment
//! SET bytes "\xff\x00\n"                       # escapes within double quotes
//! SET poem <<END                               # the lines up to END
//! ...
//! END
//! ```

use super::statement::{body_follows, body_of, is_body_end};
use super::words::{Statement, Word, Wrong};

/// What a text that may go on is waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The other one of this quote.
    Quote(u8),
    /// A line with this alone.
    Tag(Vec<u8>),
    /// The end of the lines of `TXN` or `BATCH`.
    Body,
    /// What follows a backslash at the end of a line.
    Line,
}

/// Why a text is not a sequence of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unread {
    /// It would be with more lines; should none follow, this is wrong with it.
    Unfinished(Waiting, Wrong),
    /// It will never be.
    Wrong(Wrong),
}

/// Reads a text.
///
/// # Errors
/// What is wrong with it, or what it lacks.
pub(super) fn statements(text: &[u8]) -> Result<Vec<Statement>, Unread> {
    let mut lexer = Lexer {
        text,
        at: 0,
        words: Vec::new(),
        tags: Vec::new(),
        statements: Vec::new(),
    };
    lexer.run()?;
    Ok(lexer.statements)
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Of the statement that is being read.
    words: Vec<Word>,
    /// Words whose text begins behind this line, with what ends it.
    tags: Vec<(usize, Vec<u8>)>,
    statements: Vec<Statement>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Unread> {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.texts_behind()?;
                    self.end_of_line()?;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => self.semicolon()?,
                b'#' => self.skip_line(),
                _ => self.word()?,
            }
        }
        if let Some((index, tag)) = self.tags.first() {
            let message = format!("the text up to `{}` is missing", tag.escape_ascii());
            let wrong = Wrong::at(self.words[*index].at, message);
            return Err(Unread::Unfinished(Waiting::Tag(tag.clone()), wrong));
        }
        self.end_of_line()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn semicolon(&mut self) -> Result<(), Unread> {
        if !self.tags.is_empty() || body_follows(&self.words) {
            let message = "a line break belongs here: the lines of the command follow";
            return Err(Unread::Wrong(Wrong::at(self.at, message)));
        }
        self.at += 1;
        self.end(None);
        Ok(())
    }

    /// A statement ends with its line, and may have a body behind it.
    fn end_of_line(&mut self) -> Result<(), Unread> {
        let body = match body_follows(&self.words) {
            true => Some(self.body()?),
            false => None,
        };
        self.end(body);
        Ok(())
    }

    fn end(&mut self, body: Option<Vec<u8>>) {
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.statements.push(Statement { words, body });
        }
    }

    /// The lines up to an empty one, or one that says `END`.
    fn body(&mut self) -> Result<Vec<u8>, Unread> {
        let start = self.at;
        while let Some(line) = self.line() {
            if is_body_end(&self.text[line.0..line.1]) {
                return Ok(self.text[start..line.0].to_vec());
            }
        }
        let name = body_of(&self.words).unwrap_or_default();
        let message =
            format!("{name} has no END: nothing was done (END, or an empty line, ends its lines)");
        let wrong = Wrong::at(self.words[0].at, message);
        Err(Unread::Unfinished(Waiting::Body, wrong))
    }

    /// The next whole line, without its break.
    fn line(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let length = self.text[start..].iter().position(|byte| *byte == b'\n')?;
        self.at = start + length + 1;
        Some((start, start + length))
    }

    /// The texts that `<<TAG` of the line before announced.
    fn texts_behind(&mut self) -> Result<(), Unread> {
        for (index, tag) in std::mem::take(&mut self.tags) {
            let start = self.at;
            let end = loop {
                let Some((from, to)) = self.line_or_rest() else {
                    let message = format!("no line with `{}` alone ends this", tag.escape_ascii());
                    let wrong = Wrong::at(self.words[index].at, message);
                    return Err(Unread::Unfinished(Waiting::Tag(tag), wrong));
                };
                if self.text[from..to].trim_ascii_end() == tag {
                    break from;
                }
            };
            // The last line break belongs to the line of the tag.
            let text = &self.text[start..end.saturating_sub(1).max(start)];
            self.words[index].bytes = text.to_vec();
        }
        Ok(())
    }

    /// The next line; the last one may lack its break.
    fn line_or_rest(&mut self) -> Option<(usize, usize)> {
        if self.at >= self.text.len() {
            return None;
        }
        self.line().or_else(|| {
            let start = self.at;
            self.at = self.text.len();
            Some((start, self.at))
        })
    }

    fn word(&mut self) -> Result<(), Unread> {
        let mut word = Word {
            bytes: Vec::new(),
            is_quoted: false,
            at: self.at,
        };
        let mut is_word = false;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' => break,
                b'\'' | b'"' => {
                    word.is_quoted = true;
                    self.quoted(byte, &mut word.bytes)?;
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'\n') => self.at += 1,
                        Some(next) => {
                            word.is_quoted = true;
                            word.bytes.push(next);
                            self.at += 1;
                        }
                        None => {
                            let message = "nothing follows this backslash";
                            let wrong = Wrong::at(self.at - 1, message);
                            return Err(Unread::Unfinished(Waiting::Line, wrong));
                        }
                    }
                }
                control if control.is_ascii_control() => {
                    let message = format!(
                        "the byte {control} is not printable: write it as \"\\x{control:02x}\""
                    );
                    return Err(Unread::Wrong(Wrong::at(self.at, message)));
                }
                other => {
                    word.bytes.push(other);
                    self.at += 1;
                }
            }
            is_word = true;
        }
        let is_continued = is_word && word.bytes.is_empty() && !word.is_quoted;
        if !is_continued {
            self.announced(&mut word)?;
            self.words.push(word);
        }
        Ok(())
    }

    /// `<<TAG` stands for the lines that follow.
    fn announced(&mut self, word: &mut Word) -> Result<(), Unread> {
        let Some(tag) = word.bytes.strip_prefix(b"<<").filter(|_| !word.is_quoted) else {
            return Ok(());
        };
        if tag.is_empty() {
            let message = "a word belongs behind <<, such as <<END: the lines up to it are meant";
            return Err(Unread::Wrong(Wrong::at(word.at, message)));
        }
        self.tags.push((self.words.len(), tag.to_vec()));
        word.is_quoted = true;
        Ok(())
    }

    /// What is between two quotes; only double ones know escapes.
    fn quoted(&mut self, quote: u8, bytes: &mut Vec<u8>) -> Result<(), Unread> {
        let opened_at = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                byte if byte == quote => return Ok(()),
                b'\\' if quote == b'"' => match self.escaped()? {
                    Some(byte) => bytes.push(byte),
                    None => break,
                },
                other => bytes.push(other),
            }
        }
        let quote_char = char::from(quote);
        let message =
            format!("this {quote_char} is never closed: another {quote_char} belongs behind it");
        let wrong = Wrong::at(opened_at, message);
        Err(Unread::Unfinished(Waiting::Quote(quote), wrong))
    }

    /// What a backslash within double quotes stands for; `None` at the end of the text.
    fn escaped(&mut self) -> Result<Option<u8>, Unread> {
        let at = self.at - 1;
        let Some(escape) = self.peek() else {
            return Ok(None);
        };
        self.at += 1;
        Ok(Some(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0' => 0,
            b'\\' | b'"' | b'\'' | b'$' | b'`' => escape,
            b'x' => {
                let digits = self.text.get(self.at..self.at + 2);
                let text = digits.and_then(|digits| std::str::from_utf8(digits).ok());
                let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let Some(byte) = text.and_then(|text| u8::from_str_radix(text, 16).ok()) else {
                    let message = "\\x takes two hexadecimal digits, such as \\xff";
                    return Err(Unread::Wrong(Wrong::at(at, message)));
                };
                self.at += 2;
                byte
            }
            _ => {
                let message = "within double quotes a backslash begins \\n, \\t, \\r, \\0, \\\\, \\\" \
                               or \\xHH; single quotes take everything as it is";
                return Err(Unread::Wrong(Wrong::at(at, message)));
            }
        }))
    }
}

#[cfg(test)]
mod tests;
