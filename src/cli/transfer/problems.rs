//! The lines that cannot be imported: the first ones on stderr, all of them in a report.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use indicatif::ProgressBar;

use super::feed::Place;
use crate::base::{Error, Result};
use crate::cli::files;
use crate::cli::output::Printer;

/// Problems that are told one by one.
const TOLD_MAX: u64 = 20;

/// What is wrong, line by line.
pub(crate) struct Problems {
    names: Vec<Arc<str>>,
    count: u64,
    report: Option<Report>,
}

struct Report {
    name: String,
    writer: csv::Writer<File>,
}

impl Problems {
    /// None yet, in files of these names. They are written to `report`, too.
    ///
    /// # Errors
    /// `Invalid` if the report cannot be written.
    pub(crate) fn new(names: Vec<Arc<str>>, report: Option<&Path>) -> Result<Self> {
        let report = report.map(Report::create).transpose()?;
        Ok(Self {
            names,
            count: 0,
            report,
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// `people.jsonl:17`.
    pub(super) fn shown(&self, place: Place) -> String {
        let name = self.names.get(place.file).map_or("?", |name| name);
        format!("{name}:{}", place.line)
    }

    /// Takes note of what is wrong with a line.
    ///
    /// # Errors
    /// `Invalid` if the report cannot be written.
    pub(super) fn add(
        &mut self,
        place: Place,
        what: &str,
        printer: &mut Printer,
        bar: &ProgressBar,
    ) -> Result<()> {
        self.count += 1;
        if self.count <= TOLD_MAX {
            let text = format!("{}: {what}", self.shown(place));
            bar.suspend(|| printer.complaint(&text));
        }
        if let Some(report) = &mut self.report {
            let name = self.names.get(place.file).map_or("?", |name| name);
            report.add(name, place.line, what)?;
        }
        Ok(())
    }

    /// Writes the rest of the report, and says where those are that were not told.
    ///
    /// # Errors
    /// `Invalid` if the report cannot be written.
    pub(crate) fn finish(&mut self, printer: &mut Printer) -> Result<()> {
        let untold = self.count.saturating_sub(TOLD_MAX);
        match &mut self.report {
            Some(report) => {
                report.finish()?;
                if untold > 0 {
                    printer.note(&format!("… and {untold} more: see {}", report.name));
                }
            }
            None if untold > 0 => {
                printer.note(&format!(
                    "… and {untold} more: --report FILE lists them all"
                ));
            }
            None => {}
        }
        Ok(())
    }
}

impl Report {
    fn create(path: &Path) -> Result<Self> {
        let mut report = Self {
            name: path.display().to_string(),
            writer: csv::Writer::from_writer(files::create(path)?),
        };
        report.row(["file", "line", "error"])?;
        Ok(report)
    }

    fn add(&mut self, file: &str, line: u64, what: &str) -> Result<()> {
        self.row([file, &line.to_string(), what])
    }

    fn row(&mut self, cells: [&str; 3]) -> Result<()> {
        self.writer
            .write_record(cells)
            .map_err(|error| unwritten(&self.name, error))
    }

    fn finish(&mut self) -> Result<()> {
        self.writer
            .flush()
            .map_err(|error| unwritten(&self.name, error))
    }
}

fn unwritten(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid(format!("cannot write the report {name}: {error}")).with_source(error)
}
