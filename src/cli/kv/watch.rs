//! `dkv kv watch`: print what happens to keys, or run a command for it.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use super::on_event::OnEvent;
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind};
use crate::cli::client_args::{ClientArgs, bytes};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::kv::scan::RangeArgs;
use crate::cli::output::Printer;
use crate::cli::row::{Row, escaped};
use crate::client::{
    Client, EventKind, Record, Watch, WatchBatch, WatchEvent, WatchOptions, Watched,
};

/// How often a watch with --until is told how far everything was seen.
const UNTIL_PROGRESS: Duration = Duration::from_millis(500);

/// Print changes of keys as they happen.
///
/// Every change is told once and in order, over restarts and failovers too, as a line: what happened, the revision, the key, the value. Without a key or range, all keys of the bucket are watched.
///
/// If the history that a watch needs is gone, it exits with 1 and says from where on it is there.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The key
    #[arg(conflicts_with_all = ["prefix", "start", "end"])]
    key: Option<OsString>,
    #[command(flatten)]
    range: RangeArgs,
    /// Begin with this revision, not now
    #[arg(long, value_name = "REV", conflicts_with = "initial")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    from: Option<u64>,
    /// End once all changes up to this revision were told
    #[arg(long, value_name = "REV")]
    until: Option<u64>,
    /// End after this many changes; 0 is no limit
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    limit: u64,
    /// Begin with the keys that are there
    #[arg(long)]
    initial: bool,
    /// Tell what was there before each change
    #[arg(long)]
    previous: bool,
    /// Tell only these kinds of changes; --initial tells every key that is there
    #[arg(long, value_name = "KIND,...", value_enum, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// End after the first revision, or initial state, that told something
    #[arg(long)]
    once: bool,
    /// Run this shell command for each change instead of printing it
    ///
    /// One at a time, in order. It is given DKV_WATCH_TYPE (set, delete or expire), DKV_WATCH_REVISION, DKV_WATCH_BUCKET, DKV_WATCH_KEY and DKV_WATCH_VALUE, and the value as standard input. A key or value that no environment can hold, as it has a zero byte or is longer than 100 KiB, is left out there. If the command fails, the watch ends with its code.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<OsString>,
    /// Go on if the command fails
    #[arg(long, requires = "exec")]
    keep_going: bool,
}

/// What can happen to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A value was written
    Set,
    /// The key was removed
    Delete,
    /// The value was dropped, the key remains
    Expire,
}

/// Whether there is more to wait for.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    End(ExitStatus),
}

/// What was told so far.
#[derive(Debug, Default)]
struct Told {
    events: u64,
}

impl WatchArgs {
    /// Tells changes until it is to end, or is interrupted.
    pub(crate) async fn run(self, args: &ClientArgs, printer: &mut Printer) -> Outcome {
        let client = args.connect(1).await?;
        if args.is_in_shell() {
            // A shell listens for Ctrl-C itself; and once somebody has listened for SIGTERM,
            // it would not end the shell any more.
            return self.follow(&client, args.bucket(), printer).await;
        }
        let mut interrupted = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut terminated = signal(SignalKind::terminate()).map_err(no_signals)?;
        let work = self.follow(&client, args.bucket(), printer);
        tokio::select! {
            biased;
            _ = interrupted.recv() => Ok(ExitStatus::Interrupted),
            _ = terminated.recv() => Ok(ExitStatus::OfCommand(128 + 15)),
            ended = work => ended,
        }
    }

    async fn follow(&self, client: &Client, bucket: &str, printer: &mut Printer) -> Outcome {
        let watch = client.watch(self.options()?).await;
        let mut watch = watch.map_err(|error| self.advised(error))?;
        let mut told = Told::default();
        loop {
            let batch = match self.next_batch(&mut watch, printer).await {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => return Err(self.advised(error).into()),
                None => return Err(Error::internal("the watch ended without a reason").into()),
            };
            if let Next::End(status) = self.tell(batch, &mut told, bucket, printer).await? {
                return Ok(status);
            }
        }
    }

    /// What comes next, however long no server can be reached once one was.
    async fn next_batch(
        &self,
        watch: &mut Watch,
        printer: &mut Printer,
    ) -> Option<Result<WatchBatch, Error>> {
        let mut is_noted = false;
        loop {
            match watch.next().await {
                Some(Err(error)) if error.kind() == ErrorKind::Unavailable => {
                    if !std::mem::replace(&mut is_noted, true) {
                        printer.note(&format!("{error}; asking again until somebody answers"));
                    }
                }
                said => return said,
            }
        }
    }

    fn options(&self) -> Result<WatchOptions, Error> {
        let keys = match &self.key {
            Some(key) => Watched::Key(bytes(key)),
            None => Watched::Range(self.range.range()?),
        };
        Ok(WatchOptions {
            keys,
            from: self.from.map(Revision),
            initial: self.initial,
            previous: self.previous,
            kinds: self.kinds.iter().map(|kind| kind.of_client()).collect(),
            progress: self.until.map(|_| UNTIL_PROGRESS),
        })
    }

    async fn tell(
        &self,
        mut batch: WatchBatch,
        told: &mut Told,
        bucket: &str,
        printer: &mut Printer,
    ) -> Outcome<Next> {
        if batch.restarted {
            printer.note("the initial state begins again: forget what was told of it so far");
            *told = Told::default();
        }
        if let Some(until) = self.until.filter(|_| !batch.initial) {
            batch.events.retain(|event| event.revision.0 <= until);
        }
        if let (true, false, Some(first)) = (self.once, batch.initial, batch.events.first()) {
            let revision = first.revision;
            batch.events.retain(|event| event.revision == revision);
        }
        if self.limit > 0 {
            let left = usize::try_from(self.limit - told.events).unwrap_or(usize::MAX);
            batch.events.truncate(left);
        }
        for event in &batch.events {
            if let Some(command) = &self.exec {
                let next = self.execute(command, event, bucket, printer).await?;
                if next != Next::GoOn {
                    return Ok(next);
                }
            } else {
                printer.event(&self.row(event, batch.initial), &self.line(event))?;
            }
        }
        printer.flush()?;
        let is_complete = batch.through.is_some();
        // The last page of the initial state may have nothing where others had.
        told.events += batch.events.len() as u64;
        let is_once = self.once && told.events > 0 && is_complete;
        let is_enough = self.limit > 0 && told.events >= self.limit;
        let is_until = self
            .until
            .is_some_and(|until| batch.through >= Some(Revision(until)));
        Ok(match is_once || is_until || is_enough {
            true => Next::End(ExitStatus::Done),
            false => Next::GoOn,
        })
    }

    async fn execute(
        &self,
        command: &OsString,
        event: &WatchEvent,
        bucket: &str,
        printer: &mut Printer,
    ) -> Outcome<Next> {
        let on_event = OnEvent {
            command,
            bucket,
            kind: kind_word(event.kind),
            event,
        };
        let code = on_event.run().await?;
        if code == 0 {
            return Ok(Next::GoOn);
        }
        printer.complaint(&format!(
            "the command exited with {code} for `{}` at revision {}",
            escaped(&event.key),
            event.revision
        ));
        Ok(match self.keep_going {
            true => Next::GoOn,
            false => Next::End(ExitStatus::OfCommand(code)),
        })
    }

    fn line(&self, event: &WatchEvent) -> String {
        let (kind, key) = (kind_word(event.kind), escaped(&event.key));
        let mut line = format!("{kind}\t{}\t{key}", event.revision);
        if let Some(record) = event.record.as_ref().filter(|record| !record.expired) {
            line.push('\t');
            line.push_str(&escaped(&record.value));
        }
        match &event.previous {
            Some(before) if before.expired => line.push_str("\t(was expired)"),
            Some(before) => line.push_str(&format!("\t(was {})", escaped(&before.value))),
            None if self.previous => line.push_str("\t(was not there)"),
            None => {}
        }
        line
    }

    fn row(&self, event: &WatchEvent, initial: bool) -> Row {
        let value = |record: &Record| (!record.expired).then(|| record.value.clone());
        let record = event.record.as_ref();
        let mut row = Row::new()
            .with("type", kind_word(event.kind))
            .with("revision", event.revision.0)
            .with("key", event.key.clone())
            .with("value", record.and_then(value));
        if self.previous {
            row = row.with("previous", event.previous.as_ref().and_then(value));
            let revision = event.previous.as_ref().map(|before| before.revision.0);
            row = row.for_programs("previous_revision", revision);
        }
        row.for_programs("create_revision", record.map(|it| it.create_revision.0))
            .for_programs("version", record.map(|it| it.version))
            .for_programs("expire_in", record.and_then(|it| it.expire_in))
            .for_programs("delete_in", record.and_then(|it| it.delete_in))
            .for_programs("initial", initial)
    }

    /// Says what to do, where the message of the server cannot.
    fn advised(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Compacted {
            return error;
        }
        let floor = error.compacted_floor().unwrap_or_default();
        let message = format!(
            "{}; changes before that cannot be told any more: watch with --initial to begin \
             with what is there, or with --from {floor} to go on behind the gap",
            error.message()
        );
        Error::new(ErrorKind::Compacted, message).with_compacted_floor(floor)
    }
}

impl Kind {
    fn of_client(self) -> EventKind {
        match self {
            Self::Set => EventKind::Set,
            Self::Delete => EventKind::Delete,
            Self::Expire => EventKind::Expire,
        }
    }
}

fn kind_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Set => "set",
        EventKind::Delete => "delete",
        EventKind::Expire => "expire",
        EventKind::Touch => "touch",
    }
}

fn no_signals(error: io::Error) -> Error {
    Error::internal(format!("cannot listen for signals: {error}")).with_source(error)
}
