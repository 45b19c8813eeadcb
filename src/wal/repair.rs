//! The second half of recovery: the fresh segment in which the log goes on.

use std::collections::BTreeMap;
use std::path::Path;

use super::WalError;
use super::format::{SEGMENT_HEADER_BYTES, SegmentHeader, batch_bytes, begin_batch, end_batch};
use super::record::{GroupId, Record, RecordKind};
use super::room::Sizes;
use super::scan::records_in;
use super::segment::segment_path;
use super::spares::{Spare, Spares, sync_data, sync_dir, write_at};
use super::survey::{Kept, Survey};
use super::writer::Current;
use crate::base::host::{Disk, Host, OpenMode};
use crate::base::types::NodeId;

/// The log after the repair.
pub(super) struct Repaired {
    pub(super) current: Current,
    /// The number of the next batch; every one before it is durable.
    pub(super) next_batch: u64,
}

/// Writes the states and the kept tail into a fresh segment and makes it durable,
/// name included; `survey` then describes the log with it. Nothing older is touched
/// before that.
pub(super) fn repair(
    host: &Host,
    dir: &Path,
    node: NodeId,
    sizes: &Sizes,
    spares: &mut Spares,
    survey: &mut Survey,
) -> Result<Repaired, WalError> {
    let disk = &*host.disk;
    check_states(sizes, &survey.states)?;
    let spare = take_spare(disk, sizes, spares, bytes_needed(survey))?;
    let mut salt = [0; 8];
    host.rng.fill(&mut salt);
    let header = SegmentHeader {
        node,
        epoch: survey.kept.last().map_or(1, |last| last.header.epoch + 1),
        salt: u64::from_le_bytes(salt),
        first_batch: survey.synced_through + 1,
        synced_through: survey.synced_through,
    };
    let mut fresh = Fresh::begin(spare, header)?;
    fresh.write_all(survey)?;
    let path = segment_path(dir, header.epoch);
    disk.rename(&fresh.spare.path, &path)
        .map_err(|error| WalError::io(&fresh.spare.path, "rename", error))?;
    sync_dir(disk, dir)?;
    if let Some(last) = survey.kept.last() {
        trim(disk, last)?;
        survey.segments.set_newest_bytes(last.end);
    }
    let length = fresh
        .spare
        .file
        .len()
        .map_err(|error| WalError::io(&path, "open", error))?;
    survey.segments.push(&header, length);
    note_tail(&path, &fresh.tail, survey)?;
    check_states(sizes, &survey.states)?;
    survey.kept.push(Kept {
        path: path.clone(),
        header,
        end_batch: fresh.next_batch,
        end: fresh.position,
    });
    Ok(Repaired {
        current: Current {
            file: fresh.spare.file,
            path,
            header,
            position: fresh.position,
            length,
        },
        next_batch: fresh.next_batch,
    })
}

/// A segment being made.
struct Fresh {
    spare: Spare,
    header: SegmentHeader,
    position: u64,
    next_batch: u64,
    /// Where each batch of the kept tail went, bytes.
    tail: Vec<u64>,
    buffer: Vec<u8>,
}

impl Fresh {
    fn begin(spare: Spare, header: SegmentHeader) -> Result<Self, WalError> {
        write_at(&*spare.file, &spare.path, &header.encode(), 0)?;
        Ok(Self {
            spare,
            header,
            position: SEGMENT_HEADER_BYTES as u64,
            next_batch: header.first_batch,
            tail: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Writes states and tail, makes them durable, and then says so in an empty last
    /// batch: damage to the tail is not taken for a torn write at the next start.
    fn write_all(&mut self, survey: &Survey) -> Result<(), WalError> {
        let mut states = Vec::new();
        survey
            .states
            .values()
            .for_each(|state| state.encode(&mut states));
        if !states.is_empty() {
            self.write(&states, self.header.synced_through)?;
        }
        for payload in survey.tail.payloads() {
            self.tail.push(self.position);
            self.write(payload, self.header.synced_through)?;
        }
        self.sync()?;
        if self.next_batch > self.header.first_batch {
            self.write(&[], self.next_batch - 1)?;
            self.sync()?;
        }
        Ok(())
    }

    fn write(&mut self, payload: &[u8], synced_through: u64) -> Result<(), WalError> {
        begin_batch(&mut self.buffer);
        self.buffer.extend_from_slice(payload);
        end_batch(
            &mut self.buffer,
            &self.header,
            self.next_batch,
            synced_through,
        );
        write_at(
            &*self.spare.file,
            &self.spare.path,
            &self.buffer,
            self.position,
        )?;
        self.position += self.buffer.len() as u64;
        self.next_batch += 1;
        Ok(())
    }

    fn sync(&self) -> Result<(), WalError> {
        sync_data(&*self.spare.file, &self.spare.path)
    }
}

fn bytes_needed(survey: &Survey) -> u64 {
    let states = survey.states.values().map(Record::encoded_bytes).sum();
    let tail = survey
        .tail
        .payloads()
        .map(|payload| batch_bytes(payload.len() as u64));
    SEGMENT_HEADER_BYTES as u64 + batch_bytes(states) + tail.sum::<u64>() + batch_bytes(0)
}

/// A whole segment if possible. On a full disk what is needed and what entries leave to
/// votes and the like, or just what is needed: the log then starts read-only instead of
/// not at all.
fn take_spare(
    disk: &dyn Disk,
    sizes: &Sizes,
    spares: &mut Spares,
    needed_bytes: u64,
) -> Result<Spare, WalError> {
    if needed_bytes <= sizes.segment_bytes {
        match spares.prepare(disk) {
            Ok(()) => return Ok(spares.take().expect("prepared just above")),
            Err(error) if error.is_out_of_space() => {}
            Err(error) => return Err(error),
        }
    }
    match spares.make(disk, needed_bytes + sizes.reserve_bytes) {
        Err(error) if error.is_out_of_space() => {}
        made => return made,
    }
    let path = spares.path();
    spares.make(disk, needed_bytes).map_err(|error| {
        if error.is_out_of_space() {
            WalError::OutOfSpace { path, needed_bytes }
        } else {
            error
        }
    })
}

/// Gives back what is superseded and free in a segment that is not written to any
/// more, so that many restarts do not fill the disk.
fn trim(disk: &dyn Disk, last: &Kept) -> Result<(), WalError> {
    let file = disk
        .open(&last.path, OpenMode::ReadWrite)
        .map_err(|error| WalError::io(&last.path, "open", error))?;
    file.set_len(last.end)
        .map_err(|error| WalError::io(&last.path, "truncate", error))?;
    sync_data(&*file, &last.path)
}

/// Notes what the kept tail holds, whose batches begin at `starts` now.
fn note_tail(path: &Path, starts: &[u64], survey: &mut Survey) -> Result<(), WalError> {
    for (payload, start) in survey.tail.payloads().zip(starts) {
        for record in records_in(payload) {
            let (offset, record) = record.map_err(|what| WalError::corrupt(path, *start, what))?;
            survey.segments.note(&record, *start, offset);
            if record.kind == RecordKind::State {
                survey.states.insert(record.group, record);
            }
        }
    }
    Ok(())
}

fn check_states(sizes: &Sizes, states: &BTreeMap<GroupId, Record>) -> Result<(), WalError> {
    let bytes = states.values().map(Record::encoded_bytes).sum();
    if bytes > sizes.states_bytes_max {
        return Err(WalError::TooLarge {
            what: "the state of all groups",
            bytes,
            bytes_max: sizes.states_bytes_max,
        });
    }
    Ok(())
}
