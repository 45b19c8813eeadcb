//! `dkv kv ttl`.

use std::ffi::OsString;

use clap::Args;

use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::fresh;
use crate::cli::output::Printer;
use crate::cli::row::Row;

/// Tell what is left of the timers of a key.
///
/// Prints timers=true with expireIn, after which the value is dropped, and deleteIn, after which the key is deleted; or timers=false. If the key is not there, or is expired, exits with 3.
#[derive(Debug, Args)]
pub(crate) struct TtlArgs {
    /// The key
    key: OsString,
}

impl TtlArgs {
    /// Prints the timers.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let read = client.get_dated(bytes(&self.key)).await?;
        fresh::remark(printer, read.freshness);
        let Some(record) = read.value else {
            printer.note("not found");
            return Ok(ExitStatus::NotFound);
        };
        let row = Row::new()
            .with(
                "timers",
                record.expire_in.is_some() || record.delete_in.is_some(),
            )
            .with("expireIn", record.expire_in)
            .with("deleteIn", record.delete_in)
            .for_programs("revision", record.revision.0);
        printer.row(&fresh::dated(row, read.freshness))?;
        Ok(ExitStatus::Done)
    }
}
