//! Reading entries back while the writer goes on.
//!
//! The index says where they are, under the lock; the file is read without it. So the
//! segment may be recycled meanwhile, and even be written again under another name.
//! Nothing of that passes for the entry: epoch and salt of the segment are under each
//! batch's checksum. What does not hold is damage if the index still says the same
//! afterwards, since it loses an entry before its segment can go; else it was outrun,
//! and is looked up again.

use std::path::PathBuf;
use std::sync::Arc;

use crc32c::crc32c;

use super::WalError;
use super::format::BATCH_HEADER_BYTES;
use super::index::{Place, Slot};
use super::queue::Shared;
use super::record::{GroupId, Record, RecordKind};
use super::scan::sound_header;
use super::segment::segment_path;
use crate::base::host::{Disk, DiskFile, OpenMode};
use crate::base::types::LogIndex;

/// Entries looked up at a time: everybody else waits for it.
const SLOTS_MAX: usize = 1024;

/// What it takes to read back.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) group: GroupId,
    pub(super) from: LogIndex,
    pub(super) to_exclusive: LogIndex,
    pub(super) bytes_max: usize,
}

/// Where some of it is.
struct Found {
    version: u64,
    /// Each with the salt of its segment.
    slots: Vec<(Slot, u64)>,
}

/// The batch that was read last: its neighbours are often in it too.
struct Loaded<'a> {
    reader: &'a Reader,
    file: Option<(u64, Box<dyn DiskFile>)>,
    /// The epoch of its segment, where it starts there, and its payload.
    batch: Option<(u64, u32, Vec<u8>)>,
}

impl Reader {
    /// Reads what is there of `wanted`; see `Wal::read`.
    pub(super) fn read(&self, wanted: Wanted) -> Result<Vec<Record>, WalError> {
        loop {
            // Each further turn is owed to a release or a truncation of this group.
            if let Some(records) = self.try_read(wanted)? {
                return Ok(records);
            }
        }
    }

    /// One attempt. None if entries of the group went meanwhile: an answer must not be
    /// put together from before and after that.
    fn try_read(&self, wanted: Wanted) -> Result<Option<Vec<Record>>, WalError> {
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut loaded = Loaded {
            reader: self,
            file: None,
            batch: None,
        };
        let mut found = self.find(wanted)?;
        let version = found.version;
        while found.version == version {
            for (slot, salt) in &found.slots {
                if let Some(last) = records.last()
                    && last.index.next() != slot.index
                {
                    return Err(WalError::Hole {
                        group: wanted.group,
                        last: last.index,
                        next: slot.index,
                    });
                }
                let record = match loaded.record(wanted.group, *slot, *salt) {
                    Ok(record) => record,
                    Err(_) if self.find(wanted)?.version != version => return Ok(None),
                    Err(error) => return Err(error),
                };
                bytes += record.payload.len();
                if bytes > wanted.bytes_max && !records.is_empty() {
                    return Ok(Some(records));
                }
                records.push(record);
            }
            if found.slots.len() < SLOTS_MAX {
                return Ok(Some(records));
            }
            let from = records.last().map_or(wanted.from, |last| last.index.next());
            found = self.find(Wanted { from, ..wanted })?;
        }
        Ok(None)
    }

    /// Looks up the first entries of `wanted`.
    fn find(&self, wanted: Wanted) -> Result<Found, WalError> {
        let state = self.shared.lock();
        if let Some(reason) = &state.poisoned {
            return Err(WalError::Poisoned(reason.clone()));
        }
        let group = wanted.group;
        let segments = &state.segments;
        let index = segments
            .index(group)
            .ok_or(WalError::NotIndexed { group })?;
        let slots = index.range(wanted.from, wanted.to_exclusive);
        Ok(Found {
            version: index.version(),
            slots: slots
                .take(SLOTS_MAX)
                .map(|slot| (slot, segments.salt(slot.place.epoch)))
                .collect(),
        })
    }
}

impl Loaded<'_> {
    /// The entry at `slot`, checked: its batch, and that it is the one asked for.
    fn record(&mut self, group: GroupId, slot: Slot, salt: u64) -> Result<Record, WalError> {
        let Place {
            epoch,
            batch,
            record,
        } = slot.place;
        let there = matches!(&self.batch, Some((e, b, _)) if (*e, *b) == (epoch, batch));
        if !there {
            let payload = self.load(slot.place, salt)?;
            self.batch = Some((epoch, batch, payload));
        }
        let payload = self
            .batch
            .as_ref()
            .map_or(&[][..], |(_, _, payload)| payload);
        let mut rest = payload.get(record as usize..).unwrap_or_default();
        let found = Record::decode(&mut rest).map_err(|what| self.corrupt(slot.place, what))?;
        let (kind, index) = (found.kind, found.index);
        if (found.group, kind, index) != (group, RecordKind::Entry, slot.index) {
            let what = format!(
                "the batch has {kind:?} {index} of group {} where entry {} of group {group} should be",
                found.group, slot.index
            );
            return Err(self.corrupt(slot.place, what));
        }
        Ok(found)
    }

    /// Reads the payload of the batch at `place`.
    fn load(&mut self, place: Place, salt: u64) -> Result<Vec<u8>, WalError> {
        let mut header = [0; BATCH_HEADER_BYTES];
        self.read_exact(place, 0, &mut header)?;
        let Some(header) = sound_header(&header, place.epoch, salt) else {
            return Err(self.corrupt(place, "no batch header, where a batch was written"));
        };
        let mut payload = vec![0; header.payload_bytes as usize];
        self.read_exact(place, BATCH_HEADER_BYTES as u64, &mut payload)?;
        if crc32c(&payload) != header.payload_crc {
            let what = format!("the checksum of batch {} is wrong", header.number);
            return Err(self.corrupt(place, what));
        }
        Ok(payload)
    }

    /// Fills `buffer` from `at` in the batch at `place` on.
    fn read_exact(&mut self, place: Place, at: u64, buffer: &mut [u8]) -> Result<(), WalError> {
        let path = segment_path(&self.reader.dir, place.epoch);
        let file = match self.file.take() {
            Some((epoch, file)) if epoch == place.epoch => file,
            _ => self
                .reader
                .disk
                .open(&path, OpenMode::Read)
                .map_err(|error| WalError::io(&path, "open", error))?,
        };
        let read = file.read_exact_at(buffer, u64::from(place.batch) + at);
        self.file = Some((place.epoch, file));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.corrupt(place, "the segment ends inside a batch"))
            }
            read => read.map_err(|error| WalError::io(&path, "read", error)),
        }
    }

    fn corrupt(&self, place: Place, what: impl Into<String>) -> WalError {
        let path = segment_path(&self.reader.dir, place.epoch);
        WalError::corrupt(&path, u64::from(place.batch), what)
    }
}
