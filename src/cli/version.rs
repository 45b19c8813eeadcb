//! `dkv version`.

use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::Row;

/// Prints `dkv 0.1.0`.
pub(crate) fn run(printer: &mut Printer) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    if printer.format() == Format::Text {
        printer.verbatim(format!("dkv {version}\n").as_bytes())?;
    } else {
        printer.row(&Row::new().with("version", version))?;
    }
    Ok(ExitStatus::Done)
}
