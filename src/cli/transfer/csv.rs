//! Comma separated values (RFC 4180) with a header row, read strictly.
//!
//! The `csv` crate reads on past a quote that is never closed, and takes the rest of the
//! file for one value: thousands of records would be gone without a word. Here such a quote
//! is an error that names its line.

use std::io;

use super::fields::{Field, Fields, shown, utf8};
use super::item::{Item, Rules};
use super::lines::{Lines, Next, without_end};

/// The columns of a file, from its first line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    columns: Vec<Field>,
}

/// One row, as its cells.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Where it begins, from 1.
    pub(super) line: u64,
    cells: Vec<Vec<u8>>,
}

/// Where in a cell the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Start,
    Plain,
    Quoted,
    /// Behind a quote that closes the cell, or is the first half of one that stands in it.
    Closed,
}

/// The next row; `None` at the end of the file. Inside is what is wrong with the row: its
/// line, and why.
pub(super) fn next_row(lines: &mut Lines) -> io::Result<Option<Result<Row, (u64, String)>>> {
    let mut row = Row::default();
    let mut within = Within::Start;
    let mut bytes = 0;
    loop {
        let bytes_max = lines.line_bytes_max();
        let line = match lines.next()? {
            Next::End if row.line == 0 => return Ok(None),
            Next::End => return Ok(Some(Err((row.line, never_closed(lines.number()))))),
            Next::TooLong => {
                let line = if row.line == 0 {
                    lines.number()
                } else {
                    row.line
                };
                return Ok(Some(Err((line, too_long(bytes_max)))));
            }
            Next::Line(line) => line,
        };
        let content = without_end(line);
        if row.line == 0 && content.is_empty() {
            continue;
        }
        bytes += line.len();
        let read = row.read(&mut within, content);
        let end = &line[content.len()..];
        if within == Within::Quoted {
            row.cells
                .last_mut()
                .expect("a quoted cell was begun")
                .extend_from_slice(end);
        }
        if row.line == 0 {
            row.line = lines.number();
        }
        if let Err(wrong) = read {
            // IMPORTANT: the row is wrong from where it begins. What was taken for a part of
            // it may have been rows of their own, and none of them is imported.
            let said = match lines.number() {
                end if end == row.line => wrong,
                end => swallowed(&wrong, row.line, end),
            };
            return Ok(Some(Err((row.line, said))));
        }
        if within != Within::Quoted {
            return Ok(Some(Ok(row)));
        }
        if bytes > bytes_max {
            return Ok(Some(Err((row.line, too_long(bytes_max)))));
        }
    }
}

fn too_long(bytes_max: usize) -> String {
    format!("the row is longer than {bytes_max} bytes: is a quote not closed?")
}

fn swallowed(wrong: &str, begin: u64, end: u64) -> String {
    format!(
        "a quote is opened here, so that lines {begin} to {end} are one row, none of which is \
         imported; in line {end} there is {wrong}"
    )
}

fn never_closed(last: u64) -> String {
    format!(
        "a quote in this row is never closed, so everything up to line {last} belongs to it: \
         close it, or write \"\" for a quote within a quoted cell"
    )
}

impl Row {
    /// Adds what a line says, without its end.
    fn read(&mut self, within: &mut Within, line: &[u8]) -> Result<(), String> {
        if *within == Within::Start {
            self.cells.push(Vec::new());
        }
        for (at, byte) in (1..).zip(line) {
            let cell = self.cells.last_mut().expect("a row has a cell");
            *within = match (*within, byte) {
                (Within::Quoted, b'"') => Within::Closed,
                (Within::Start, b'"') => Within::Quoted,
                (Within::Start | Within::Plain | Within::Closed, b',') => {
                    self.cells.push(Vec::new());
                    Within::Start
                }
                (Within::Plain, b'"') => {
                    return Err(format!(
                        "a quote inside a cell without quotes (at byte {at}): put the whole \
                         cell in quotes, and write \"\" for each quote in it"
                    ));
                }
                (Within::Closed, b'"') => {
                    cell.push(b'"');
                    Within::Quoted
                }
                (Within::Closed, _) => {
                    return Err(format!(
                        "text behind the closing quote of a cell (at byte {at}): write a \
                         comma there, or \"\" for a quote within the cell"
                    ));
                }
                (Within::Start | Within::Plain, _) => {
                    cell.push(*byte);
                    Within::Plain
                }
                (Within::Quoted, _) => {
                    cell.push(*byte);
                    Within::Quoted
                }
            };
        }
        Ok(())
    }

    /// The record that the row holds.
    pub(super) fn into_item(self, header: &Header, rules: &Rules) -> Result<Item, String> {
        let (cells, columns) = (self.cells.len(), header.columns.len());
        if cells != columns {
            let advice = if cells > columns {
                "put a cell that holds a comma in quotes"
            } else {
                "leave an empty cell its comma"
            };
            return Err(format!(
                "{cells} cells, and the header names {columns}: {advice}"
            ));
        }
        let mut fields = Fields::default();
        for (field, cell) in header.columns.iter().zip(&self.cells) {
            let text = utf8(cell, &format!("`{}`", field.name()), "in a column `…_b64`")?;
            // What is empty was left out; a key or value that was left out is seen to below.
            if text.is_empty() {
                continue;
            }
            match field {
                Field::Key => fields.key = Some(text.into()),
                Field::KeyB64 => fields.key_b64 = Some(text.into()),
                Field::Value => fields.value = Some(text.into()),
                Field::ValueB64 => fields.value_b64 = Some(text.into()),
                Field::Expired => fields.expired = Some(flag(text)?),
                Field::ExpireInMs => fields.expire_in_ms = Some(ms(*field, text)?),
                Field::DeleteInMs => fields.delete_in_ms = Some(ms(*field, text)?),
            }
        }
        if fields.key.is_none() && fields.key_b64.is_none() {
            fields.key = Some("".into());
        }
        let has_value = fields.value.is_some() || fields.value_b64.is_some();
        if !has_value && fields.expired != Some(true) {
            fields.value = Some("".into());
        }
        fields.into_item(rules)
    }
}

fn flag(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("`expired` is `{}`: write true or false", shown(text)))
}

fn ms(field: Field, text: &str) -> Result<u64, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        format!(
            "`{}` is `{}`: write a whole number of milliseconds, 1 or more",
            field.name(),
            shown(text)
        )
    })
}

impl Header {
    /// Reads the first row of a file.
    pub(super) fn of(row: &Row) -> Result<Self, String> {
        let mut columns = Vec::new();
        for cell in &row.cells {
            let name = String::from_utf8_lossy(cell);
            let field = Field::named(&name, "column").map_err(|unknown| {
                let separator = [';', '\t'].into_iter().find(|c| name.contains(*c));
                match separator {
                    Some(separator) if row.cells.len() == 1 => format!(
                        "the columns are separated by `{}`: separate them by commas",
                        separator.escape_default()
                    ),
                    _ => format!("{unknown} (the first line names the columns: key,value)"),
                }
            })?;
            if columns.contains(&field) {
                let name = field.name();
                return Err(format!(
                    "the column `{name}` is there twice: keep one of them"
                ));
            }
            columns.push(field);
        }
        let header = Self { columns };
        if !header.has(&[Field::Key, Field::KeyB64]) {
            return Err("no column `key`: the first line names the columns: key,value".to_owned());
        }
        if !header.has(&[Field::Value, Field::ValueB64, Field::Expired]) {
            return Err(
                "no column `value`: the first line names the columns: key,value".to_owned(),
            );
        }
        Ok(header)
    }

    fn has(&self, any_of: &[Field]) -> bool {
        self.columns.iter().any(|column| any_of.contains(column))
    }
}

#[cfg(test)]
mod tests;
