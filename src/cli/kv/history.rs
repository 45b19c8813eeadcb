//! `dkv kv history` and `dkv kv revert`.

use std::ffi::OsString;

use clap::Args;

use crate::base::types::Revision;
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::moment;
use crate::cli::output::Printer;
use crate::cli::row::{Field, Row, escaped};
use crate::client::{At, Change, ChangeKind, HistoryOptions};

/// List what a key went through, newest first.
///
/// The history has what happened lately: how far back it goes is up to the server (--history-age and --history-size of dkv serve). If it has nothing of the key, exits with 3.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The key
    key: OsString,
    /// List at most this many changes; 0 is no limit
    #[arg(long, value_name = "N", default_value = "100")]
    limit: u64,
    /// List only changes before this revision
    #[arg(long, value_name = "REVISION")]
    before: Option<u64>,
}

/// Give a key back the value it had.
///
/// It keeps its timers. If it was not there, or was expired, it is deleted. Prints revision=N.
#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    /// The key
    key: OsString,
    /// Which value: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    to: At,
}

impl HistoryArgs {
    /// Prints the changes.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let mut left = self.limit;
        let mut next = Some(HistoryOptions {
            limit: self.limit,
            before: self.before.map(Revision),
        });
        let mut list = printer.list();
        let mut oldest = None;
        let mut floor = Revision(0);
        while let Some(options) = next {
            let page = client.history(bytes(&self.key), options).await?;
            for change in page.changes {
                oldest = Some(change.revision);
                let text = line(&change);
                list.push(row(&change), &text)?;
                left = left.saturating_sub(1);
            }
            floor = page.floor;
            next = page.older.map(|older| HistoryOptions {
                limit: left,
                ..older
            });
            if self.limit > 0 && left == 0 {
                break;
            }
        }
        list.finish()?;
        if let Some(remark) = remark(next.is_some(), oldest, floor) {
            printer.note(&remark);
        }
        Ok(match oldest {
            Some(_) => ExitStatus::Done,
            None => ExitStatus::NotFound,
        })
    }
}

impl RevertArgs {
    /// Writes the value again.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let reverted = client.revert(bytes(&self.key), self.to).await?;
        let is_deleted = reverted.changed && reverted.record.is_none();
        let row = Row::new()
            .with("changed", reverted.changed)
            .with("deleted", Some(true).filter(|_| is_deleted))
            .with("revision", reverted.revision.0)
            .with("to", reverted.to.0);
        printer.confirm(&row)?;
        Ok(ExitStatus::Done)
    }
}

/// What the list does not show.
fn remark(is_more: bool, oldest: Option<Revision>, floor: Revision) -> Option<String> {
    match oldest {
        Some(oldest) if is_more => Some(format!("there are older changes: --before {oldest}")),
        _ if floor > Revision(0).next() => Some(format!(
            "what was before is gone: the history begins with revision {floor}"
        )),
        Some(_) => None,
        None => Some("the key has never changed".to_owned()),
    }
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Set => "set",
        ChangeKind::Delete => "delete",
        ChangeKind::Expire => "expire",
        ChangeKind::Touch => "touch",
    }
}

fn line(change: &Change) -> String {
    let row = Row::new()
        .with("revision", change.revision.0)
        .with("kind", word(change.kind))
        .with("age", change.age);
    match &change.record {
        Some(record) if !record.expired => {
            format!("{}\t{}", row.to_line(), escaped(&record.value))
        }
        _ => row.to_line(),
    }
}

fn row(change: &Change) -> Row {
    let record = change.record.as_ref();
    let value = record.filter(|record| !record.expired);
    Row::new()
        .with("revision", change.revision.0)
        .with("kind", word(change.kind))
        .with("age", change.age)
        .with("value", value.map(|record| record.value.clone()))
        .with("version", record.map(|record| record.version))
        .with(
            "create_revision",
            record.map_or(Field::Absent, |record| record.create_revision.0.into()),
        )
}
