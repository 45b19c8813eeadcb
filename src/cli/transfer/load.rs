//! An import under way: takes records as they are read, keeps many writes going, and
//! knows at any moment what is certain.

use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::sync::mpsc;

use super::feed::{self, Chunk, Place};
use super::inputs::Inputs;
use super::item::Item;
use super::problems::Problems;
use super::progress::records_per_second;
use super::window::{Done, Window};
use super::write::{Refusal, write};
use crate::base::host::Clock;
use crate::base::{Error, ErrorKind, Result};
use crate::cli::output::Printer;
use crate::client::Client;

/// An import, from its files to its end.
pub(crate) struct Load<'a> {
    /// Where records go and how long a full store is asked again; `None` only checks them.
    pub(crate) client: Option<(Client, Duration)>,
    /// Goes on after a bad line.
    pub(crate) skips_errors: bool,
    /// Where bad lines are told.
    pub(crate) problems: &'a mut Problems,
    /// Where they are told to people.
    pub(crate) printer: &'a mut Printer,
    /// Shows how far it is.
    pub(crate) bar: ProgressBar,
    /// Tells how fast it is.
    pub(crate) clock: Arc<dyn Clock>,
}

/// How an import ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Every line was read.
    Finished,
    /// A line is bad, and bad lines are not skipped: where, and why.
    BadLine(String),
    /// A file cannot be read, or is not what it should be: where, and why.
    BadFile(String),
    /// The store stopped taking records: at which line, and why.
    Store(String, Error),
    /// The user had enough.
    Interrupted,
}

/// What is certain once it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Records that are written, or would be.
    pub(crate) records: u64,
    /// `people.jsonl:17`: the first line of which that is not certain, unless all are.
    pub(crate) first_unconfirmed: Option<String>,
}

/// What goes on inside.
struct State<'l, 'a> {
    load: &'l mut Load<'a>,
    window: Window,
    records: u64,
    /// The line read last.
    reached: Place,
    /// The first line that was refused.
    refused: Option<Place>,
    ended: Option<Ended>,
    started_us: u64,
}

impl Load<'_> {
    /// Imports the files. Ends early when `interrupted` does.
    ///
    /// # Errors
    /// `Invalid` if the report cannot be written.
    pub(crate) async fn run(
        &mut self,
        inputs: Inputs,
        interrupted: impl Future<Output = ()>,
    ) -> Result<(Ended, Tally)> {
        let started_us = self.clock.boot_us();
        let mut state = State {
            load: self,
            window: Window::default(),
            records: 0,
            reached: Place { file: 0, line: 0 },
            refused: None,
            ended: None,
            started_us,
        };
        let feed = feed::start(inputs);
        tokio::select! {
            run = state.run(feed) => run?,
            () = interrupted => state.ended = Some(Ended::Interrupted),
        }
        Ok(state.into_end())
    }
}

impl State<'_, '_> {
    async fn run(&mut self, mut feed: mpsc::Receiver<Chunk>) -> Result<()> {
        while self.ended.is_none() {
            tokio::select! {
                biased;
                Some(done) = self.window.next(), if !self.window.is_empty() => self.settle(done)?,
                chunk = feed.recv() => match chunk {
                    Some(chunk) => self.take(chunk).await?,
                    None => self.ended = Some(Ended::Finished),
                },
            }
        }
        // Whatever ended it, the writes that are under way are waited for: each has its own
        // time limit, and afterwards it is certain what became of it.
        while let Some(done) = self.window.next().await {
            self.settle(done)?;
        }
        Ok(())
    }

    async fn take(&mut self, chunk: Chunk) -> Result<()> {
        for (place, read) in chunk.records {
            match read {
                Ok(item) => self.begin(place, item).await?,
                Err(wrong) => self.bad_line(place, &wrong)?,
            }
            if self.ended.is_some() {
                return Ok(());
            }
            self.reached = place;
        }
        if let Some((place, why)) = chunk.broken {
            let why = format!("{}: {why}", self.load.problems.shown(place));
            self.refuse(place, Ended::BadFile(why));
        }
        self.load.bar.set_position(chunk.bytes_read);
        let elapsed_us = self.load.clock.boot_us() - self.started_us;
        let message = records_per_second(self.records, elapsed_us);
        self.load.bar.set_message(message);
        Ok(())
    }

    /// Begins the write of a record, as soon as there is room for it and the write of its
    /// key before is over.
    async fn begin(&mut self, place: Place, item: Item) -> Result<()> {
        let Some((client, patience)) = self.load.client.clone() else {
            self.records += 1;
            return Ok(());
        };
        let bytes = item.weight_bytes();
        while !self.window.admits(&item.key, bytes) {
            let done = self.window.next().await;
            self.settle(done.expect("an empty window admits everything"))?;
            if self.ended.is_some() {
                return Ok(());
            }
        }
        let key = item.key.clone();
        self.window
            .push(place, key, bytes, write(client, item, patience));
        Ok(())
    }

    fn settle(&mut self, done: Done) -> Result<()> {
        match done.result {
            Ok(()) => self.records += 1,
            Err(Refusal::Record(error)) => self.bad_line(done.place, error.message())?,
            Err(Refusal::Store(error)) => {
                let place = self.load.problems.shown(done.place);
                self.refuse(done.place, Ended::Store(place, error));
            }
        }
        Ok(())
    }

    fn bad_line(&mut self, place: Place, wrong: &str) -> Result<()> {
        if self.load.skips_errors {
            let load = &mut *self.load;
            return load.problems.add(place, wrong, load.printer, &load.bar);
        }
        let text = format!("{}: {wrong}", self.load.problems.shown(place));
        self.refuse(place, Ended::BadLine(text));
        Ok(())
    }

    /// Nothing more is begun. A store that is gone says more than a line that is bad, and an
    /// outcome that is unknown more than one that is known.
    fn refuse(&mut self, place: Place, end: Ended) {
        let is_first = self.refused.is_none_or(|first| place < first);
        if is_first {
            self.refused = Some(place);
        }
        let before = self.ended.as_ref().map_or(0, Ended::weight);
        if end.weight() > before || (end.weight() == before && is_first) {
            self.ended = Some(end);
        }
    }

    fn into_end(self) -> (Ended, Tally) {
        let ended = self.ended.unwrap_or(Ended::Finished);
        let unconfirmed = match ended {
            Ended::Finished => None,
            _ => {
                let certain = Place {
                    line: self.reached.line + 1,
                    ..self.reached
                };
                let first = [self.window.first(), self.refused].into_iter().flatten();
                Some(first.min().unwrap_or(certain))
            }
        };
        let tally = Tally {
            records: self.records,
            first_unconfirmed: unconfirmed.map(|place| self.load.problems.shown(place)),
        };
        (ended, tally)
    }
}

impl Ended {
    fn weight(&self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::BadLine(_) | Self::BadFile(_) => 1,
            Self::Store(_, error) if error.kind() == ErrorKind::Timeout => 3,
            Self::Store(..) => 2,
            Self::Interrupted => 4,
        }
    }
}
