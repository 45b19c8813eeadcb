//! `dkv kv set`, and the old `setE` and `setEIfUnset`.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;

use crate::base::types::Revision;
use crate::base::{Error, Result, duration, limits};
use crate::cli::client_args::{ClientArgs, bytes, fence};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::files;
use crate::cli::kv::read::record_row;
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row};
use crate::client::{Condition, Fence, SetOptions, SetOutcome};

/// Set a key, with timers and conditions if asked for.
///
/// Prints revision=N. If a condition does not hold, prints written=false and exits with 4.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The key
    key: OsString,
    /// The value, '' for an empty one; - or nothing reads stdin, @FILE reads a file
    value: Option<OsString>,
    /// Take VALUE as it is, even if it is - or begins with @
    #[arg(long)]
    literal: bool,
    /// Delete the key after this long; the same timer as --delete-in
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(conflicts_with_all = ["delete_in", "keep_timers"])]
    ttl: Option<Duration>,
    /// Drop the value after this long; the key remains
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(conflicts_with = "keep_timers")]
    expire_in: Option<Duration>,
    /// Delete the key after this long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(conflicts_with = "keep_timers")]
    delete_in: Option<Duration>,
    /// Keep the timers the key has
    #[arg(long)]
    keep_timers: bool,
    /// Write only if the key is not there
    #[arg(long, group = "condition")]
    if_absent: bool,
    /// Write only if the key is there
    #[arg(long, group = "condition")]
    if_present: bool,
    /// Write only if the key was last changed at this revision
    #[arg(long, value_name = "N", group = "condition")]
    if_revision: Option<u64>,
    /// Write only if the key has this value
    #[arg(long, value_name = "VALUE", group = "condition")]
    if_value: Option<OsString>,
    /// Print the record that was replaced, too
    #[arg(long)]
    return_previous: bool,
    /// Write only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

/// Set a key with both timers: seconds, or durations like 5m; 0 is none.
#[derive(Debug, Args)]
pub(crate) struct SetEArgs {
    /// The key
    key: OsString,
    /// The value
    value: OsString,
    /// Drop the value after this long
    #[arg(value_parser = duration::parse)]
    expire_in: Duration,
    /// Delete the key after this long
    #[arg(value_parser = duration::parse)]
    delete_in: Duration,
}

impl SetArgs {
    /// Sets the key.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let options = self.options()?;
        let value = value(self.value.as_deref(), self.literal, client)?;
        let client = client.connect(1).await?;
        let outcome = client.set_with(bytes(&self.key), value, options).await?;
        report(outcome, printer)
    }

    /// What clap cannot check, since the words may come from the environment.
    fn options(&self) -> Result<SetOptions> {
        if self.ttl.is_some() && self.delete_in.is_some() {
            return Err(Error::invalid(
                "--ttl and --delete-in are the same timer: give one of them",
            ));
        }
        let delete_in = self.ttl.or(self.delete_in);
        if self.keep_timers && (delete_in.is_some() || self.expire_in.is_some()) {
            return Err(Error::invalid(
                "--keep-timers keeps both timers: leave out --ttl, --expire-in and --delete-in",
            ));
        }
        Ok(SetOptions {
            expire_in: timer("--expire-in", self.expire_in)?,
            delete_in: timer("--ttl", delete_in)?,
            keep_timers: self.keep_timers,
            condition: self.condition()?,
            return_previous: self.return_previous,
            fence: self.fence.clone(),
        })
    }

    fn condition(&self) -> Result<Option<Condition>> {
        let conditions = [
            self.if_absent.then_some(Condition::Absent),
            self.if_present.then_some(Condition::Present),
            self.if_revision
                .map(|revision| Condition::Revision(Revision(revision))),
            self.if_value
                .as_deref()
                .map(|value| Condition::Value(bytes(value))),
        ];
        let mut given = conditions.into_iter().flatten();
        match (given.next(), given.next()) {
            (_, Some(_)) => Err(Error::invalid(
                "a write takes one condition: give one of --if-absent, --if-present, \
                 --if-revision and --if-value",
            )),
            (condition, None) => Ok(condition),
        }
    }
}

impl SetEArgs {
    /// Sets the key; `if_unset`: only if it is not there.
    pub(crate) async fn run(
        self,
        client: &ClientArgs,
        if_unset: bool,
        printer: &mut Printer,
    ) -> Outcome {
        let options = SetOptions {
            expire_in: Some(self.expire_in).filter(|timer| !timer.is_zero()),
            delete_in: Some(self.delete_in).filter(|timer| !timer.is_zero()),
            condition: if_unset.then_some(Condition::Absent),
            ..SetOptions::default()
        };
        let client = client.connect(1).await?;
        let outcome = client
            .set_with(bytes(&self.key), bytes(&self.value), options)
            .await?;
        report(outcome, printer)
    }
}

fn timer(flag: &str, timer: Option<Duration>) -> Result<Option<Duration>> {
    match timer {
        Some(timer) if timer.is_zero() => Err(Error::invalid(format!(
            "{flag} 0: the key would be gone at once; write 1ms or more, or leave it out"
        ))),
        timer => Ok(timer),
    }
}

fn value(word: Option<&OsStr>, is_literal: bool, client: &ClientArgs) -> Result<Bytes> {
    match word {
        Some(word) if is_literal => Ok(bytes(word)),
        Some(word) if word.as_bytes() == b"-" => stdin_value(client),
        Some(word) => match word.as_bytes().strip_prefix(b"@") {
            Some(path) => {
                let path = Path::new(OsStr::from_bytes(path));
                Ok(files::read(path, limits::REQUEST_BYTES_MAX)?.into())
            }
            None => Ok(bytes(word)),
        },
        None if client.input()?.is_none() && io::stdin().is_terminal() => Err(Error::invalid(
            "no value: write one after the key, @FILE to read a file, or - to type it",
        )),
        // A job without input, or a pipe whose other end failed, must not empty a key.
        None => match stdin_value(client)? {
            value if value.is_empty() => Err(Error::invalid(
                "no value, and standard input is empty: write the value after the key, '' for an \
                 empty one; - stores what comes from standard input, even nothing",
            )),
            value => Ok(value),
        },
    }
}

fn stdin_value(client: &ClientArgs) -> Result<Bytes> {
    if let Some(input) = client.input()? {
        return Ok(Bytes::copy_from_slice(input));
    }
    Ok(files::read_all(io::stdin().lock(), "stdin", limits::REQUEST_BYTES_MAX)?.into())
}

fn report(outcome: SetOutcome, printer: &mut Printer) -> Outcome {
    let previous = match outcome.previous {
        Some(record) => Field::Row(Box::new(record_row(record))),
        None => Field::Absent,
    };
    if outcome.previous_unavailable {
        printer.note("note: the write was repeated; the record before it was not kept");
    }
    let (row, status) = if outcome.written {
        let row = Row::new()
            .with("revision", outcome.revision.0)
            .for_programs("written", true);
        (row, ExitStatus::Done)
    } else {
        let row = Row::new()
            .with("written", false)
            .for_programs("revision", outcome.revision.0);
        (row, ExitStatus::ConditionFailed)
    };
    printer.confirm(&row.with("previous", previous))?;
    Ok(status)
}
