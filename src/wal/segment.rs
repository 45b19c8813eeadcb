//! The segments that are alive, and who still needs which.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

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
    /// The last entry of each group in it that is not void.
    last: BTreeMap<GroupId, LogIndex>,
}

/// The segments, oldest first; the last one is written to.
#[derive(Debug, Default)]
pub(super) struct Segments {
    alive: VecDeque<Segment>,
    released: BTreeMap<GroupId, LogIndex>,
}

impl Segments {
    /// Begins a segment after the others.
    pub(super) fn push(&mut self, epoch: u64, bytes: u64) {
        self.alive.push_back(Segment {
            epoch,
            bytes,
            last: BTreeMap::new(),
        });
    }

    /// The newest segment was cut to `bytes`.
    pub(super) fn set_newest_bytes(&mut self, bytes: u64) {
        if let Some(newest) = self.alive.back_mut() {
            newest.bytes = bytes;
        }
    }

    /// Notes a record that was written to the newest segment.
    pub(super) fn note(&mut self, record: &Record) {
        match record.kind {
            RecordKind::Entry => {
                let newest = self
                    .alive
                    .back_mut()
                    .expect("there is always a newest segment");
                let last = newest.last.entry(record.group).or_default();
                *last = record.index.max(*last);
            }
            RecordKind::Truncate => self.truncate(record.group, record.index),
            RecordKind::Purge => self.release(record.group, record.index),
            RecordKind::State => {}
        }
    }

    /// Void entries pin nothing.
    fn truncate(&mut self, group: GroupId, from: LogIndex) {
        for segment in &mut self.alive {
            if let Some(last) = segment.last.get_mut(&group)
                && *last >= from
            {
                *last = LogIndex(from.0.saturating_sub(1));
            }
        }
    }

    /// Entries of `group` up to `index` are not needed any more.
    pub(super) fn release(&mut self, group: GroupId, index: LogIndex) {
        let released = self.released.entry(group).or_default();
        *released = index.max(*released);
    }

    fn pins(&self, segment: &Segment, group: GroupId) -> bool {
        let released = self.released.get(&group).copied().unwrap_or_default();
        segment
            .last
            .get(&group)
            .is_some_and(|last| *last > released)
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
