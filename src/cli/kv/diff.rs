//! `dkv kv diff`: what changed between two moments.

use std::cmp::Ordering;
use std::collections::VecDeque;

use bytes::Bytes;
use clap::Args;

use crate::base::Result;
use crate::cli::client_args::ClientArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::kv::scan::RangeArgs;
use crate::cli::moment;
use crate::cli::output::Printer;
use crate::cli::row::{Row, escaped};
use crate::client::{At, Client, Record, Scan, ScanOptions};

/// List the keys that were added, changed or removed since a moment.
///
/// Compares values: a key whose timers changed alone is left out. As text, + is added, ~ is changed (the old value, then the new one), - is removed.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// Since when: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    since: At,
    /// Until when, if not now
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    until: Option<At>,
}

/// How a key differs.
#[derive(Debug, PartialEq, Eq)]
enum Difference {
    Added { key: Bytes, new: Bytes },
    Changed { key: Bytes, old: Bytes, new: Bytes },
    Removed { key: Bytes, old: Bytes },
}

impl DiffArgs {
    /// Prints the differences.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = client.connect(1).await?;
        let range = self.range.range()?;
        let side = |at| {
            let options = ScanOptions {
                range: range.clone(),
                at,
                ..ScanOptions::default()
            };
            Side::new(&client, options)
        };
        let (mut old, mut new) = (side(Some(self.since)), side(self.until));
        let mut list = printer.list();
        while let Some((was, is)) = next_of(&mut old, &mut new).await? {
            if let Some(difference) = Difference::between(was, is) {
                let text = difference.line();
                list.push(difference.row(), &text)?;
            }
        }
        list.finish()?;
        Ok(ExitStatus::Done)
    }
}

/// One of the two scans: a page of it at a time.
struct Side {
    scan: Scan,
    page: VecDeque<Record>,
}

impl Side {
    fn new(client: &Client, options: ScanOptions) -> Self {
        Self {
            scan: client.scan(options),
            page: VecDeque::new(),
        }
    }

    /// The next record, left where it is.
    async fn peek(&mut self) -> Result<Option<&Record>> {
        while self.page.is_empty() {
            match self.scan.next_page().await? {
                Some(page) => self.page = page.into(),
                None => return Ok(None),
            }
        }
        Ok(self.page.front())
    }
}

/// What the next key was, and what it is.
async fn next_of(
    old: &mut Side,
    new: &mut Side,
) -> Result<Option<(Option<Record>, Option<Record>)>> {
    let order = match (old.peek().await?, new.peek().await?) {
        (None, None) => return Ok(None),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(was), Some(is)) => was.key.cmp(&is.key),
    };
    let was = order.is_le().then(|| old.page.pop_front()).flatten();
    let is = order.is_ge().then(|| new.page.pop_front()).flatten();
    Ok(Some((was, is)))
}

impl Difference {
    fn between(was: Option<Record>, is: Option<Record>) -> Option<Self> {
        match (was, is) {
            (None, None) => None,
            (None, Some(is)) => Some(Self::Added {
                key: is.key,
                new: is.value,
            }),
            (Some(was), None) => Some(Self::Removed {
                key: was.key,
                old: was.value,
            }),
            (Some(was), Some(is)) => (was.value != is.value).then_some(Self::Changed {
                key: is.key,
                old: was.value,
                new: is.value,
            }),
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Added { key, new } => format!("+ {}\t{}", escaped(key), escaped(new)),
            Self::Changed { key, old, new } => {
                format!("~ {}\t{}\t{}", escaped(key), escaped(old), escaped(new))
            }
            Self::Removed { key, old } => format!("- {}\t{}", escaped(key), escaped(old)),
        }
    }

    fn row(self) -> Row {
        let (change, key, old, new) = match self {
            Self::Added { key, new } => ("added", key, None, Some(new)),
            Self::Changed { key, old, new } => ("changed", key, Some(old), Some(new)),
            Self::Removed { key, old } => ("removed", key, Some(old), None),
        };
        Row::new()
            .with("change", change)
            .with("key", key)
            .with("old", old)
            .with("new", new)
    }
}
