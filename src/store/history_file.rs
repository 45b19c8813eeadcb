//! A shard's history on disk: append-only files beside the checkpoints.
//!
//! History is written at checkpoints only: what came later is made again by replaying
//! the log. A file holds every event of a span of revisions; spans follow one another
//! without a hole, or what is before the hole is dropped:
//!
//! ```text
//! history-<from, 20 digits>-<through, 20 digits>.events
//!   "DKVHIST1"                      8 bytes: magic and format version
//!   length u32 LE, crc32c u32 LE    of one encoded event, then the event; repeated
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::host::{Disk, OpenMode, is_no_room};
use crate::base::types::Revision;
use crate::engine::EngineError;
use crate::kv::Record;
use crate::machine::{Event, codec};

const MAGIC: &[u8; 8] = b"DKVHIST1";
const FRAME_BYTES: usize = 8;
const WRITE_BYTES: usize = 1 << 20;

/// A file ends with the revision that crosses this: what trimming is exact to.
const FILE_BYTES: usize = 16 << 20;

/// No file is longer than this, bytes: what one revision changes goes into one.
const FILE_BYTES_LIMIT: u64 = 256 << 20;

/// Revisions `from` to `through`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first revision that is covered.
    pub from: Revision,
    /// The last one.
    pub through: Revision,
}

/// The history files of one shard.
pub struct HistoryFiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Oldest first, each starting where the one before it ends.
    files: Vec<Span>,
}

/// What the files hold.
pub struct LoadedHistory {
    /// From this revision on no event is missing.
    pub floor: Revision,
    /// The events, oldest first.
    pub events: Vec<Arc<Event>>,
}

impl HistoryFiles {
    /// Finds the files in `dir`, which is made if it is missing, and reads the events
    /// up to `upto`, the revision of the checkpoint: later ones come again from the log.
    /// History may be short, never wrong: what is before a damaged or missing file is
    /// dropped, with a warning.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        upto: Revision,
    ) -> Result<(Self, LoadedHistory), EngineError> {
        let mut this = Self {
            disk,
            dir,
            files: Vec::new(),
        };
        this.disk
            .create_dir_all(&this.dir)
            .map_err(|source| this.failed(source))?;
        let names = this
            .disk
            .list(&this.dir)
            .map_err(|source| this.failed(source))?;
        for name in names.iter().filter(|name| is_leftover(name)) {
            let path = this.dir.join(name);
            this.disk
                .remove(&path)
                .map_err(|source| io_error(&path, source))?;
        }
        let mut spans: Vec<_> = names.iter().filter_map(|name| parse_name(name)).collect();
        spans.sort();
        let mut loaded = LoadedHistory {
            floor: upto.next(),
            events: Vec::new(),
        };
        for span in spans {
            this.take(span, upto, &mut loaded)?;
        }
        if this.files.last().is_some_and(|last| last.through < upto) {
            this.drop_all(&mut loaded, "history ends before the checkpoint")?;
        }
        loaded.floor = this.files.first().map_or(upto.next(), |first| first.from);
        this.disk
            .sync_dir(&this.dir)
            .map_err(|source| this.failed(source))?;
        Ok((this, loaded))
    }

    /// Takes one more file into the chain.
    fn take(
        &mut self,
        span: Span,
        upto: Revision,
        loaded: &mut LoadedHistory,
    ) -> Result<(), EngineError> {
        let known = self.files.last().map(|last| last.through);
        if self.files.contains(&span) {
            // What was kept of an earlier one has just taken its place.
            return Ok(());
        }
        if known.is_some_and(|known| span.through <= known) {
            return self.remove(span);
        }
        let Some(mut events) = self.read(span)? else {
            self.drop_all(loaded, "a history file is damaged")?;
            return self.remove(span);
        };
        if known.is_some_and(|known| span.from > known.next()) {
            self.drop_all(loaded, "a history file is missing")?;
        }
        let after = self.files.last().map_or(Revision(0), |last| last.through);
        events.retain(|event| event.revision > after && event.revision <= upto);
        if span.through <= upto && span.from > after {
            self.files.push(span);
        } else {
            // Written for a checkpoint that was never finished. IMPORTANT: what it has
            // up to the checkpoint gets a file of its own before it goes, or a crash in
            // between would leave a hole.
            let kept = Span {
                from: span.from.max(after.next()),
                through: span.through.min(upto),
            };
            self.append(kept, &events)?;
            self.remove(span)?;
        }
        loaded.events.append(&mut events);
        Ok(())
    }

    fn drop_all(&mut self, loaded: &mut LoadedHistory, why: &str) -> Result<(), EngineError> {
        tracing::warn!(dir = %self.dir.display(), "{why}: what is before it was dropped");
        loaded.events.clear();
        for span in std::mem::take(&mut self.files) {
            self.remove(span)?;
        }
        Ok(())
    }

    /// Makes all events of a span durable; the span goes on where the last one ends,
    /// or starts anew behind a gap. An empty span is ignored. Large spans are cut, so
    /// that old ones can go soon.
    ///
    /// # Errors
    /// When the file system fails, out of space included; the first files of the span
    /// may be there then, and the next append goes on behind them.
    pub fn append(&mut self, span: Span, events: &[Arc<Event>]) -> Result<(), EngineError> {
        // What an append that ran out of space had written already is not written again.
        let known = self.files.last().map_or(Revision(0), |last| last.through);
        let mut from = span.from.max(known.next());
        let mut rest = &events[events.partition_point(|event| event.revision <= known)..];
        while !rest.is_empty() {
            let (file, later) = rest.split_at(events_of_one_file(rest));
            let last = file.last().map_or(span.through, |event| event.revision);
            let through = if later.is_empty() { span.through } else { last };
            self.append_file(Span { from, through }, file)?;
            from = through.next();
            rest = later;
        }
        // A span whose changes were all of locks has no events, and is known all the same.
        self.append_file(
            Span {
                from,
                through: span.through,
            },
            &[],
        )
    }

    fn append_file(&mut self, span: Span, events: &[Arc<Event>]) -> Result<(), EngineError> {
        if span.from > span.through {
            return Ok(());
        }
        let path = self.path(span);
        let tmp = path.with_extension("tmp");
        let written = self.write(&tmp, events).and_then(|()| {
            self.disk.rename(&tmp, &path)?;
            self.disk.sync_dir(&self.dir)
        });
        match written {
            Ok(()) => {
                self.files.push(span);
                Ok(())
            }
            Err(full) if is_no_room(&full) => {
                // Best effort: a leftover is removed at the next start.
                let _left = self.disk.remove(&tmp);
                let needed = events.iter().map(|event| event.key.len() as u64 + 64).sum();
                Err(EngineError::OutOfSpace { path, needed })
            }
            Err(source) => Err(io_error(&path, source)),
        }
    }

    /// Removes the files whose events are all below `floor`.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn trim(&mut self, floor: Revision) -> Result<(), EngineError> {
        let gone = self.files.partition_point(|span| span.through < floor);
        for span in self.files.drain(..gone).collect::<Vec<_>>() {
            self.remove(span)?;
        }
        Ok(())
    }

    fn write(&self, tmp: &Path, events: &[Arc<Event>]) -> io::Result<()> {
        if let Err(error) = self.disk.remove(tmp)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let file = self.disk.open(tmp, OpenMode::CreateNew)?;
        let mut buffer = MAGIC.to_vec();
        let mut offset = 0;
        for event in events {
            let frame = buffer.len();
            buffer.extend_from_slice(&[0; FRAME_BYTES]);
            codec::put_event(event, &mut buffer);
            let encoded = &buffer[frame + FRAME_BYTES..];
            let length = u32::try_from(encoded.len()).expect("an event fits in one entry");
            let crc = crc32c::crc32c(encoded);
            buffer[frame..frame + 4].copy_from_slice(&length.to_le_bytes());
            buffer[frame + 4..frame + FRAME_BYTES].copy_from_slice(&crc.to_le_bytes());
            if buffer.len() >= WRITE_BYTES {
                file.write_all_at(&buffer, offset)?;
                offset += buffer.len() as u64;
                buffer.clear();
            }
        }
        file.write_all_at(&buffer, offset)?;
        file.sync_data()
    }

    /// The events of a file; `None` if it is damaged, or went with those before it.
    fn read(&self, span: Span) -> Result<Option<Vec<Arc<Event>>>, EngineError> {
        let path = self.path(span);
        let failed = |source| io_error(&path, source);
        let file = match self.disk.open(&path, OpenMode::Read) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let length = file.len().map_err(failed)?;
        if length > FILE_BYTES_LIMIT {
            return Ok(None);
        }
        let mut content = vec![0; usize::try_from(length).expect("it is within the limit")];
        file.read_exact_at(&mut content, 0).map_err(failed)?;
        let mut rest = Bytes::from(content);
        let mut take = |bytes: usize| (bytes <= rest.len()).then(|| rest.split_to(bytes));
        if take(MAGIC.len()).as_deref() != Some(MAGIC) {
            return Ok(None);
        }
        let mut events = Vec::new();
        while let Some(frame) = take(FRAME_BYTES) {
            let (length, crc) = frame.split_at(4);
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
            let (length, crc) = (number(length) as usize, number(crc));
            let Some(encoded) = take(length) else {
                return Ok(None);
            };
            if crc32c::crc32c(&encoded) != crc {
                return Ok(None);
            }
            // The events share the file's bytes: they go together, as the file does.
            let Ok(event) = codec::decode_event(encoded) else {
                return Ok(None);
            };
            events.push(Arc::new(event));
        }
        // A file is renamed into place whole: anything left over is damage.
        Ok((rest.is_empty() && are_of(span, &events)).then_some(events))
    }

    fn remove(&self, span: Span) -> Result<(), EngineError> {
        let path = self.path(span);
        match self.disk.remove(&path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| io_error(&path, source)),
        }
    }

    fn path(&self, span: Span) -> PathBuf {
        let Span { from, through } = span;
        self.dir
            .join(format!("history-{:020}-{:020}.events", from.0, through.0))
    }

    fn failed(&self, source: io::Error) -> EngineError {
        io_error(&self.dir, source)
    }
}

/// How many events fill a file; those of one revision stay together.
fn events_of_one_file(events: &[Arc<Event>]) -> usize {
    let mut bytes = 0;
    for (at, pair) in events.windows(2).enumerate() {
        let values = [&pair[0].record, &pair[0].previous].into_iter().flatten();
        bytes += pair[0].key.len() + values.map(Record::weight).sum::<usize>();
        if bytes >= FILE_BYTES && pair[0].revision != pair[1].revision {
            return at + 1;
        }
    }
    events.len()
}

/// Whether these are events of that span, in order: a file may have been given another's name.
fn are_of(span: Span, events: &[Arc<Event>]) -> bool {
    let place = |event: &Arc<Event>| (event.revision, event.sub);
    let in_span = |event: &Arc<Event>| (span.from..=span.through).contains(&event.revision);
    events.is_sorted_by(|a, b| place(a) < place(b)) && events.iter().all(in_span)
}

fn is_leftover(name: &str) -> bool {
    name.starts_with("history-") && name.ends_with(".tmp")
}

fn parse_name(name: &str) -> Option<Span> {
    let span = name.strip_prefix("history-")?.strip_suffix(".events")?;
    let (from, through) = span.split_once('-')?;
    let revision = |text: &str| text.parse().ok().map(Revision);
    let span = Span {
        from: revision(from)?,
        through: revision(through)?,
    };
    (span.from <= span.through).then_some(span)
}

fn io_error(path: &Path, source: io::Error) -> EngineError {
    EngineError::Io {
        path: path.to_owned(),
        source,
    }
}
