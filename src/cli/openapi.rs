//! `dkv openapi`: the description of the REST interface, for generators of clients.

use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::server;

/// Prints the document.
pub(crate) fn run(printer: &mut Printer) -> Outcome {
    printer.verbatim(server::openapi().as_bytes())?;
    Ok(ExitStatus::Done)
}
