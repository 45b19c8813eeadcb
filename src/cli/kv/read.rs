//! `dkv kv get` and `dkv kv has`.

use std::ffi::OsString;

use clap::Args;

use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::fresh;
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row};
use crate::client::Record;

/// Print the value of a key.
///
/// Its bytes are printed as they are, on a terminal with a newline. If there is no such key, or it is expired, exits with 3.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The key
    key: OsString,
}

/// Tell whether a key is there.
///
/// Prints found=true, be it live or expired, or found=false and exits with 3.
#[derive(Debug, Args)]
pub(crate) struct HasArgs {
    /// The key
    key: OsString,
}

impl GetArgs {
    /// Prints the value.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let read = client.get_dated(bytes(&self.key)).await?;
        fresh::remark(printer, read.freshness);
        match read.value {
            Some(record) => {
                let value = record.value.clone();
                let row = fresh::dated(record_row(record), read.freshness);
                printer.value(&value, &row)?;
                Ok(ExitStatus::Done)
            }
            None => {
                printer.note("not found");
                Ok(ExitStatus::NotFound)
            }
        }
    }
}

impl HasArgs {
    /// Prints whether the key is there.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let read = client.has_dated(bytes(&self.key)).await?;
        fresh::remark(printer, read.freshness);
        let found = read.value;
        let row = Row::new().with("found", found);
        printer.confirm(&fresh::dated(row, read.freshness))?;
        Ok(if found {
            ExitStatus::Done
        } else {
            ExitStatus::NotFound
        })
    }
}

/// A record with all its metadata.
pub(crate) fn record_row(record: Record) -> Row {
    let value = if record.expired {
        Field::Absent
    } else {
        record.value.into()
    };
    Row::new()
        .with("key", record.key)
        .with("value", value)
        .with("expired", record.expired)
        .with("revision", record.revision.0)
        .with("create_revision", record.create_revision.0)
        .with("version", record.version)
        .with("expire_in", record.expire_in)
        .with("delete_in", record.delete_in)
}
