//! The line editor's questions: what may follow, is this all, how does it look.

use std::borrow::Cow;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Result};

use super::completion::Completion;
use super::cursor::split;
use super::lexer::{Unread, Waiting, statements};
use super::verbs;

/// Hints longer than this would hide what is typed.
const HINT_CHARS_MAX: usize = 60;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const END: &str = "\x1b[0m";

/// Answers them.
#[derive(Helper)]
pub(super) struct Editing {
    pub(super) completion: Completion,
    pub(super) is_coloured: bool,
}

/// What a command takes, behind what is typed of it; nothing to be inserted.
pub(super) struct Syntax(String);

impl Hint for Syntax {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Completer for Editing {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let (start, found) = self.completion.at(&line[..at]);
        let pairs = found.into_iter().map(|candidate| Pair {
            display: candidate.shown,
            replacement: candidate.typed,
        });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Editing {
    type Hint = Syntax;

    /// Without colours nobody could tell a hint from what was typed.
    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<Syntax> {
        (self.is_coloured && at == line.len())
            .then(|| hint(line))
            .flatten()
            .map(Syntax)
    }
}

impl Validator for Editing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let text = format!("{}\n", context.input());
        Ok(match statements(text.as_bytes()) {
            Err(Unread::Unfinished(..)) => ValidationResult::Incomplete,
            Ok(_) | Err(Unread::Wrong(_)) => ValidationResult::Valid(None),
        })
    }
}

impl Highlighter for Editing {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match verb_end(line).filter(|_| self.is_coloured) {
            Some(end) => Cow::Owned(format!("{BOLD}{}{END}{}", &line[..end], &line[end..])),
            None => Cow::Borrowed(line),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("{DIM}{hint}{END}"))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.is_coloured {
            true => Cow::Owned(format!("{DIM}{prompt}{END}")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_char(&self, line: &str, at: usize, kind: CmdKind) -> bool {
        // The first word becomes bold, or no longer is.
        self.is_coloured && (kind == CmdKind::ForcedRefresh || !line[..at].contains(' '))
    }
}

/// Where the command that a line begins with ends, if it is one.
fn verb_end(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start().len();
    let end = line[start..]
        .find([' ', ';', '\n'])
        .map_or(line.len(), |end| start + end);
    let name = &line[start..end];
    let is_group = ["kv", "lock", "bucket", "cluster"].contains(&name);
    (is_group || verbs::named(name).is_some()).then_some(end)
}

/// How what was begun in lines above is ended, or the rest of what the verb takes.
fn hint(line: &str) -> Option<String> {
    if line.ends_with('\n') {
        return how_to_end(line);
    }
    let (words, current) = split(line.as_bytes())?;
    if words.is_empty() || !current.bytes.is_empty() {
        return None;
    }
    let first = words[0].plain()?;
    let two = words.get(1).and_then(|word| word.plain());
    let two = two.and_then(|second| verbs::named(&format!("{first} {second}")));
    let (verb, rest) = match two {
        Some(verb) => (verb, &words[2..]),
        None => (verbs::named(first)?, &words[1..]),
    };
    // The usage begins with the name, and then has a word for each place.
    let taken = verb.name.split(' ').count() + rest.len();
    if rest.len() > verb.places.len() {
        return None;
    }
    let hint: Vec<&str> = verb.usage.split(' ').skip(taken).collect();
    let mut hint = hint.join(" ");
    if hint.len() > HINT_CHARS_MAX {
        let end = hint[..HINT_CHARS_MAX].rfind(" [").unwrap_or(HINT_CHARS_MAX);
        hint.truncate(end);
        hint.push_str(" ...");
    }
    (!hint.is_empty()).then_some(hint)
}

/// An open quote is easily overlooked, and Enter does not run the line any more.
fn how_to_end(text: &str) -> Option<String> {
    let Err(Unread::Unfinished(waiting, _)) = statements(text.as_bytes()) else {
        return None;
    };
    let end = match waiting {
        Waiting::Quote(quote) => format!("{} ends the quote", char::from(quote)),
        Waiting::Tag(tag) => format!("{} ends it", String::from_utf8_lossy(&tag)),
        Waiting::Body => "END ends it".to_owned(),
        Waiting::Line => return None,
    };
    Some(format!("{end}, Ctrl-C gives up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person who had forgotten a quote saw an empty line, and no way out.
    #[test]
    fn what_is_begun_says_how_it_ends() {
        for (text, end) in [
            ("GET 'a b\n", "' ends the quote, Ctrl-C gives up"),
            ("SET a \"x\ny\n", "\" ends the quote, Ctrl-C gives up"),
            ("SET a <<EOF\n", "EOF ends it, Ctrl-C gives up"),
            ("TXN\nif value a = 1\n", "END ends it, Ctrl-C gives up"),
        ] {
            assert_eq!(hint(text).as_deref(), Some(end), "{text}");
        }
        for quiet in ["GET 'a b", "GET a\n", "GET \\\n", "TXN\nif"] {
            assert_eq!(hint(quiet), None, "{quiet}");
        }
    }

    #[test]
    fn the_syntax_follows_what_is_typed() {
        assert_eq!(hint("set "), hint("SET "));
        assert!(
            hint("SET ")
                .unwrap()
                .starts_with("key value [TTL 5m | 300]")
        );
        assert!(hint("SET a ").unwrap().starts_with("value [TTL"));
        assert!(hint("SET a 1 ").unwrap().starts_with("[TTL 5m"));
        assert_eq!(hint("SET a 1 TTL 5m "), None);
        assert!(
            hint("BUCKET CREATE ")
                .unwrap()
                .starts_with("name [TTL 30m]")
        );
        for quiet in ["", "SE", "SET a", "xyzzy ", "EXIT "] {
            assert_eq!(hint(quiet), None, "{quiet}");
        }
    }
}
