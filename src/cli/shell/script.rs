//! Commands from a pipe, a file or an argument: no prompt, and an exit code.

use std::io::{BufRead, Read};

use super::input::is_interrupted;
use super::lexer::{Unread, Waiting, statements};
use super::statement::is_body_end;
use super::turns::{Shell, Turn};
use crate::base::{Error, limits};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};

/// The longest text that is read as one: a value as large as a request, every byte of it
/// escaped, and a little more.
const TEXT_BYTES_MAX: usize = 4 * limits::REQUEST_BYTES_MAX + 65_536;

/// Runs what `source` says, line by line; the status is that of the first failure, or of a
/// Ctrl-C.
///
/// Lines are named if `names_lines`: there may be many.
pub(super) fn run(
    shell: &mut Shell<'_>,
    mut source: impl BufRead,
    names_lines: bool,
    fails_fast: bool,
) -> ExitStatus {
    let mut script = Script {
        failure: None,
        names_lines,
        fails_fast,
    };
    let mut text = Text::default();
    let mut line_number = 0;
    loop {
        let read = text.read_line(&mut source);
        line_number += 1;
        let is_end = match read {
            Ok(is_end) => is_end,
            Err(failure) => {
                shell.printer.speak_of(script.place(line_number));
                return script.ended(shell.told(&failure));
            }
        };
        if text.goes_on() && !is_end {
            continue;
        }
        if script.run(shell, &mut text, is_end) || is_end {
            return script.ended(ExitStatus::Done);
        }
        if text.bytes.is_empty() {
            text.begins_at = line_number + 1;
        }
    }
}

struct Script {
    /// The first one, or a Ctrl-C.
    failure: Option<ExitStatus>,
    names_lines: bool,
    fails_fast: bool,
}

impl Script {
    /// Runs the text, if it is whole; whether nothing more is to be run.
    fn run(&mut self, shell: &mut Shell<'_>, text: &mut Text, is_end: bool) -> bool {
        shell.printer.speak_of(self.place(text.begins_at.max(1)));
        let statements = match statements(&text.bytes) {
            Ok(statements) => statements,
            Err(Unread::Unfinished(waiting, _)) if !is_end => {
                text.waiting = Some(waiting);
                return false;
            }
            Err(Unread::Unfinished(_, wrong) | Unread::Wrong(wrong)) => {
                let status = shell.refuse(wrong.in_text(&text.bytes));
                text.clear();
                return self.is_over(status);
            }
        };
        let bytes = std::mem::take(&mut text.bytes);
        text.clear();
        for statement in statements {
            match shell.run(&statement, &bytes) {
                Turn::Ran(status) if self.is_over(status) => return true,
                Turn::Ran(_) => {}
                Turn::Leave | Turn::Unread => return true,
            }
        }
        false
    }

    fn place(&self, line: usize) -> Option<String> {
        self.names_lines.then(|| format!("line {line}"))
    }

    /// Notes how a statement ended; whether that is the end of all. Whoever pressed Ctrl-C is
    /// told that, and not what failed before.
    fn is_over(&mut self, status: ExitStatus) -> bool {
        match status {
            ExitStatus::Done => false,
            ExitStatus::Interrupted => {
                self.failure = Some(status);
                true
            }
            _ => {
                self.failure.get_or_insert(status);
                self.fails_fast
            }
        }
    }

    fn ended(mut self, status: ExitStatus) -> ExitStatus {
        self.is_over(status);
        self.failure.unwrap_or(ExitStatus::Done)
    }
}

/// Lines that belong together.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    begins_at: usize,
    /// Where the line that was read last begins.
    last_at: usize,
    waiting: Option<Waiting>,
}

impl Text {
    /// Adds a line; whether it was the last one.
    fn read_line(&mut self, source: &mut impl BufRead) -> Outcome<bool> {
        self.last_at = self.bytes.len();
        let room = (TEXT_BYTES_MAX - self.bytes.len()) as u64 + 1;
        let read = source.take(room).read_until(b'\n', &mut self.bytes);
        let length = read.map_err(|error| match is_interrupted(&error) {
            true => Failure::Stopped,
            false => Error::invalid(format!("the commands cannot be read: {error}"))
                .with_source(error)
                .into(),
        })?;
        if self.bytes.len() > TEXT_BYTES_MAX {
            return Err(Error::invalid(format!(
                "a command is longer than {TEXT_BYTES_MAX} bytes: a quote may not be closed"
            ))
            .into());
        }
        let is_end = length == 0 || self.bytes.last() != Some(&b'\n');
        if is_end && self.bytes.last().is_some_and(|last| *last != b'\n') {
            self.bytes.push(b'\n');
        }
        Ok(is_end)
    }

    /// Whether the last line cannot have ended what was begun: so that a long text is not
    /// read again with every line of it.
    fn goes_on(&self) -> bool {
        let line = &self.bytes[self.last_at..];
        match &self.waiting {
            None | Some(Waiting::Line) => false,
            Some(Waiting::Quote(quote)) => !closes(line, *quote),
            Some(Waiting::Tag(tag)) => line.trim_ascii_end() != tag.as_slice(),
            Some(Waiting::Body) => !is_body_end(line),
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.waiting = None;
    }
}

/// Whether a line that begins within a quote ends it. Within the double one a backslash takes
/// what follows it along.
fn closes(line: &[u8], quote: u8) -> bool {
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        if *byte == quote {
            return true;
        }
        if *byte == b'\\' && quote == b'"' {
            bytes.next();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::Sink;
    use crate::cli::output::{Format, Printer, Stream};
    use crate::cli::shell::turns::tests::shell_at;

    /// What a script says where no node answers, and its exit code.
    fn said(script: &str) -> (u8, String) {
        let (out, remarks) = (Sink::default(), Sink::default());
        let [out, told] = [&out, &remarks].map(|sink| Stream::new(Box::new(sink.clone()), false));
        let mut printer = Printer::new(Format::Text, true, out, told);
        let mut shell = shell_at("127.0.0.1:1", &mut printer);
        let status = run(&mut shell, script.as_bytes(), true, false);
        drop(shell);
        (status.code(), remarks.text())
    }

    /// The end of the input counted as `END`: half of a script that was cut short was applied.
    #[test]
    fn a_transaction_that_the_end_of_the_script_cuts_short_is_refused() {
        for (script, line, name) in [
            ("TXN\nif value a = 1\nthen set b 2\n", 1, "TXN"),
            ("\nkv batch -q\nset a 1\nset b", 2, "BATCH"),
            ("BATCH\n", 1, "BATCH"),
            ("BATCH", 1, "BATCH"),
        ] {
            let (code, told) = said(script);
            assert_eq!(
                code,
                ExitStatus::from(crate::base::ErrorKind::Invalid).code(),
                "{told}"
            );
            let expected = format!("{name} has no END: nothing was done");
            assert!(told.contains(&format!("line {line}: ")), "{told}");
            assert!(told.contains(&expected), "{told}");
        }
        let (_, told) = said("BATCH\nset a 1\nEND");
        assert!(!told.contains("no END"), "{told}");
    }

    /// A text with `\"` in every line was read again with every line of it.
    #[test]
    fn a_quote_behind_a_backslash_does_not_end_a_long_text() {
        let goes_on = |line: &str, quote: u8| {
            let text = Text {
                bytes: line.as_bytes().to_vec(),
                waiting: Some(Waiting::Quote(quote)),
                ..Text::default()
            };
            text.goes_on()
        };
        assert!(goes_on(r#"  \"name\": \"alice\","#, b'"'));
        assert!(goes_on(r#"  \\\" it's"#, b'"'));
        assert!(!goes_on(r#"  \"name\": \"alice\" }" TTL 5"#, b'"'));
        assert!(!goes_on(r#"  \\" "#, b'"'));
        assert!(goes_on(r#"  "name" "#, b'\''));
        assert!(!goes_on(r"  \' ", b'\''));
    }
}
