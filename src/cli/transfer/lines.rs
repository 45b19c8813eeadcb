//! The lines of a file, one at a time and never more of one than is allowed.

use std::io::{self, BufRead, BufReader, Read};

const BUFFER_BYTES: usize = 256 << 10;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file is read from.
pub(super) type Input = Box<dyn Read + Send>;

/// Lines that are read one after the other.
pub(super) struct Lines {
    input: BufReader<Input>,
    line_bytes_max: usize,
    line: Vec<u8>,
    /// Of the line read last, from 1.
    number: u64,
    bytes_read: u64,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// A line with its end, of which the last one may have none.
    Line(&'a [u8]),
    /// A line that is longer than allowed; it was skipped.
    TooLong,
    /// Nothing: the file is over.
    End,
}

impl Lines {
    pub(super) fn new(input: Input, line_bytes_max: usize) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER_BYTES, input),
            line_bytes_max,
            line: Vec::new(),
            number: 0,
            bytes_read: 0,
        }
    }

    /// The number of the line read last, from 1; 0 before the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The most bytes a line may have.
    pub(super) fn line_bytes_max(&self) -> usize {
        self.line_bytes_max
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// True if the next line may have to be waited for.
    pub(super) fn may_block(&self) -> bool {
        !self.input.buffer().contains(&b'\n')
    }

    /// The first bytes, before any line was read.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        self.line.clear();
        // A line may have an end, and the first one a mark, beside what is allowed.
        let most = self.line_bytes_max + BOM.len() + 2;
        let mut limited = (&mut self.input).take(most as u64);
        let bytes = limited.read_until(b'\n', &mut self.line)?;
        self.bytes_read += bytes as u64;
        if bytes == 0 {
            return Ok(Next::End);
        }
        self.number += 1;
        let mark = match self.number {
            1 if self.line.starts_with(BOM) => BOM.len(),
            _ => 0,
        };
        let content = without_end(&self.line[mark..]).len();
        if content > self.line_bytes_max {
            if self.line.last() != Some(&b'\n') {
                self.skip_line()?;
            }
            self.line = Vec::new();
            return Ok(Next::TooLong);
        }
        Ok(Next::Line(&self.line[mark..]))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffered = match self.input.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(buffered) => buffered,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = buffered.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffered.len(), |at| at + 1);
            self.input.consume(used);
            self.bytes_read += used as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// A line without its end, be it that of Unix or of Windows.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static [u8], line_bytes_max: usize) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut lines = Lines::new(Box::new(text), line_bytes_max);
        let mut all = Vec::new();
        loop {
            let line = match lines.next().unwrap() {
                Next::Line(line) => Some(without_end(line).to_vec()),
                Next::TooLong => None,
                Next::End => break,
            };
            all.push((lines.number(), line));
        }
        assert_eq!(lines.bytes_read(), text.len() as u64);
        all
    }

    fn some(number: u64, line: &str) -> (u64, Option<Vec<u8>>) {
        (number, Some(line.as_bytes().to_vec()))
    }

    #[test]
    fn ends_of_lines_and_the_mark_of_windows_are_no_content() {
        let text = b"\xef\xbb\xbfone\r\ntwo\n\n\xef\xbb\xbffour";
        let expected = [
            some(1, "one"),
            some(2, "two"),
            some(3, ""),
            some(4, "\u{feff}four"),
        ];
        assert_eq!(read(text, 100), expected);
        assert_eq!(read(b"", 100), []);
        assert_eq!(read(b"\n", 100), [some(1, "")]);
        assert_eq!(read(b"a\rb\r", 100), [some(1, "a\rb")]);
    }

    /// What a slow pipe gave last was kept back until its next block, as that ended in the
    /// middle of a line.
    #[test]
    fn half_a_line_has_to_be_waited_for() {
        let mut lines = Lines::new(Box::new(&b"one\ntwo\nhalf"[..]), 100);
        assert!(lines.may_block(), "nothing was read yet");
        assert_eq!(lines.next().unwrap(), Next::Line(b"one\n"));
        assert!(!lines.may_block());
        assert_eq!(lines.next().unwrap(), Next::Line(b"two\n"));
        assert!(lines.may_block());
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_very_end() {
        for (text, is_long) in [
            (&b"12345678\r\nb"[..], false),
            (b"123456789\nb", true),
            (b"1234567890\nb", true),
            (
                b"12345678901234567890123456789012345678901234567890\nb",
                true,
            ),
        ] {
            let lines = read(text, 8);
            assert_eq!(lines.len(), 2, "{text:?}");
            assert_eq!(lines[0].1.is_none(), is_long, "{text:?}");
            assert_eq!(lines[1], some(2, "b"), "{text:?}");
        }
        assert_eq!(read(b"1234567890123456", 8), [(1, None)]);
    }
}
