//! `dkv kv get` and `dkv kv has`.

use std::ffi::OsString;

use bytes::Bytes;
use clap::Args;

use crate::base::limits;
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::fresh;
use crate::cli::kv::scan::{line, listed_row};
use crate::cli::moment;
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row, escaped};
use crate::client::{At, Client, Record};

/// Print the value of a key, or of several.
///
/// The bytes of one are printed as they are, on a terminal with a newline. Several are listed, all of one revision. If a key is not there, or is expired, exits with 3.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The key, or several
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<OsString>,
    /// What it was then: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    at: Option<At>,
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
    /// Prints the value, or the list.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        match &self.keys[..] {
            [key] => self.one(&client, bytes(key), printer).await,
            _ => self.many(&client, printer).await,
        }
    }

    async fn one(&self, client: &Client, key: Bytes, printer: &mut Printer) -> Outcome {
        let read = match self.at {
            None => client.get_dated(key).await?,
            Some(at) => client.get_at(key, at).await?,
        };
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

    async fn many(&self, client: &Client, printer: &mut Printer) -> Outcome {
        let keys: Vec<Bytes> = self.keys.iter().map(|key| bytes(key)).collect();
        let mut at = self.at;
        let mut status = ExitStatus::Done;
        let mut list = printer.list();
        let mut missing = Vec::new();
        for keys in keys.chunks(limits::GET_MANY_MAX) {
            let keys = keys.iter().cloned();
            let read = match at {
                None => client.get_many(keys.clone()).await?,
                Some(at) => client.get_many_at(keys.clone(), at).await?,
            };
            // The rest is of the same revision.
            at = Some(At::Revision(read.revision));
            for (key, record) in keys.zip(read.value) {
                match record {
                    Some(record) => {
                        let text = line(&record, false);
                        let row = listed_row(record, false, list.is_raw());
                        list.push(fresh::dated(row, read.freshness), &text)?;
                    }
                    None => missing.push(key),
                }
            }
        }
        list.finish()?;
        for key in missing {
            printer.note(&format!("not found: {}", escaped(&key)));
            status = ExitStatus::NotFound;
        }
        Ok(status)
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
