//! Reads files on a thread of its own, and hands over records a few hundred at a time: the
//! writes go on while a slow pipe is waited for.

use tokio::sync::mpsc;

use super::inputs::Inputs;
use super::item::Item;
use super::source::{Source, Unreadable};

/// Records in a chunk, at most.
const CHUNK_RECORDS_MAX: usize = 256;
/// Bytes of records in a chunk, about: one record more than this at most.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that were read and not yet taken.
const CHUNKS_MAX: usize = 4;

/// A line of a file. Files count from 0 in the order they were named, lines from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) line: u64,
}

/// What was read together.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Records, and what is wrong with those that are none.
    pub(super) records: Vec<(Place, Result<Item, String>)>,
    /// Why nothing follows, if not because the files are over.
    pub(super) broken: Option<(Place, String)>,
    /// Bytes read so far, of all files.
    pub(super) bytes_read: u64,
}

/// Starts reading. Must be called within a tokio runtime, which must not wait for its
/// threads in the end: a read from a terminal can take for ever.
pub(super) fn start(inputs: Inputs) -> mpsc::Receiver<Chunk> {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || {
        let mut feed = Feed {
            sender,
            chunk: Chunk::default(),
            chunk_bytes: 0,
            bytes_before: 0,
        };
        for (file, (_, source)) in inputs.files.into_iter().enumerate() {
            if feed.read(file, source).is_none() {
                return;
            }
        }
        feed.send();
    });
    receiver
}

struct Feed {
    sender: mpsc::Sender<Chunk>,
    chunk: Chunk,
    chunk_bytes: usize,
    /// Bytes of the files that were read to their end.
    bytes_before: u64,
}

impl Feed {
    /// Reads one file to its end; `None` if nothing more is wanted.
    fn read(&mut self, file: usize, mut source: Source) -> Option<()> {
        let mut line = 0;
        loop {
            let read = match source.next() {
                Ok(Some(read)) => read,
                Ok(None) => break,
                Err(unreadable) => {
                    self.chunk.broken = Some(match unreadable {
                        Unreadable::Io(error) => {
                            let place = Place {
                                file,
                                line: line + 1,
                            };
                            (place, format!("cannot read any further: {error}"))
                        }
                        Unreadable::Content { line, why } => (Place { file, line }, why),
                    });
                    self.send();
                    return None;
                }
            };
            line = read.line;
            self.chunk_bytes += read.item.as_ref().map_or(0, Item::weight_bytes);
            self.chunk.records.push((Place { file, line }, read.item));
            self.chunk.bytes_read = self.bytes_before + source.bytes_read();
            let is_full =
                self.chunk.records.len() >= CHUNK_RECORDS_MAX || self.chunk_bytes >= CHUNK_BYTES;
            if is_full || source.may_block() {
                self.send()?;
            }
        }
        self.bytes_before += source.bytes_read();
        Some(())
    }

    /// Hands over what was read; `None` if nobody wants it.
    fn send(&mut self) -> Option<()> {
        self.chunk_bytes = 0;
        let chunk = std::mem::take(&mut self.chunk);
        self.sender.blocking_send(chunk).ok()
    }
}
