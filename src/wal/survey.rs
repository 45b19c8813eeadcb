//! The first half of recovery: reading what is there, and judging it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::WalError;
use super::format::{
    BATCH_HEADER_BYTES, FORMAT_VERSION, HeaderError, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use super::record::{GroupId, Record, RecordKind};
use super::room::SEGMENT_BYTES_MAX;
use super::scan::{Batch, Batches};
use super::segment::{Segments, epoch_of, segment_path};
use super::spares::{Spares, is_spare, remove};
use crate::base::host::{Disk, OpenMode};
use crate::base::types::NodeId;

/// A segment that recovery made may be this large, bytes: a tail behind states.
const REPAIRED_BYTES_MAX: u64 = 2 * SEGMENT_BYTES_MAX;

/// What of a segment is kept.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) header: SegmentHeader,
    /// The first batch that is not.
    pub(super) end_batch: u64,
    /// Where that starts, bytes.
    pub(super) end: u64,
}

/// The batches that were not known to be durable.
#[derive(Default)]
pub(super) struct Tail {
    segment: Vec<u8>,
    payloads: Vec<Range<usize>>,
}

impl Tail {
    pub(super) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.payloads
            .iter()
            .map(|range| &self.segment[range.clone()])
    }
}

/// All that was found.
pub(super) struct Survey {
    pub(super) kept: Vec<Kept>,
    pub(super) tail: Tail,
    /// The last batch known to be durable.
    pub(super) synced_through: u64,
    /// Who needs which segment, as far as durable batches tell.
    pub(super) segments: Segments,
    /// The states as of `synced_through`.
    pub(super) states: BTreeMap<GroupId, Record>,
}

impl Survey {
    /// Reads every segment in `dir`. Spares are adopted, files that were never
    /// finished removed. Where the entries of `indexed` are is noted.
    pub(super) fn read(
        disk: &dyn Disk,
        dir: &Path,
        node: NodeId,
        indexed: &BTreeSet<GroupId>,
        spares: &mut Spares,
    ) -> Result<Self, WalError> {
        let mut survey = Self {
            kept: Vec::new(),
            tail: Tail::default(),
            synced_through: 0,
            segments: Segments::new(indexed),
            states: BTreeMap::new(),
        };
        let found = find_segments(disk, dir, node, spares)?;
        for (position, (path, header)) in found.iter().enumerate() {
            let next = found.get(position + 1).map(|(_, next)| next.first_batch);
            survey.read_segment(disk, path, *header, next)?;
        }
        Ok(survey)
    }

    /// Reads one segment. `next` is the first batch of the one after it: what this one
    /// has from there on is superseded, and all before was durable.
    fn read_segment(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        header: SegmentHeader,
        next: Option<u64>,
    ) -> Result<(), WalError> {
        let segment = read_segment(disk, path)?;
        let synced_through = match next {
            Some(next) => next - 1,
            None => proven(&segment, header),
        };
        self.segments.push(&header, segment.len() as u64);
        let mut batches = Batches::new(&segment, header);
        while batches.number <= synced_through {
            let Some(batch) = batches.next() else {
                return Err(WalError::corrupt(
                    path,
                    batches.offset as u64,
                    batches.what_is_wrong(),
                ));
            };
            self.note(path, &batch)?;
        }
        self.kept.push(Kept {
            path: path.to_owned(),
            header,
            end_batch: batches.number,
            end: batches.offset as u64,
        });
        self.synced_through = synced_through;
        if next.is_none() {
            let payload_of = |batch: Batch<'_>| {
                let start = batch.offset + BATCH_HEADER_BYTES;
                start..start + batch.payload.len()
            };
            let payloads = batches
                .map(payload_of)
                .filter(|range| !range.is_empty())
                .collect();
            self.tail = Tail { segment, payloads };
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, batch: &Batch<'_>) -> Result<(), WalError> {
        let start = batch.offset as u64;
        for record in batch.records() {
            let (offset, record) = record.map_err(|what| WalError::corrupt(path, start, what))?;
            self.segments.note(&record, start, offset);
            if record.kind == RecordKind::State {
                self.states.insert(record.group, record);
            }
        }
        Ok(())
    }
}

/// The last batch that the newest segment proves to have been durable: the greatest
/// claim anywhere in it, in batches behind a bad one too.
fn proven(segment: &[u8], header: SegmentHeader) -> u64 {
    let mut batches = Batches::new(segment, header);
    let claims = batches.by_ref().map(|batch| batch.header.synced_through);
    let proven = claims.fold(header.synced_through, u64::max);
    proven.max(batches.proof_ahead())
}

/// Sorts the directory out: the segments in order, without a hole.
fn find_segments(
    disk: &dyn Disk,
    dir: &Path,
    node: NodeId,
    spares: &mut Spares,
) -> Result<Vec<(PathBuf, SegmentHeader)>, WalError> {
    let names = disk
        .list(dir)
        .map_err(|error| WalError::io(dir, "list", error))?;
    let mut found: Vec<(PathBuf, SegmentHeader)> = Vec::new();
    for name in names {
        let path = dir.join(&name);
        if let Some(epoch) = epoch_of(&name) {
            let header = read_header(disk, &path, epoch, node)?;
            if let Some((_, before)) = found.last() {
                check_follows(dir, before, &path, &header)?;
            }
            found.push((path, header));
        } else if is_spare(&name) {
            spares.adopt(disk, path)?;
        } else if name.ends_with(".tmp") {
            remove(disk, &path)?;
        }
    }
    Ok(found)
}

/// Segments go oldest first, each for good before the next one: a hole is a loss.
fn check_follows(
    dir: &Path,
    before: &SegmentHeader,
    path: &Path,
    header: &SegmentHeader,
) -> Result<(), WalError> {
    let follows = before.epoch + 1;
    if header.epoch != follows {
        let missing = segment_path(dir, follows);
        let what = format!("this segment is missing, but {} is there", path.display());
        return Err(WalError::corrupt(&missing, 0, what));
    }
    if header.first_batch < before.first_batch {
        let what = format!(
            "its first batch is {}, but that of the segment before is {}",
            header.first_batch, before.first_batch
        );
        return Err(WalError::corrupt(path, 0, what));
    }
    Ok(())
}

/// Reads and checks a segment's header. It was durable before the file got its name,
/// so a bad one is damage, never a torn write.
fn read_header(
    disk: &dyn Disk,
    path: &Path,
    epoch: u64,
    node: NodeId,
) -> Result<SegmentHeader, WalError> {
    let file = disk
        .open(path, OpenMode::Read)
        .map_err(|error| WalError::io(path, "open", error))?;
    let length = file
        .len()
        .map_err(|error| WalError::io(path, "open", error))?;
    let mut block =
        vec![0; SEGMENT_HEADER_BYTES.min(usize::try_from(length).unwrap_or(usize::MAX))];
    file.read_exact_at(&mut block, 0)
        .map_err(|error| WalError::io(path, "read", error))?;
    let header = SegmentHeader::decode(&block).map_err(|error| match error {
        HeaderError::Damaged(what) => WalError::corrupt(path, 0, what),
        HeaderError::Newer(found) => WalError::NewerFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION,
        },
    })?;
    if header.node != node {
        return Err(WalError::OtherNode {
            path: path.to_owned(),
            found: header.node,
            expected: node,
        });
    }
    if header.epoch != epoch {
        let what = format!("its header says that it is segment {:016x}", header.epoch);
        return Err(WalError::corrupt(path, 0, what));
    }
    if header.first_batch == 0 || header.synced_through != header.first_batch - 1 {
        return Err(WalError::corrupt(path, 0, "its header contradicts itself"));
    }
    Ok(header)
}

/// The bytes of a whole segment.
pub(super) fn read_segment(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, WalError> {
    let file = disk
        .open(path, OpenMode::Read)
        .map_err(|error| WalError::io(path, "open", error))?;
    let bytes = file
        .len()
        .map_err(|error| WalError::io(path, "open", error))?;
    if bytes > REPAIRED_BYTES_MAX {
        let what = format!("a segment of {bytes} bytes is over the limit of {REPAIRED_BYTES_MAX}");
        return Err(WalError::corrupt(path, 0, what));
    }
    let mut segment = vec![0; usize::try_from(bytes).expect("bounded just above")];
    file.read_exact_at(&mut segment, 0)
        .map_err(|error| WalError::io(path, "read", error))?;
    Ok(segment)
}
