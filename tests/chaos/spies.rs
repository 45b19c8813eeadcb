//! Watchers during a run: each asks for something else, is told what happens, now and then begins
//! anew where it was or elsewhere, and goes on until it has been told the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dkv::base::types::Revision;
use dkv::base::{Error, ErrorKind};
use dkv::client::{ChangeKind, Client, HistoryOptions, KeyRange, Watch, WatchOptions, Watched};
use tokio::task::JoinSet;

use crate::check::dice::Dice;
use crate::check::watched::log::Log;
use crate::check::watched::told::{Begin, Event, Kind, Stream, Told, Wanted, Watcher};
use crate::library;
use crate::library::watched::{message, options};
use crate::wire::{bytes, text};

/// Nobody knows yet with which revision the run ends.
const NO_END: u64 = u64::MAX;

/// How long one stream lasts at most, unless it is the last, ms.
const STREAM_MS_MAX: u64 = 4_000;

/// The watchers of a run.
pub(crate) struct Spies {
    end: Arc<AtomicU64>,
    spies: JoinSet<Result<Watcher, String>>,
}

/// One of them.
struct Spy {
    client: Client,
    dice: Dice,
    end: Arc<AtomicU64>,
    keys: Watched,
    watcher: Watcher,
    /// It asks for everything, from the beginning on, and never begins anew of its own accord.
    is_archivist: bool,
}

impl Spies {
    /// Starts so many, of which the first has everything from the beginning.
    pub(crate) async fn start(addresses: &[String], many: u32, dice: &Dice) -> Self {
        let end = Arc::new(AtomicU64::new(NO_END));
        let mut spies = JoinSet::new();
        for number in 0..many {
            let mut endpoints = addresses.to_vec();
            endpoints.rotate_left(number as usize % addresses.len());
            let client = library::connect(endpoints).await;
            let dice = dice.fork(3_000 + u64::from(number));
            let spy = Spy::new(client, dice, Arc::clone(&end), number);
            spies.spawn(spy.run());
        }
        Self { end, spies }
    }

    /// Waits until all have been told everything up to the last revision.
    ///
    /// # Errors
    /// Says who was not told, or what was refused for no reason.
    pub(crate) async fn finish(mut self, last: u64) -> Result<Vec<Watcher>, String> {
        self.end.store(last, Ordering::SeqCst);
        let mut watchers = Vec::new();
        while let Some(ended) = self.spies.join_next().await {
            watchers.push(ended.expect("a watcher does not panic")?);
        }
        watchers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(watchers)
    }
}

/// Everything that happened, as the first watcher was told, and where a node remembers it otherwise.
///
/// # Errors
/// If a node cannot be asked.
pub(crate) async fn log(
    watchers: &[Watcher],
    addresses: &[String],
) -> Result<(Log, Vec<String>), String> {
    let archivist = watchers.first().expect("there is one");
    let streams = archivist.streams.iter();
    let gaps = streams
        .flat_map(|stream| &stream.told)
        .filter_map(|told| match told {
            Told::Compacted { first } => Some(*first),
            _ => None,
        });
    let from = gaps.max().unwrap_or(1);
    let events: Vec<Event> = archivist
        .streams
        .iter()
        .flat_map(Stream::events)
        .cloned()
        .collect();
    let log = Log::new(from, events);
    let mut keys: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in log.events() {
        keys.entry(&event.key).or_default().push(event);
    }
    let mut differences = Vec::new();
    for address in addresses {
        let client = library::connect(vec![address.clone()]).await;
        for (key, told) in &keys {
            let known = remembered(&client, key).await;
            let (known, floor) =
                known.map_err(|error| format!("{address} has no history: {error}"))?;
            let difference = compare(told, &known, floor.max(from)).err();
            differences.extend(difference.map(|it| format!("{address} remembers otherwise: {it}")));
        }
    }
    Ok((log, differences))
}

/// Checks that what was told of a key and what a node remembers is the same, from a revision on.
fn compare(told: &[&Event], known: &[Event], from: u64) -> Result<(), String> {
    let told: Vec<&Event> = told
        .iter()
        .copied()
        .filter(|it| it.revision >= from)
        .collect();
    let known: Vec<&Event> = known.iter().filter(|it| it.revision >= from).collect();
    let what = |it: &&Event| (it.revision, it.kind, it.value.clone());
    if told.iter().map(what).eq(known.iter().map(what)) {
        return Ok(());
    }
    let is_in = |one: &&Event, all: &[&Event]| all.iter().any(|it| what(it) == what(one));
    let untold = known.iter().find(|it| !is_in(it, &told));
    let unknown = told.iter().find(|it| !is_in(it, &known));
    Err(format!("{untold:?} was not told, {unknown:?} was"))
}

/// What a key went through, as a node has it, and the first revision that it knows of.
async fn remembered(client: &Client, key: &str) -> Result<(Vec<Event>, u64), Error> {
    let mut events = Vec::new();
    let mut floor = 0;
    let mut next = Some(HistoryOptions::default());
    while let Some(options) = next {
        let page = client.history(bytes(key), options).await?;
        next = page.older;
        floor = floor.max(page.floor.0);
        for change in page.changes {
            let kind = match change.kind {
                ChangeKind::Set => Kind::Set,
                ChangeKind::Delete => Kind::Delete,
                ChangeKind::Expire => Kind::Expire,
                ChangeKind::Touch => continue,
            };
            let value = change.record.filter(|_| kind == Kind::Set);
            events.push(Event {
                revision: change.revision.0,
                kind,
                key: key.to_owned(),
                value: value.map(|record| text(&record.value)),
                previous: None,
            });
        }
    }
    // The newest came first.
    events.reverse();
    Ok((events, floor))
}

impl Spy {
    fn new(client: Client, mut dice: Dice, end: Arc<AtomicU64>, number: u32) -> Self {
        let is_archivist = number == 0;
        let (keys, start, until) = match is_archivist {
            true => (Watched::default(), String::new(), None),
            false => draw_keys(&mut dice),
        };
        let kinds = match dice.below(10) {
            0..=1 if !is_archivist => vec![Kind::Set],
            2 if !is_archivist => vec![Kind::Delete],
            _ => Vec::new(),
        };
        let watcher = Watcher {
            name: format!("watcher-{number:03}"),
            wanted: Wanted {
                start,
                end: until,
                kinds,
                previous: is_archivist || dice.percent(50),
            },
            streams: Vec::new(),
        };
        Self {
            client,
            dice,
            end,
            keys,
            watcher,
            is_archivist,
        }
    }

    async fn run(mut self) -> Result<Watcher, String> {
        let mut from = Some(1);
        loop {
            let begin = match from.take() {
                Some(from) => Begin::From(from),
                None => self.draw_begin().await,
            };
            let is_over = self.stream(begin).await?;
            if is_over {
                return Ok(self.watcher);
            }
            let last = self.watcher.streams.last().expect("there was one");
            from = match last.told.last() {
                Some(Told::Compacted { first }) => Some(*first),
                _ if self.is_archivist || self.dice.percent(50) => {
                    last.through().map(|through| through + 1)
                }
                _ => None,
            };
        }
    }

    /// Where the next stream begins that does not go on.
    async fn draw_begin(&mut self) -> Begin {
        match self.dice.below(4) {
            0 => Begin::Initial,
            1 => Begin::Now { at_most_after: 0 },
            _ => {
                let back = self.dice.within(0, 100);
                let known = self.known().await;
                Begin::From(known.saturating_sub(back).max(1))
            }
        }
    }

    /// The shard's revision, asked for until it is told.
    async fn known(&self) -> u64 {
        let began = Instant::now();
        loop {
            match self.client.get_dated("nothing").await {
                Ok(read) => return read.revision.0,
                Err(error) => assert!(began.elapsed() < crate::PATIENCE, "no answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn open(&self, begin: Begin) -> Result<Watch, Error> {
        let options = WatchOptions {
            keys: self.keys.clone(),
            progress: Some(Duration::from_millis(200)),
            ..options(&self.watcher.wanted, begin)
        };
        self.client.watch(options).await
    }

    /// One stream; true if it was told all there is.
    async fn stream(&mut self, begin: Begin) -> Result<bool, String> {
        let began = Instant::now();
        let mut watch = loop {
            match self.open(begin).await {
                Ok(watch) => break watch,
                Err(error) if error.kind() == ErrorKind::Compacted => {
                    self.compacted(begin, Vec::new(), &error)?;
                    return Ok(false);
                }
                Err(error) if began.elapsed() > crate::PATIENCE || is_final(&error) => {
                    let name = &self.watcher.name;
                    return Err(format!("{name} cannot watch, {begin:?}: {error}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let begin = match begin {
            // The watch is there: whatever comes after what is there now will be told.
            Begin::Now { .. } => Begin::Now {
                at_most_after: self.known().await,
            },
            other => other,
        };
        let lasts = Duration::from_millis(self.dice.within(100, STREAM_MS_MAX));
        let mut told: Vec<Told> = Vec::new();
        let mut through = 0;
        let mut began = Instant::now();
        let (is_over, compacted) = loop {
            let end = self.end.load(Ordering::SeqCst);
            if through >= end {
                break (true, None);
            }
            let is_last = end != NO_END || self.is_archivist;
            if !is_last && began.elapsed() > lasts {
                break (false, None);
            }
            let next = tokio::time::timeout(Duration::from_millis(500), watch.next()).await;
            match next {
                Ok(Some(Ok(batch))) => {
                    let (message, up_to) = message(&batch);
                    through = up_to.unwrap_or(through);
                    told.push(message);
                    began = if is_last { Instant::now() } else { began };
                }
                Ok(Some(Err(error))) if error.kind() == ErrorKind::Compacted => {
                    break (false, Some(error));
                }
                Ok(Some(Err(error))) if is_final(&error) => {
                    return Err(format!("{}: the watch ended: {error}", self.watcher.name));
                }
                Ok(None) => break (false, None),
                Ok(Some(Err(_))) | Err(_) => {}
            }
            if began.elapsed() > crate::PATIENCE {
                let name = &self.watcher.name;
                return Err(format!("{name} was told up to {through}, and not to {end}"));
            }
        };
        match compacted {
            Some(error) => self.compacted(begin, told, &error)?,
            None => self.watcher.streams.push(Stream { begin, told }),
        }
        Ok(is_over)
    }

    fn compacted(&mut self, begin: Begin, told: Vec<Told>, error: &Error) -> Result<(), String> {
        let Some(Revision(first)) = error.compacted_floor() else {
            return Err(format!("`{error}` does not say where the history begins"));
        };
        let mut told = told;
        told.push(Told::Compacted { first });
        self.watcher.streams.push(Stream { begin, told });
        Ok(())
    }
}

/// True for what must not happen to a sound watch, whatever happens to nodes.
fn is_final(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// One key, some, or all; with the first one, and the first one behind.
fn draw_keys(dice: &mut Dice) -> (Watched, String, Option<String>) {
    let range = |start: &str, end: &str| {
        let keys = KeyRange {
            start: bytes(start),
            end: bytes(end),
        };
        let end = (!end.is_empty()).then(|| end.to_owned());
        (Watched::Range(keys), start.to_owned(), end)
    };
    match dice.below(6) {
        0 => range("", ""),
        1 => {
            let key = format!("counter-{}", dice.below(3));
            let keys = Watched::Key(bytes(&key));
            (keys, key.clone(), Some(format!("{key}\0")))
        }
        2 => range("account-", "account."),
        3 => range("counter-", "list."),
        4 => range("list-0-1", "list-0-3"),
        _ => range("pair-", ""),
    }
}
