//! `dkv kv export`: the records of a shard into a file.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;

use crate::base::host::{Clock, Host};
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind};
use crate::cli::client_args::ClientArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::kv::scan::RangeArgs;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::cli::transfer::{Item, Target, encode, export_bar, records_per_second};
use crate::client::{Client, Scan, ScanOptions};

/// Write records into a file, to be imported again.
///
/// The file has one JSON object a line, in key order, all of one revision, with the time
/// that is left of each timer; keys whose value is expired are among them. It takes its name
/// when it is complete: an export that fails leaves what was there.
///
/// Into a FILE it prints exported=N, bytes=N, revision=N, seconds=S.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The file to write; - or nothing is stdout
    file: Option<PathBuf>,
    #[command(flatten)]
    range: RangeArgs,
}

/// What was written so far.
#[derive(Debug, Default)]
struct Written {
    records: u64,
    bytes: u64,
}

impl ExportArgs {
    /// Writes the records.
    pub(crate) async fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let clock = Host::system().clock;
        let started_us = clock.boot_us();
        let mut target = match &self.file {
            Some(path) if path.as_os_str() != "-" => Some(Target::create(path)?),
            _ => None,
        };
        let options = ScanOptions {
            range: self.range.range()?,
            include_expired: true,
            ..ScanOptions::default()
        };
        let client = client.connect(1).await?;
        let shows_progress =
            printer.shows_progress() && (target.is_some() || !printer.data_is_on_terminal());
        let bar = self.bar(&client, shows_progress).await?;
        let mut export = Export {
            scan: client.scan(options),
            written: Written::default(),
            bar,
            clock: &*clock,
            started_us,
        };
        // Ctrl-C just ends a process that writes to stdout or another pipe, which may be one
        // that nobody reads. A file that is not complete is removed first.
        let finished = match &mut target {
            None => {
                let run = export.run(|bytes| printer.verbatim(bytes)).await;
                run.map(|()| true)
            }
            Some(target) if !target.is_whole_or_nothing() => {
                let run = export.run(|bytes| target.write(bytes)).await;
                run.map(|()| true)
            }
            Some(target) => tokio::select! {
                run = export.run(|bytes| target.write(bytes)) => run.map(|()| true),
                Ok(()) = tokio::signal::ctrl_c() => Ok(false),
            },
        };
        export.bar.finish_and_clear();
        let Export { scan, written, .. } = export;
        let Some(target) = target else {
            return finished.map(|_| ExitStatus::Done);
        };
        if !finished? {
            drop(target);
            printer.note("interrupted: no file was written");
            return Ok(ExitStatus::Interrupted);
        }
        target.finish()?;
        let row = Row::new()
            .with("exported", written.records)
            .with("bytes", written.bytes)
            .with("revision", scan.revision().map(|revision| revision.0))
            .with("seconds", (clock.boot_us() - started_us) as f64 / 1e6);
        printer.confirm(&row)?;
        Ok(ExitStatus::Done)
    }

    /// With an end if the whole shard is exported, as only then its records are counted.
    async fn bar(&self, client: &Client, is_shown: bool) -> Outcome<ProgressBar> {
        if !is_shown || self.range.described().is_some() {
            return Ok(export_bar(is_shown, None));
        }
        let description = client.describe().await?;
        let mut shards = description.shards.iter();
        let shard = shards.find(|shard| shard.id == client.shard());
        Ok(export_bar(true, shard.map(|shard| shard.keys)))
    }
}

/// An export under way.
struct Export<'a> {
    scan: Scan,
    written: Written,
    bar: ProgressBar,
    clock: &'a dyn Clock,
    started_us: u64,
}

impl Export<'_> {
    async fn run(&mut self, mut write: impl FnMut(&[u8]) -> std::io::Result<()>) -> Outcome<()> {
        let mut lines = Vec::new();
        loop {
            let page = self.scan.next_page().await;
            let revision = self.scan.revision();
            let page = page.map_err(|error| broken_off(error, revision, self.written.records))?;
            let Some(page) = page else {
                return Ok(());
            };
            lines.clear();
            self.written.records += page.len() as u64;
            for record in page {
                encode(&Item::of(record), &mut lines);
            }
            self.written.bytes += lines.len() as u64;
            write(&lines).map_err(Failure::Output)?;
            let elapsed_us = self.clock.boot_us() - self.started_us;
            self.bar.set_position(self.written.records);
            self.bar
                .set_message(records_per_second(self.written.records, elapsed_us));
        }
    }
}

/// The error of a page, with what it means for all of them.
fn broken_off(error: Error, revision: Option<Revision>, records: u64) -> Error {
    let Some(revision) = revision else {
        return error;
    };
    let advice = if error.kind() == ErrorKind::Compacted {
        "so many writes came meanwhile that the history no longer reaches back: export when \
         there are fewer, or in parts with --prefix"
    } else {
        "begin it anew"
    };
    let message = format!(
        "the export of revision {revision} is not complete, it ended after {records} records: \
         {}; {advice}",
        error.message()
    );
    Error::new(error.kind(), message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_breaks_off_says_how_far_it_was_and_what_to_do() {
        let gone = |kind| Error::new(kind, "revision 7 is gone");
        let said = broken_off(gone(ErrorKind::Compacted), Some(Revision(7)), 3_000);
        assert_eq!(said.kind(), ErrorKind::Compacted);
        assert!(said.message().starts_with(
            "the export of revision 7 is not complete, it ended after 3000 records: revision 7 \
             is gone; so many writes came meanwhile"
        ));
        let said = broken_off(gone(ErrorKind::Unavailable), Some(Revision(7)), 1);
        assert!(said.message().ends_with("; begin it anew"), "{said}");
        let first = broken_off(gone(ErrorKind::Unavailable), None, 0);
        assert_eq!(first.message(), "revision 7 is gone", "nothing was begun");
    }
}
