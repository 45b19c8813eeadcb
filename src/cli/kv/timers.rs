//! `dkv kv expire`, `dkv kv touch` and `dkv kv persist`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::base::{Error, Result, duration};
use crate::cli::client_args::{ClientArgs, bytes, fence};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::client::{Changed, Fence};

/// Expire a key now: its value is gone, the key remains.
///
/// Prints expired=true, or expired=false if there was no live value.
#[derive(Debug, Args)]
pub(crate) struct ExpireArgs {
    /// The key
    key: OsString,
    /// Expire only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

/// Change the timers of a key.
///
/// Both are replaced, and a timer not given is cleared. Prints touched=true, or touched=false and exits with 3 if there is no live key.
#[derive(Debug, Args)]
pub(crate) struct TouchArgs {
    /// The key
    key: OsString,
    /// Delete the key after this long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(conflicts_with = "delete_in")]
    ttl: Option<Duration>,
    /// Drop the value after this long; the key remains
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    expire_in: Option<Duration>,
    /// Delete the key after this long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    delete_in: Option<Duration>,
    /// Change the timers only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

/// Clear the timers of a key.
///
/// Prints persisted=true, or persisted=false and exits with 3 if there is no live key.
#[derive(Debug, Args)]
pub(crate) struct PersistArgs {
    /// The key
    key: OsString,
    /// Clear the timers only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

impl ExpireArgs {
    /// Expires the key; a key that is not there stays so, which is no error.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let changed = client.expire(bytes(&self.key), self.fence).await?;
        printer.confirm(&row("expired", changed))?;
        Ok(ExitStatus::Done)
    }
}

impl TouchArgs {
    /// Replaces the timers.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let (expire_in, delete_in) = self.timers()?;
        let client = client.connect(1).await?;
        let changed = client
            .touch(bytes(&self.key), expire_in, delete_in, self.fence)
            .await?;
        printer.confirm(&row("touched", changed))?;
        Ok(status(changed))
    }

    fn timers(&self) -> Result<(Option<Duration>, Option<Duration>)> {
        let delete_in = match (self.ttl, self.delete_in) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "--ttl and --delete-in are the same timer: give one of them",
                ));
            }
            (ttl, delete_in) => ttl.or(delete_in),
        };
        if self.expire_in.is_none() && delete_in.is_none() {
            return Err(Error::invalid(
                "no timer was given: write --ttl, --expire-in or --delete-in, or use \
                 `dkv kv persist` to clear both",
            ));
        }
        let set = |timer: Option<Duration>| timer.filter(|timer| !timer.is_zero());
        Ok((set(self.expire_in), set(delete_in)))
    }
}

impl PersistArgs {
    /// Clears the timers.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let changed = client.persist(bytes(&self.key), self.fence).await?;
        printer.confirm(&row("persisted", changed))?;
        Ok(status(changed))
    }
}

fn row(name: &'static str, changed: Changed) -> Row {
    Row::new()
        .with(name, changed.changed)
        .for_programs("revision", changed.revision.0)
}

fn status(changed: Changed) -> ExitStatus {
    if changed.changed {
        ExitStatus::Done
    } else {
        ExitStatus::NotFound
    }
}
