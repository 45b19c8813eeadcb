//! `dkv lock acquire`, `dkv lock renew` and `dkv lock release`.

use std::ffi::OsString;

use clap::Args;

use crate::base::types::OwnerId;
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::lock::lease::{LeaseArgs, WaitArgs};
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::config::text;

/// Take a lock, or wait for it.
///
/// Prints acquired=true, ownerId=HEX, fence=N: the owner renews and releases with its id, and
/// passes the fence with the writes that the lock protects. If the lock is not to be had,
/// prints acquired=false and exits with 3.
#[derive(Debug, Args)]
pub(crate) struct AcquireArgs {
    /// The lock
    name: OsString,
    #[command(flatten)]
    lease: LeaseArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// Repeat the acquisition of this owner, whose answer was lost
    #[arg(long, value_name = "HEX", value_parser = text::owner_id)]
    owner: Option<OwnerId>,
}

/// Extend the lease of a lock.
///
/// Prints renewed=true, fence=N. If this owner does not hold the lock any more, prints
/// renewed=false and exits with 4.
#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// The lock
    name: OsString,
    /// The owner id that acquire printed
    #[arg(value_parser = text::owner_id)]
    owner: OwnerId,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// Give a lock up.
///
/// Prints released=true, also if nobody held it. If somebody else holds it, prints
/// released=false and exits with 4.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The lock
    name: OsString,
    /// The owner id that acquire printed
    #[arg(value_parser = text::owner_id)]
    owner: OwnerId,
}

impl AcquireArgs {
    /// Takes the lock.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let owner = self.owner.unwrap_or_else(|| client.mint_owner());
        let (ttl, wait) = (self.lease.ttl(), self.wait.wait);
        match client.acquire(bytes(&self.name), owner, ttl, wait).await? {
            Some(fence) => {
                let row = Row::new()
                    .with("acquired", true)
                    .with("ownerId", owner.to_string())
                    .with("fence", fence.0);
                printer.row(&row)?;
                Ok(ExitStatus::Done)
            }
            None => {
                printer.row(&Row::new().with("acquired", false))?;
                Ok(ExitStatus::NotFound)
            }
        }
    }
}

impl RenewArgs {
    /// Extends the lease.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let renewed = client
            .renew(bytes(&self.name), self.owner, self.lease.ttl())
            .await?;
        let row = Row::new()
            .with("renewed", renewed.is_some())
            .with("fence", renewed.map(|fence| fence.0));
        printer.confirm(&row)?;
        Ok(holder_status(renewed.is_some()))
    }
}

impl ReleaseArgs {
    /// Gives the lock up.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let released = client.release(bytes(&self.name), self.owner).await?;
        printer.confirm(&Row::new().with("released", released))?;
        Ok(holder_status(released))
    }
}

fn holder_status(is_holder: bool) -> ExitStatus {
    if is_holder {
        ExitStatus::Done
    } else {
        ExitStatus::ConditionFailed
    }
}
