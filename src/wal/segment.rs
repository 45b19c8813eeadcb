//! The segments that are alive, and who still needs which.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::format::SegmentHeader;
use super::index::{GroupIndex, Place};
use super::record::{GroupId, Record, RecordKind};
use crate::base::types::LogIndex;

const SUFFIX: &str = ".wal";

/// What a segment is called: names sort as epochs do.
pub(super) fn segment_path(dir: &Path, epoch: u64) -> PathBuf {
    dir.join(format!("{epoch:016x}{SUFFIX}"))
}

/// The epoch a file's name claims, if it is a segment's name.
pub(super) fn epoch_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let well_formed = digits.len() == 16
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    well_formed.then(|| u64::from_str_radix(digits, 16).expect("16 hex digits are a u64"))
}

/// True for the name of a file that holds a part of a log; a spare file holds none.
pub fn is_segment(name: &str) -> bool {
    epoch_of(name).is_some()
}

/// One segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) epoch: u64,
    /// Its length on disk.
    pub(super) bytes: u64,
    /// What its checksums are made with.
    salt: u64,
    /// The last entry of each group in it that is not void.
    last: BTreeMap<GroupId, LogIndex>,
}

/// The segments, oldest first; the last one is written to.
#[derive(Debug)]
pub(super) struct Segments {
    alive: VecDeque<Segment>,
    released: BTreeMap<GroupId, LogIndex>,
    /// Where the entries are of those groups that read them back.
    indexes: BTreeMap<GroupId, GroupIndex>,
}

impl Segments {
    /// None yet; entries of `indexed` can be read back.
    pub(super) fn new(indexed: &BTreeSet<GroupId>) -> Self {
        let indexes = indexed.iter().map(|group| (*group, GroupIndex::default()));
        Self {
            alive: VecDeque::new(),
            released: BTreeMap::new(),
            indexes: indexes.collect(),
        }
    }

    /// Begins a segment after the others.
    pub(super) fn push(&mut self, header: &SegmentHeader, bytes: u64) {
        self.alive.push_back(Segment {
            epoch: header.epoch,
            bytes,
            salt: header.salt,
            last: BTreeMap::new(),
        });
    }

    /// The newest segment was cut to `bytes`.
    pub(super) fn set_newest_bytes(&mut self, bytes: u64) {
        if let Some(newest) = self.alive.back_mut() {
            newest.bytes = bytes;
        }
    }

    /// Notes a record that was written to the newest segment, at `offset` in the payload
    /// of the batch that starts at `batch`.
    pub(super) fn note(&mut self, record: &Record, batch: u64, offset: u64) {
        match record.kind {
            RecordKind::Entry => self.note_entry(record, batch, offset),
            RecordKind::Truncate => self.truncate(record.group, record.index),
            RecordKind::Purge => self.release(record.group, record.index),
            RecordKind::State => {}
        }
    }

    fn note_entry(&mut self, record: &Record, batch: u64, offset: u64) {
        let (group, index) = (record.group, record.index);
        let newest = self.alive.back_mut();
        let newest = newest.expect("there is always a newest segment");
        let last = newest.last.entry(group).or_insert(index);
        *last = index.max(*last);
        let place = || Place {
            epoch: newest.epoch,
            batch: u32::try_from(batch).expect("a segment has at most 2 GiB"),
            record: u32::try_from(offset).expect("a batch is shorter than its segment"),
        };
        let is_released = self.released.get(&group).is_some_and(|upto| index <= *upto);
        if let Some(entries) = self.indexes.get_mut(&group).filter(|_| !is_released) {
            entries.insert(index, place());
        }
    }

    /// Void entries pin nothing, and are not read.
    fn truncate(&mut self, group: GroupId, from: LogIndex) {
        for segment in &mut self.alive {
            if segment.last.get(&group).is_some_and(|last| *last >= from) {
                match from.0.checked_sub(1) {
                    Some(last) => segment.last.insert(group, LogIndex(last)),
                    None => segment.last.remove(&group),
                };
            }
        }
        if let Some(entries) = self.indexes.get_mut(&group) {
            entries.truncate(from);
        }
    }

    /// Entries of `group` up to `index` are not needed any more.
    pub(super) fn release(&mut self, group: GroupId, index: LogIndex) {
        let released = self.released.entry(group).or_insert(index);
        *released = index.max(*released);
        if let Some(entries) = self.indexes.get_mut(&group) {
            entries.release(index);
        }
    }

    /// Where the entries of `group` are, if that was asked for.
    pub(super) fn index(&self, group: GroupId) -> Option<&GroupIndex> {
        self.indexes.get(&group)
    }

    /// What the checksums of the segment of `epoch` are made with; it must be alive.
    pub(super) fn salt(&self, epoch: u64) -> u64 {
        let oldest = self.alive.front().map_or(0, |oldest| oldest.epoch);
        let position = usize::try_from(epoch.wrapping_sub(oldest)).unwrap_or(usize::MAX);
        let segment = self.alive.get(position);
        segment
            .expect("an entry that is needed pins its segment")
            .salt
    }

    fn pins(&self, segment: &Segment, group: GroupId) -> bool {
        let released = self.released.get(&group);
        let last = segment.last.get(&group);
        last.is_some_and(|last| released.is_none_or(|released| last > released))
    }

    /// The oldest segment, if nobody needs it and it is not the one written to.
    pub(super) fn free(&self) -> Option<u64> {
        let oldest = self.alive.front().filter(|_| self.alive.len() > 1)?;
        let pinned = oldest.last.keys().any(|group| self.pins(oldest, *group));
        (!pinned).then_some(oldest.epoch)
    }

    /// Forgets the oldest segment.
    pub(super) fn pop(&mut self) {
        self.alive.pop_front();
    }

    /// How many segments cannot go because of `group`: those from the oldest with an
    /// entry it needs.
    pub(super) fn pinned_by(&self, group: GroupId) -> u64 {
        let free = self
            .alive
            .iter()
            .take_while(|segment| !self.pins(segment, group));
        (self.alive.len() - free.count()) as u64
    }

    /// The groups that pin more than `max` segments, in order.
    pub(super) fn pinning(&self, max: u64) -> Vec<GroupId> {
        let old_enough = self
            .alive
            .len()
            .saturating_sub(usize::try_from(max).unwrap_or(usize::MAX));
        let old = self.alive.iter().take(old_enough);
        let mut groups: Vec<GroupId> = old
            .flat_map(|segment| {
                let groups = segment.last.keys().copied();
                groups.filter(|group| self.pins(segment, *group))
            })
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    pub(super) fn count(&self) -> u64 {
        self.alive.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.alive.iter().map(|segment| segment.bytes).sum()
    }
}
