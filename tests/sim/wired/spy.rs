//! A watcher that uses the library, which goes on by itself wherever it can. Now and then it begins
//! anew; in the end it must have been told everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use dkv::base::types::Revision;
use dkv::base::{Error, ErrorKind};
use dkv::client::{Client, Watch, WatchOptions};

use crate::check::dice::Dice;
use crate::check::watched::told::{Begin, Stream, Told, Watcher};
use crate::library::watched::{message, options};
use crate::stage::{Event, Stage};
use crate::wishes;

/// How long a stream lasts at most that it gives up by itself, ms.
const STREAM_MS_MAX: u64 = 4_000;

/// How often it looks up from a silent watch.
const LOOKS_UP: Duration = Duration::from_millis(100);

/// Before it asks again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long after the end of all load it must have been told everything, ms.
const TOLD_WITHIN_MS: u64 = 20_000;

/// See the module.
pub(crate) struct Spy {
    stage: Arc<Stage>,
    client: Client,
    dice: Dice,
    /// A mark comes after so long a silence.
    progress: Duration,
    record: Watcher,
}

/// How a stream ended.
enum End {
    /// It was told everything.
    Told,
    /// The history begins with this revision.
    Compacted(u64),
    /// It had enough, or the watch was over.
    Left,
}

impl Spy {
    pub(crate) fn new(name: &str, stage: &Arc<Stage>, client: Client, mut dice: Dice) -> Self {
        let wanted = wishes::draw(&mut dice);
        Self {
            stage: stage.clone(),
            client,
            progress: Duration::from_millis(*dice.pick(&[100, 200, 600])),
            dice,
            record: Watcher {
                name: name.to_owned(),
                wanted,
                streams: Vec::new(),
            },
        }
    }

    pub(crate) async fn run(mut self) {
        self.note(format!("wants {:?}", self.record.wanted));
        let mut begin = self.draw_begin();
        loop {
            let end = self.stream(begin).await;
            let through = self.record.streams.last().and_then(Stream::through);
            begin = match end {
                _ if self.is_late(through) => break,
                End::Told => break,
                End::Compacted(first) => {
                    self.stage.count(Event::Compacted);
                    Begin::From(first)
                }
                End::Left => match through {
                    Some(through) if self.dice.percent(70) => Begin::From(through + 1),
                    _ => self.draw_begin(),
                },
            };
            sleep(PAUSE).await;
        }
        self.stage.record_watcher(self.record);
    }

    fn note(&self, what: impl std::fmt::Display) {
        self.stage.note(format!("{} {what}", self.record.name));
    }

    fn is_wrong(&self, what: impl std::fmt::Display) {
        self.stage.is_wrong(format!("{} {what}", self.record.name));
    }

    fn draw_begin(&mut self) -> Begin {
        let confirmed = self.stage.confirmed();
        match self.dice.below(3) {
            0 => Begin::Now { at_most_after: 0 },
            1 => Begin::Initial,
            _ => {
                let from = self.dice.within(confirmed.saturating_sub(100), confirmed);
                Begin::From(from.max(1))
            }
        }
    }

    /// Opens a watch, however long that takes.
    async fn open(&self, begin: Begin) -> Result<(Begin, Watch), Error> {
        let options = WatchOptions {
            progress: Some(self.progress),
            ..options(&self.record.wanted, begin)
        };
        let watch = loop {
            match self.client.watch(options.clone()).await {
                Err(error) if is_passing(&error) => sleep(PAUSE).await,
                opened => break opened?,
            }
        };
        let Begin::Now { .. } = begin else {
            return Ok((begin, watch));
        };
        // The watch is there: whatever comes after what is there now will be told.
        loop {
            match self.client.get_dated("nothing").await {
                Ok(read) => {
                    let Revision(at_most_after) = read.revision;
                    return Ok((Begin::Now { at_most_after }, watch));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// One stream, from its opening on.
    async fn stream(&mut self, begin: Begin) -> End {
        let (begin, mut watch) = match self.open(begin).await {
            Ok(opened) => opened,
            Err(error) => {
                let told = Vec::new();
                return self.over(Stream { begin, told }, &error);
            }
        };
        self.note(format!("begins {begin:?}"));
        let mut stream = Stream {
            begin,
            told: Vec::new(),
        };
        let leaves_ms = self.stage.now_ms() + self.dice.within(100, STREAM_MS_MAX);
        loop {
            if self.is_told(&stream) {
                self.record.streams.push(stream);
                return End::Told;
            }
            let is_over = match self.stage.ended() {
                None => self.stage.now_ms() > leaves_ms,
                Some(_) => self.is_late(stream.through()),
            };
            if is_over {
                break;
            }
            match timeout(LOOKS_UP, watch.next()).await {
                Ok(Some(Ok(batch))) => {
                    let (told, through) = message(&batch);
                    self.count(&told);
                    self.note(format!("through {through:?}, {} told", batch.events.len()));
                    stream.told.push(told);
                }
                // It goes on by itself when it is asked again.
                Ok(Some(Err(error))) if is_passing(&error) => self.note(error),
                Ok(Some(Err(error))) => return self.over(stream, &error),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        self.record.streams.push(stream);
        End::Left
    }

    fn is_told(&self, stream: &Stream) -> bool {
        let last = self.stage.ended().map(|(_, last)| last);
        last.is_some_and(|last| stream.through() >= Some(last))
    }

    /// Counts what was told.
    fn count(&self, told: &Told) {
        match told {
            Told::Initial { through, .. } => {
                let is_whole = through.is_some();
                self.stage.count_many(Event::Initial, u64::from(is_whole));
            }
            Told::Changes { events, .. } if events.is_empty() => self.stage.count(Event::Mark),
            Told::Changes { events, .. } => {
                self.stage.count_many(Event::Told, events.len() as u64);
            }
            Told::Compacted { .. } => {}
        }
    }

    /// A watch had its last word.
    fn over(&mut self, mut stream: Stream, error: &Error) -> End {
        self.note(error);
        let first = match (error.kind(), error.compacted_floor()) {
            (ErrorKind::Compacted, Some(Revision(first))) => first,
            _ => {
                self.is_wrong(format!("cannot watch any more: {error}"));
                return End::Left;
            }
        };
        stream.told.push(Told::Compacted { first });
        self.record.streams.push(stream);
        End::Compacted(first)
    }

    /// True if all load ended long ago; that is wrong.
    fn is_late(&self, through: Option<u64>) -> bool {
        let Some((since_ms, last)) = self.stage.ended() else {
            return false;
        };
        let is_late = through < Some(last) && self.stage.now_ms() > since_ms + TOLD_WITHIN_MS;
        if is_late {
            self.is_wrong(format!(
                "was told through {through:?}, and never through {last}"
            ));
        }
        is_late
    }
}

/// True for what passes when all is mended.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}
