//! `dkv kv scan`, and ranges of keys as words.

use std::ffi::OsString;

use bytes::Bytes;
use clap::Args;

use crate::base::{Error, Result};
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::fresh;
use crate::cli::kv::read::record_row;
use crate::cli::moment;
use crate::cli::output::Printer;
use crate::cli::row::{Row, escaped};
use crate::client::{At, Client, KeyRange, Record, ScanOptions, prefix_range};

/// A range of keys: all, those of a prefix, or from one key to before another.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// The keys that begin with this
    #[arg(long, conflicts_with_all = ["start", "end"])]
    prefix: Option<OsString>,
    /// Keys from this one on
    #[arg(long, value_name = "KEY")]
    start: Option<OsString>,
    /// Keys before this one
    #[arg(long, value_name = "KEY")]
    end: Option<OsString>,
}

/// List keys and values in key order.
///
/// All are of one revision. As text, what is not printable is escaped; use -o json, jsonl or raw in programs.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// List at most this many keys; 0 is no limit
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    limit: u64,
    /// List keys without values
    #[arg(long)]
    keys_only: bool,
    /// List keys whose value is expired, too
    #[arg(long)]
    include_expired: bool,
    /// List them from the last to the first
    #[arg(long)]
    reverse: bool,
    /// Print how many there are: count=N
    #[arg(long, conflicts_with_all = ["keys_only", "reverse"])]
    count: bool,
    /// What was there then: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    at: Option<At>,
}

impl RangeArgs {
    /// The range; all keys if nothing was said.
    pub(crate) fn range(&self) -> Result<KeyRange> {
        let bound = |key: &Option<OsString>| key.as_deref().map_or_else(Bytes::new, bytes);
        let (start, end) = (bound(&self.start), bound(&self.end));
        if self.prefix.is_some() && !(start.is_empty() && end.is_empty()) {
            return Err(Error::invalid(
                "--prefix is a range of its own: leave out --start and --end",
            ));
        }
        if !end.is_empty() && end <= start {
            return Err(Error::invalid(format!(
                "--end `{}` is not after --start `{}`: the range is empty",
                escaped(&end),
                escaped(&start)
            )));
        }
        Ok(match &self.prefix {
            Some(prefix) => prefix_range(bytes(prefix)),
            None => KeyRange { start, end },
        })
    }

    /// In words, if anything was said.
    pub(crate) fn described(&self) -> Option<String> {
        let shown = |key: &OsString| escaped(&bytes(key));
        match (&self.prefix, &self.start, &self.end) {
            (Some(prefix), _, _) if prefix.is_empty() => Some("every key of the bucket".to_owned()),
            (Some(prefix), _, _) => Some(format!("every key that begins with `{}`", shown(prefix))),
            (None, None, None) => None,
            (None, Some(start), None) => Some(format!("every key from `{}` on", shown(start))),
            (None, None, Some(end)) => Some(format!("every key before `{}`", shown(end))),
            (None, Some(start), Some(end)) => Some(format!(
                "every key from `{}` to before `{}`",
                shown(start),
                shown(end)
            )),
        }
    }
}

impl ScanArgs {
    /// Prints the records, or how many there are.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        if self.count && self.limit > 0 {
            return Err(Error::invalid("--count counts all of them: leave out --limit").into());
        }
        let options = ScanOptions {
            range: self.range.range()?,
            limit: self.limit,
            keys_only: self.keys_only,
            include_expired: self.include_expired,
            at: self.at,
            reverse: self.reverse,
        };
        let client = client.connect(1).await?;
        if self.count {
            return count(&client, options, printer).await;
        }
        let mut scan = client.scan(options);
        let mut list = printer.list();
        while let Some(records) = scan.next_page().await? {
            for record in records {
                let text = line(&record, self.keys_only);
                let row = listed_row(record, self.keys_only, list.is_raw());
                list.push(fresh::dated(row, scan.freshness()), &text)?;
            }
        }
        list.finish()?;
        fresh::remark(printer, scan.freshness());
        Ok(ExitStatus::Done)
    }
}

async fn count(client: &Client, options: ScanOptions, printer: &mut Printer) -> Outcome {
    let counted = client.count_with(options).await?;
    let row = Row::new()
        .with("count", counted.value)
        .for_programs("revision", counted.revision.0);
    printer.row(&fresh::dated(row, counted.freshness))?;
    fresh::remark(printer, counted.freshness);
    Ok(ExitStatus::Done)
}

/// A record in a list.
pub(crate) fn listed_row(record: Record, keys_only: bool, is_raw: bool) -> Row {
    match (is_raw, keys_only) {
        (true, true) => Row::new().with("key", record.key),
        (true, false) => Row::new()
            .with("key", record.key)
            .with("value", record.value),
        (false, true) => record_row(record).without("value"),
        (false, false) => record_row(record),
    }
}

/// A record in a list, for people.
pub(crate) fn line(record: &Record, keys_only: bool) -> String {
    let key = escaped(&record.key);
    match (keys_only, record.expired) {
        (true, _) => key,
        (false, true) => format!("{key}\t(expired)"),
        (false, false) => format!("{key}\t{}", escaped(&record.value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(prefix: Option<&str>, start: Option<&str>, end: Option<&str>) -> RangeArgs {
        RangeArgs {
            prefix: prefix.map(Into::into),
            start: start.map(Into::into),
            end: end.map(Into::into),
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(
            range(None, None, None).range().unwrap(),
            KeyRange::default()
        );
        let prefix = range(Some("a"), None, None).range().unwrap();
        assert_eq!((&prefix.start[..], &prefix.end[..]), (&b"a"[..], &b"b"[..]));
        let bounds = range(None, Some("a"), Some("c")).range().unwrap();
        assert_eq!((&bounds.start[..], &bounds.end[..]), (&b"a"[..], &b"c"[..]));
    }

    #[test]
    fn a_range_that_holds_nothing_or_contradicts_itself_is_refused() {
        assert!(range(None, Some("b"), Some("a")).range().is_err());
        assert!(range(None, Some("a"), Some("a")).range().is_err());
        assert!(range(Some("a"), Some("a"), None).range().is_err());
    }
}
