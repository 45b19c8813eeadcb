//! `dkv kv delete`.

use std::ffi::OsString;

use clap::Args;

use crate::base::{Error, Result};
use crate::cli::ask::confirmed;
use crate::cli::client_args::{ClientArgs, bytes, fence};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::kv::scan::RangeArgs;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::client::Fence;

/// Remove a key, or every key of a prefix or range.
///
/// Prints how many were removed; removing what is not there is no error.
///
/// A prefix or range is removed in pieces of at most 10,000 keys: each piece is atomic, the
/// whole is not.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The key
    #[arg(conflicts_with_all = ["prefix", "start", "end"])]
    key: Option<OsString>,
    #[command(flatten)]
    range: RangeArgs,
    /// Do not ask before a prefix or range is removed
    #[arg(short, long)]
    yes: bool,
    /// Remove only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

impl DeleteArgs {
    /// Removes the keys.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let what = self.what()?;
        if let What::Range(question) = &what {
            confirmed(question, self.yes, client.is_in_shell())?;
        }
        let client = client.connect(1).await?;
        let deleted = match what {
            What::Key(key) => client.delete_with(bytes(&key), self.fence).await?,
            What::Range(_) => client.delete_range(self.range.range()?, self.fence).await?,
        };
        let row = Row::new()
            .with("deleted", deleted.deleted)
            .for_programs("revision", deleted.revision.0);
        printer.confirm(&row)?;
        Ok(ExitStatus::Done)
    }

    fn what(&self) -> Result<What> {
        match (&self.key, self.range.described()) {
            (Some(key), None) => Ok(What::Key(key.clone())),
            (None, Some(range)) => Ok(What::Range(format!("This deletes {range}."))),
            (Some(_), Some(_)) => Err(Error::invalid(
                "a key and a range were given: give the key, or --prefix, or --start and --end",
            )),
            (None, None) => Err(Error::invalid(
                "nothing to delete was named: give a key, or --prefix, or --start and --end",
            )),
        }
    }
}

enum What {
    Key(OsString),
    /// With the question to ask before.
    Range(String),
}
