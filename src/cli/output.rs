//! The only file that prints. stdout is data; stderr is everything else.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};

mod screen;

pub(crate) use screen::Screen;

use crate::base::Error;
use crate::cli::failure::{Failure, hint, is_help};
use crate::cli::row::{Field, Row};

/// How answers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// A table for people
    Table,
    /// Bytes as they are
    Raw,
}

/// Writes answers to `out` and remarks to `remarks`.
pub(crate) struct Printer {
    format: Format,
    is_quiet: bool,
    has_progress: bool,
    ends_lines: bool,
    place: Option<String>,
    out: Stream,
    remarks: Stream,
}

/// Where to write, and who reads it.
pub(crate) struct Stream {
    writer: Box<dyn Write + Send>,
    is_terminal: bool,
    is_coloured: bool,
}

impl Stream {
    /// What this process was given as stdout.
    pub(crate) fn stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self::new(Box::new(io::BufWriter::new(io::stdout())), is_terminal)
    }

    /// What this process was given as stderr.
    pub(crate) fn stderr() -> Self {
        Self::new(Box::new(io::stderr()), io::stderr().is_terminal())
    }

    /// Any writer. Colour is for terminals of people who did not set `NO_COLOR`.
    pub(crate) fn new(writer: Box<dyn Write + Send>, is_terminal: bool) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_coloured = is_terminal && !no_colour;
        Self {
            writer,
            is_terminal,
            is_coloured,
        }
    }
}

impl Printer {
    /// Writes as `format` says; `is_quiet` leaves data and errors only.
    pub(crate) fn new(format: Format, is_quiet: bool, out: Stream, remarks: Stream) -> Self {
        Self {
            format,
            is_quiet,
            has_progress: true,
            ends_lines: false,
            place: None,
            out,
            remarks,
        }
    }

    /// Shows no progress bars.
    #[must_use]
    pub(crate) fn without_progress(mut self) -> Self {
        self.has_progress = false;
        self
    }

    /// Ends values with a newline wherever they go: several come one after the other.
    pub(crate) fn end_lines(&mut self) {
        self.ends_lines = true;
    }

    /// Another look, from here on.
    pub(crate) fn look(&mut self, format: Format, is_quiet: bool) {
        self.format = format;
        self.is_quiet = is_quiet;
    }

    /// Where what is said next belongs, such as `line 3`.
    pub(crate) fn speak_of(&mut self, place: Option<String>) {
        self.place = place;
    }

    /// Whether remarks may be coloured.
    pub(crate) fn is_coloured(&self) -> bool {
        self.remarks.is_coloured
    }

    /// Whether a progress bar has a place to be.
    pub(crate) fn shows_progress(&self) -> bool {
        self.has_progress && !self.is_quiet && self.remarks.is_terminal
    }

    /// Whether the data goes to a terminal, where a bar would stand in its way.
    pub(crate) fn data_is_on_terminal(&self) -> bool {
        self.out.is_terminal
    }

    /// How answers look.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// An answer that was asked for.
    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        match self.format {
            Format::Text => writeln!(self.out.writer, "{}", row.to_line())?,
            Format::Json => self.json(row, true)?,
            Format::Jsonl => self.json(row, false)?,
            Format::Table => self.table(std::slice::from_ref(row))?,
            Format::Raw => self.raw(row)?,
        }
        self.flush()
    }

    /// Tells that something was done: for people, silent when `--quiet`, since the
    /// exit code tells it too.
    pub(crate) fn confirm(&mut self, row: &Row) -> io::Result<()> {
        if self.is_quiet && matches!(self.format, Format::Text | Format::Table) {
            return Ok(());
        }
        self.row(row)
    }

    /// One value: as it is, and on a terminal, if it does not end with one, a newline.
    pub(crate) fn value(&mut self, value: &[u8], row: &Row) -> io::Result<()> {
        match self.format {
            Format::Text | Format::Raw => {
                self.out.writer.write_all(value)?;
                let ends_line = self.out.is_terminal || self.ends_lines;
                if ends_line && self.format == Format::Text && !value.ends_with(b"\n") {
                    self.out.writer.write_all(b"\n")?;
                }
                self.flush()
            }
            Format::Json | Format::Jsonl | Format::Table => self.row(row),
        }
    }

    /// An answer that consists of several: for people a line each, for programs one object
    /// with the others under `name`.
    pub(crate) fn answer_with_rows(
        &mut self,
        row: &Row,
        name: &'static str,
        rows: Vec<Row>,
    ) -> io::Result<()> {
        match self.format {
            Format::Json | Format::Jsonl => self.row(&row.clone().with(name, Field::Rows(rows))),
            Format::Text | Format::Raw | Format::Table => {
                self.confirm(row)?;
                let mut list = self.list();
                for row in rows {
                    let text = row.to_line();
                    list.push(row, &text)?;
                }
                list.finish()
            }
        }
    }

    /// Starts a list; its rows are written as they come where the format allows it.
    pub(crate) fn list(&mut self) -> List<'_> {
        List {
            printer: self,
            kept: Vec::new(),
            count: 0,
        }
    }

    /// Starts a list that people, too, read as a table.
    pub(crate) fn table_list(&mut self) -> List<'_> {
        if self.format == Format::Text {
            self.format = Format::Table;
        }
        self.list()
    }

    /// Something that happened: one of a sequence that may never end, so that it is a line
    /// in every format. Flushed by [`Printer::flush`].
    pub(crate) fn event(&mut self, row: &Row, text: &str) -> io::Result<()> {
        match self.format {
            Format::Text | Format::Table => writeln!(self.out.writer, "{text}"),
            Format::Json | Format::Jsonl => self.json(row, false),
            Format::Raw => self.raw(row),
        }
    }

    /// Text or bytes that are the whole answer, in every format.
    pub(crate) fn verbatim(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.writer.write_all(bytes)?;
        self.flush()
    }

    /// A remark on stderr, silent when `--quiet`.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.is_quiet {
            match self.place.clone() {
                Some(place) => self.remark(&format!("{place}: {text}")),
                None => self.remark(text),
            }
        }
    }

    /// A remark that belongs to no place.
    pub(crate) fn aside(&mut self, text: &str) {
        if !self.is_quiet {
            self.remark(text);
        }
    }

    /// Something that is wrong, on stderr, never silent.
    pub(crate) fn complaint(&mut self, text: &str) {
        let prefix = self.prefix();
        match self.place.clone() {
            Some(place) => self.remark(&format!("{prefix} {place}: {text}")),
            None => self.remark(&format!("{prefix} {text}")),
        }
    }

    /// An error on stderr, never silent.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        match failure {
            Failure::Error(error) => self.error(error),
            Failure::Change(error) => self.complaint(error.message()),
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Failure::Output(error) => {
                self.complaint(&format!("cannot write the output: {error}"));
            }
            Failure::Usage(error) => self.usage(error),
            Failure::Interrupted => {
                self.note("interrupted: if that was to write, it may have been applied");
            }
            Failure::Stopped => self.note("interrupted: nothing else was done"),
        }
    }

    fn error(&mut self, error: &Error) {
        self.complaint(error.message());
        if let Some(hint) = hint(error.kind()).filter(|_| !self.is_quiet) {
            self.remark(&format!("hint: {hint}"));
        }
    }

    /// Help goes to stdout as it was asked for; a usage error to stderr, as ours.
    fn usage(&mut self, error: &clap::Error) {
        let stream = if is_help(error) {
            &self.out
        } else {
            &self.remarks
        };
        let text = if stream.is_coloured {
            error.render().ansi().to_string()
        } else {
            error.render().to_string()
        };
        if is_help(error) {
            // Whoever closed the pipe has seen enough of the help.
            let _ = self.verbatim(text.as_bytes());
            return;
        }
        let text = text.trim_end();
        let message = text.split_once("error:").map_or(text, |(_, rest)| rest);
        let message = message.trim_start_matches("\u{1b}[0m").trim_start();
        self.complaint(message);
    }

    fn prefix(&self) -> &'static str {
        if self.remarks.is_coloured {
            "\u{1b}[1;31mdkv:\u{1b}[0m"
        } else {
            "dkv:"
        }
    }

    /// Nobody can be told that stderr is gone.
    fn remark(&mut self, text: &str) {
        let _ = writeln!(self.remarks.writer, "{text}");
    }

    fn json(&mut self, row: &Row, is_pretty: bool) -> io::Result<()> {
        if is_pretty {
            serde_json::to_writer_pretty(&mut self.out.writer, row)?;
        } else {
            serde_json::to_writer(&mut self.out.writer, row)?;
        }
        self.out.writer.write_all(b"\n")
    }

    fn raw(&mut self, row: &Row) -> io::Result<()> {
        let fields: Vec<Vec<u8>> = row
            .fields()
            .iter()
            .map(|(_, field)| field.to_raw())
            .collect();
        self.out.writer.write_all(&fields.join(&b'\t'))?;
        self.out.writer.write_all(b"\n")
    }

    fn table(&mut self, rows: &[Row]) -> io::Result<()> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header(first.fields().iter().map(|(name, _)| *name));
        for row in rows {
            table.add_row(row.fields().iter().map(|(_, field)| field.to_cell()));
        }
        for (index, (_, field)) in first.fields().iter().enumerate() {
            if let (Field::Number(_) | Field::Integer(_) | Field::Decimal(_), Some(column)) =
                (field, table.column_mut(index))
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(self.out.writer, "{table}")
    }

    /// Hands on what was written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.writer.flush()
    }
}

/// A list on its way out.
pub(crate) struct List<'a> {
    printer: &'a mut Printer,
    kept: Vec<Row>,
    count: usize,
}

impl List<'_> {
    /// Whether rows go out as bytes, so that only what was asked for belongs in them.
    pub(crate) fn is_raw(&self) -> bool {
        self.printer.format == Format::Raw
    }

    /// Adds a row; `text` is its line for people.
    pub(crate) fn push(&mut self, row: Row, text: &str) -> io::Result<()> {
        let first = self.count == 0;
        self.count += 1;
        let printer = &mut *self.printer;
        match printer.format {
            Format::Text => writeln!(printer.out.writer, "{text}"),
            Format::Jsonl => printer.json(&row, false),
            Format::Raw => printer.raw(&row),
            Format::Json => {
                printer
                    .out
                    .writer
                    .write_all(if first { b"[\n  " } else { b",\n  " })?;
                Ok(serde_json::to_writer(&mut printer.out.writer, &row)?)
            }
            Format::Table => {
                self.kept.push(row);
                Ok(())
            }
        }
    }

    /// Ends the list.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.printer.format {
            Format::Json if self.count == 0 => self.printer.out.writer.write_all(b"[]\n")?,
            Format::Json => self.printer.out.writer.write_all(b"\n]\n")?,
            Format::Table => self.printer.table(&self.kept)?,
            Format::Text | Format::Jsonl | Format::Raw => {}
        }
        self.printer.flush()
    }
}

#[cfg(test)]
pub(crate) mod tests;
