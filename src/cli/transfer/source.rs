//! One file as records, whatever its format.

use std::io;

use super::csv::{self, Header};
use super::inputs::Format;
use super::item::{Item, Rules};
use super::jsonl;
use super::lines::{Input, Lines, Next, without_end};
use crate::base::limits;

/// What the reading of a record gave.
#[derive(Debug)]
pub(super) struct Read {
    /// Where the record begins, from 1.
    pub(super) line: u64,
    /// The record, or what is wrong with it.
    pub(super) item: Result<Item, String>,
}

/// Why a file cannot be read further.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The system said so.
    Io(io::Error),
    /// It is not what it should be, from its first line on.
    Content { line: u64, why: String },
}

/// A file that is being read.
pub(super) struct Source {
    lines: Lines,
    rules: Rules,
    reader: Reader,
}

enum Reader {
    Jsonl,
    /// Without a header before the first row.
    Csv(Option<Header>),
}

impl Source {
    /// Reads `input` as `format` says.
    pub(super) fn new(input: Input, format: Format, rules: Rules) -> Self {
        let reader = match format {
            Format::Jsonl => Reader::Jsonl,
            Format::Csv => Reader::Csv(None),
        };
        Self {
            lines: Lines::new(input, limits::IMPORT_LINE_BYTES_MAX),
            rules,
            reader,
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// True if the next record may have to be waited for.
    pub(super) fn may_block(&self) -> bool {
        self.lines.may_block()
    }

    /// The next record; `None` at the end. Empty lines are none.
    pub(super) fn next(&mut self) -> Result<Option<Read>, Unreadable> {
        if self.lines.number() == 0 {
            self.look()?;
        }
        match &self.reader {
            Reader::Jsonl => self.next_jsonl(),
            Reader::Csv(_) => self.next_csv(),
        }
    }

    /// Recognizes what is no file of this kind by its first bytes.
    fn look(&mut self) -> Result<(), Unreadable> {
        let head = self.lines.peek().map_err(Unreadable::Io)?;
        let why = match head {
            [0x1f, 0x8b, ..] => {
                "this is compressed: pipe it in, as in `gunzip -c FILE | dkv kv \
                                 import -`"
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                "this is compressed: pipe it in, as in `zstd -dc FILE \
                                             | dkv kv import -`"
            }
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this is UTF-16: save it as UTF-8",
            [b'[', ..] if matches!(self.reader, Reader::Jsonl) => {
                "this is a JSON array, and one object a line is read: `jq -c '.[]' FILE` makes \
                 lines of it"
            }
            _ => return Ok(()),
        };
        Err(Unreadable::Content {
            line: 1,
            why: why.to_owned(),
        })
    }

    fn next_jsonl(&mut self) -> Result<Option<Read>, Unreadable> {
        loop {
            let is_first = self.lines.number() == 0;
            let item = match self.lines.next().map_err(Unreadable::Io)? {
                Next::End => return Ok(None),
                Next::TooLong => Err(format!(
                    "the line is longer than {} bytes: is this one record a line?",
                    limits::IMPORT_LINE_BYTES_MAX
                )),
                Next::Line(line) => {
                    let line = without_end(line);
                    if line.iter().all(u8::is_ascii_whitespace) {
                        continue;
                    }
                    jsonl::decode(line, &self.rules).map_err(|wrong| {
                        let begins_an_object = line.trim_ascii_start().starts_with(b"{");
                        if is_first && !begins_an_object {
                            format!("{wrong}; if the file is CSV, add --format csv")
                        } else {
                            wrong
                        }
                    })
                }
            };
            let line = self.lines.number();
            return Ok(Some(Read { line, item }));
        }
    }

    fn next_csv(&mut self) -> Result<Option<Read>, Unreadable> {
        loop {
            let row = match csv::next_row(&mut self.lines).map_err(Unreadable::Io)? {
                None => return Ok(None),
                Some(row) => row,
            };
            let Reader::Csv(header) = &mut self.reader else {
                unreachable!("only a CSV file has rows")
            };
            match (header, row) {
                (header @ None, row) => {
                    let line = row.as_ref().map_or_else(|(line, _)| *line, |row| row.line);
                    let found = row.map_err(|(_, why)| why).and_then(|row| Header::of(&row));
                    match found {
                        Ok(found) => *header = Some(found),
                        Err(why) => return Err(Unreadable::Content { line, why }),
                    }
                }
                (Some(_), Err((line, wrong))) => {
                    return Ok(Some(Read {
                        line,
                        item: Err(wrong),
                    }));
                }
                (Some(header), Ok(row)) => {
                    let line = row.line;
                    let item = row.into_item(header, &self.rules);
                    return Ok(Some(Read { line, item }));
                }
            }
        }
    }
}
