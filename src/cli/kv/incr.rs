//! `dkv kv incr`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::base::duration;
use crate::cli::client_args::{ClientArgs, bytes, fence};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row};
use crate::client::{Fence, IncrOptions};

/// Add to a number, and print the sum.
///
/// The value is decimal text; a key that is not there, or is expired, counts as 0.
#[derive(Debug, Args)]
pub(crate) struct IncrArgs {
    /// The key
    key: OsString,
    /// What to add; may be negative
    #[arg(default_value = "1", allow_negative_numbers = true)]
    by: i64,
    /// Delete the key after this long, if it begins here
    #[arg(long, visible_alias = "delete-in", value_name = "DURATION", value_parser = duration::parse)]
    ttl: Option<Duration>,
    /// Drop the value after this long, if the key begins here
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    expire_in: Option<Duration>,
    /// Add only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

impl IncrArgs {
    /// Adds.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let options = IncrOptions {
            expire_in: self.expire_in,
            delete_in: self.ttl,
            fence: self.fence,
        };
        let client = client.connect(1).await?;
        let counted = client.incr_with(bytes(&self.key), self.by, options).await?;
        let row = Row::new()
            .with("value", Field::Integer(counted.value))
            .for_programs("revision", counted.revision.0);
        printer.value(format!("{}\n", counted.value).as_bytes(), &row)?;
        Ok(ExitStatus::Done)
    }
}
