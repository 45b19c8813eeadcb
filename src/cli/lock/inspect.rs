//! `dkv lock info`, `dkv lock list` and `dkv lock revoke`.

use std::ffi::OsString;

use clap::Args;

use crate::cli::ask::confirmed;
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::fresh;
use crate::cli::output::Printer;
use crate::cli::row::{Row, escaped};
use crate::client::LockInfo;

/// Tell who holds a lock.
///
/// Prints held=true with its owner, fence, age, what is left of its lease and how many wait.
/// If nobody holds it, prints held=false and exits with 3.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// The lock
    name: OsString,
}

/// List the locks that are held.
///
/// They come in the order of their names.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only locks whose names begin with this
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: OsString,
    /// List at most this many locks; 0 is no limit
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    limit: u64,
}

/// Take a lock away from whoever holds it.
///
/// Writes with its fence are refused from then on. Prints revoked=true. If nobody held it, prints revoked=false and exits with 3.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The lock
    name: OsString,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl InfoArgs {
    /// Prints who holds the lock.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let read = client.lock_info_dated(bytes(&self.name)).await?;
        fresh::remark(printer, read.freshness);
        let info = read.value;
        let held = Row::new().with("held", info.is_some());
        let status = if info.is_some() {
            ExitStatus::Done
        } else {
            ExitStatus::NotFound
        };
        let row = match info {
            Some(info) => described(held, &info),
            None => held,
        };
        printer.row(&fresh::dated(row, read.freshness))?;
        Ok(status)
    }
}

impl ListArgs {
    /// Prints the locks.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let mut locks = client.lock_list(bytes(&self.prefix));
        let mut list = printer.list();
        let mut left = if self.limit == 0 {
            u64::MAX
        } else {
            self.limit
        };
        while left > 0
            && let Some(page) = locks.next_page().await?
        {
            for info in page {
                if left == 0 {
                    break;
                }
                left -= 1;
                let row = Row::new().with("name", info.name.clone());
                let row = described(row, &info);
                let text = row.to_line();
                list.push(fresh::dated(row, locks.freshness()), &text)?;
            }
        }
        list.finish()?;
        fresh::remark(printer, locks.freshness());
        Ok(ExitStatus::Done)
    }
}

impl RevokeArgs {
    /// Takes the lock away.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let name = bytes(&self.name);
        let question = format!("This takes the lock `{}` from its holder.", escaped(&name));
        confirmed(&question, self.yes, client.is_in_shell())?;
        let client = client.connect(1).await?;
        let revoked = client.revoke(name).await?;
        printer.confirm(&Row::new().with("revoked", revoked))?;
        Ok(if revoked {
            ExitStatus::Done
        } else {
            ExitStatus::NotFound
        })
    }
}

fn described(row: Row, info: &LockInfo) -> Row {
    row.with("ownerId", info.owner.to_string())
        .with("fence", info.fence.0)
        .with("age", info.age)
        .with("remaining", info.remaining)
        .with("waiters", info.waiters)
}
