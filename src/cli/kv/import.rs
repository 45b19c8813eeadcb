//! `dkv kv import`: records from files into a shard.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;

use crate::base::host::Host;
use crate::base::{Error, Result, limits};
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::cli::transfer::{Ended, Format, Inputs, Load, Problems, Rules, Tally, import_bar};

/// What a request holds beside the value, bytes, about.
const REQUEST_SLACK_BYTES: usize = 64 << 10;

const SAFE_TO_REPEAT: &str =
    "records are plain sets: importing some of them twice is safe, without reading them back";

/// Write the records of files.
///
/// A file has one JSON object a line, as `dkv kv export` writes it, or is CSV with a header
/// row: key and value (or key_b64 and value_b64, base64 for bytes that are not text), and
/// perhaps expire_in_ms, delete_in_ms and expired. Every record replaces what its key had,
/// and the last one of a key wins. The first bad line ends the import with 1; the records
/// before it are written.
///
/// Prints imported=N, skipped=N, seconds=S. If an import ends early, it says how many
/// records are written and from which line on that is not sure. Importing a file again is
/// safe.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files to read, one after the other; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How the files are written [default: csv for *.csv, else jsonl]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Put this before every key
    #[arg(long)]
    prefix: Option<OsString>,
    /// Check every line and write nothing; no server is asked
    #[arg(long)]
    dry_run: bool,
    /// Go on after bad lines, and exit with 1 in the end
    #[arg(long)]
    skip_errors: bool,
    /// Write every bad line to this file, as CSV: file,line,error
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl ImportArgs {
    /// Reads the files and writes their records.
    pub(crate) fn run(self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("cannot start the event loop: {error}")))?;
        if self.reads_stdin() {
            client.input()?;
        }
        let outcome = runtime.block_on(self.import(client, printer));
        // A thread may be reading from a terminal, and would be waited for.
        runtime.shutdown_background();
        outcome
    }

    fn reads_stdin(&self) -> bool {
        self.files.is_empty() || self.files.iter().any(|file| file.as_os_str() == "-")
    }

    async fn import(&self, client: &ClientArgs, printer: &mut Printer) -> Outcome {
        let clock = Host::system().clock;
        let inputs = Inputs::open(&self.files, self.format, &self.rules())?;
        self.check_report()?;
        let target = if self.dry_run {
            None
        } else {
            let connected = client.alone().connect(1).await?;
            // A server that is not there, a shard without keys or a bucket that does not
            // exist are errors of their own, before any line is blamed.
            tokio::select! {
                biased;
                () = interrupted(client) => return Err(Failure::Stopped),
                asked = connected.has("import") => asked?,
            };
            let options = client.options(1);
            Some((connected.unordered(), options.timeout))
        };
        let mut problems = Problems::new(inputs.names(), self.report.as_deref())?;
        let started_us = clock.boot_us();
        let bar = import_bar(printer.shows_progress(), inputs.bytes());
        let mut load = Load {
            client: target,
            skips_errors: self.skip_errors || self.dry_run,
            problems: &mut problems,
            printer,
            bar: bar.clone(),
            clock: Arc::clone(&clock),
        };
        let run = load.run(inputs, interrupted(client)).await;
        bar.finish_and_clear();
        let (ended, tally) = run?;
        problems.finish(printer)?;
        let seconds = (clock.boot_us() - started_us) as f64 / 1e6;
        self.report(&ended, &tally, problems.count(), seconds, printer)
    }

    fn rules(&self) -> Rules {
        let prefix = self.prefix.as_deref().map_or_else(Bytes::new, bytes);
        // Only a server knows how large a value it takes; without one it is the default.
        let value_bytes_max = if self.dry_run {
            limits::VALUE_BYTES_MAX
        } else {
            limits::REQUEST_BYTES_MAX - REQUEST_SLACK_BYTES
        };
        Rules {
            prefix,
            value_bytes_max,
        }
    }

    /// The report must not be written over what is to be read.
    fn check_report(&self) -> Result<()> {
        let Some(report) = &self.report else {
            return Ok(());
        };
        let identity = |path: &Path| {
            let metadata = path.metadata().ok()?;
            metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
        };
        let same = |file: &PathBuf| identity(file).is_some_and(|it| identity(report) == Some(it));
        if self.files.iter().any(same) {
            return Err(Error::invalid(format!(
                "--report {} would be written over a file that is imported: name another",
                report.display()
            )));
        }
        Ok(())
    }

    fn report(
        &self,
        ended: &Ended,
        tally: &Tally,
        skipped: u64,
        seconds: f64,
        printer: &mut Printer,
    ) -> Outcome {
        let status = self.explain(ended, tally, skipped, printer);
        let (name, bad) = if self.dry_run {
            ("valid", "invalid")
        } else {
            ("imported", "skipped")
        };
        let row = Row::new()
            .with(name, tally.records)
            .with(bad, skipped)
            .with("seconds", seconds)
            .with("firstUnconfirmed", tally.first_unconfirmed.clone());
        printer.confirm(&row)?;
        Ok(status)
    }

    /// Says why it ended early, and what to do.
    fn explain(
        &self,
        ended: &Ended,
        tally: &Tally,
        skipped: u64,
        printer: &mut Printer,
    ) -> ExitStatus {
        let written = self.in_words(ended, tally);
        match ended {
            Ended::Finished if skipped > 0 => ExitStatus::Error,
            Ended::Finished => ExitStatus::Done,
            Ended::BadLine(what) => {
                printer.complaint(what);
                printer.note(&format!(
                    "stopped: {written}; mend the line and import the file again, or go on \
                     after bad lines with --skip-errors ({SAFE_TO_REPEAT})"
                ));
                ExitStatus::Error
            }
            Ended::BadFile(what) => {
                printer.complaint(what);
                printer.note(&format!(
                    "stopped: {written}; mend the file and import it again ({SAFE_TO_REPEAT})"
                ));
                ExitStatus::Error
            }
            Ended::Store(place, error) => {
                printer.complaint(&format!("{place}: {}", error.message()));
                printer.note(&format!(
                    "stopped: {written}; import again when that is mended ({SAFE_TO_REPEAT})"
                ));
                error.kind().into()
            }
            Ended::Interrupted => {
                printer.note(&format!(
                    "interrupted: {written}; import again to finish ({SAFE_TO_REPEAT})"
                ));
                ExitStatus::Interrupted
            }
        }
    }

    /// What is certain, of an import that ended early.
    fn in_words(&self, ended: &Ended, tally: &Tally) -> String {
        let among = match &tally.first_unconfirmed {
            Some(place) => format!(", among them all before {place}"),
            None => String::new(),
        };
        // Of a store that went away nobody knows what it took last.
        let is_sure = matches!(ended, Ended::BadLine(_) | Ended::BadFile(_));
        match tally.records {
            _ if self.dry_run => "nothing was written".to_owned(),
            0 if is_sure => "nothing was written".to_owned(),
            0 => "no record is written for sure".to_owned(),
            1 => format!("1 record is written{among}"),
            records => format!("{records} records are written{among}"),
        }
    }
}

/// Resolves at Ctrl-C; never if this process cannot be told of it, as then it just ends.
async fn interrupted(client: &ClientArgs) {
    if let Some(session) = client.session() {
        session.interrupts().next().await;
    } else if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
