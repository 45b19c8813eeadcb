//! `dkv kv txn` and `dkv kv batch`.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::Args;

use crate::base::{Error, Result, limits};
use crate::cli::client_args::{ClientArgs, fence};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::files;
use crate::cli::ops::{self, Named, outcome_row};
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row};
use crate::client::{Fence, Txn};

/// What a document may be longer than what it says: base64, escapes and words.
const INPUT_BYTES_MAX: usize = 2 * limits::REQUEST_BYTES_MAX;

/// Compare, and apply one of two branches, all or nothing.
///
/// Reads lines such as `if value a = 1`, `then set a 2`, `else get a`, or one JSON document, from a file or stdin; docs/transactions.md has all of them. Prints which branch was applied, with a line for each operation. If the compares do not hold, exits with 4.
#[derive(Debug, Args)]
pub(crate) struct TxnArgs {
    /// The file; - or nothing reads stdin
    file: Option<OsString>,
    /// Apply it only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

/// Apply up to 1,000 writes together, each for itself.
///
/// Reads lines such as `set a 1 ttl=30s`, `delete b`, `incr n 5`, or one JSON array, from a file or stdin. Prints a line for each; one that is refused changes nothing, and the others are done. Exits with 4 if a condition did not hold, with 1 if one was refused.
#[derive(Debug, Args)]
pub(crate) struct BatchArgs {
    /// The file; - or nothing reads stdin
    file: Option<OsString>,
    /// Apply them only while this grant of a lock is held
    #[arg(long, value_name = "LOCK@TOKEN", value_parser = fence)]
    fence: Option<Fence>,
}

impl TxnArgs {
    /// Applies the transaction.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let script = ops::transaction(&input(self.file.as_ref(), client)?)?;
        let ops_of = |named: &[Named]| named.iter().map(|named| named.op.clone()).collect();
        let txn = Txn {
            compares: script.compares,
            then: ops_of(&script.then),
            otherwise: ops_of(&script.otherwise),
            fence: self.fence,
        };
        let client = client.connect(1).await?;
        let outcome = client.txn(txn).await?;
        let branch = if outcome.succeeded {
            script.then
        } else {
            script.otherwise
        };
        if outcome.results.is_none() {
            printer.note("note: the transaction was repeated; its results were not kept");
        }
        let results = branch.into_iter().zip(outcome.results.unwrap_or_default());
        let results: Vec<_> = results
            .map(|(named, outcome)| outcome_row(named.name, named.key, outcome))
            .collect();
        let row = Row::new()
            .with("succeeded", outcome.succeeded)
            .with("revision", outcome.revision.0);
        printer.answer_with_rows(&row, "results", results)?;
        Ok(if outcome.succeeded {
            ExitStatus::Done
        } else {
            ExitStatus::ConditionFailed
        })
    }
}

impl BatchArgs {
    /// Applies the writes.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let named = ops::batch(&input(self.file.as_ref(), client)?)?;
        let ops = named.iter().map(|named| named.op.clone()).collect();
        let client = client.connect(1).await?;
        let outcomes = client.batch(ops, self.fence).await?;
        let mut status = ExitStatus::Done;
        let mut list = printer.list();
        for (named, outcome) in named.into_iter().zip(outcomes) {
            let row = match outcome {
                Ok(done) => {
                    let row = outcome_row(named.name, named.key, done.outcome);
                    if row.fields().contains(&("written", Field::Flag(false))) {
                        status = worse(status, ExitStatus::ConditionFailed);
                    }
                    row.for_programs("revision", done.revision.0)
                }
                Err(refused) => {
                    status = ExitStatus::Error;
                    Row::new()
                        .with("op", named.name)
                        .with("key", named.key)
                        .with("error", refused.message())
                }
            };
            let text = row.to_line();
            list.push(row, &text)?;
        }
        list.finish()?;
        Ok(status)
    }
}

fn worse(status: ExitStatus, new: ExitStatus) -> ExitStatus {
    if status == ExitStatus::Done {
        new
    } else {
        status
    }
}

fn input(file: Option<&OsString>, client: &ClientArgs) -> Result<Vec<u8>> {
    if let Some(path) = file.filter(|path| path.as_bytes() != b"-") {
        return files::read(Path::new(path), INPUT_BYTES_MAX);
    }
    match client.input()? {
        Some(input) => Ok(input.to_vec()),
        None if file.is_none() && io::stdin().is_terminal() => Err(Error::invalid(
            "nothing to apply: name a file, or - to type it and end with Ctrl-D",
        )),
        _ => files::read_all(io::stdin().lock(), "stdin", INPUT_BYTES_MAX),
    }
}
