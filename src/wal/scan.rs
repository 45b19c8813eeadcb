//! Reading a segment back: its batches in order, and what it proves durable.

use crc32c::crc32c;

use super::format::{
    BATCH_ALIGN_BYTES, BATCH_HEADER_BYTES, BATCH_PAYLOAD_BYTES_MAX, BatchHeader,
    SEGMENT_HEADER_BYTES, SegmentHeader, batch_bytes,
};
use super::record::Record;
use crate::base::mutant;

/// A batch whose checksums hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) header: BatchHeader,
    /// Where it starts in the segment, bytes.
    pub(super) offset: usize,
    pub(super) payload: &'a [u8],
}

/// The batches of a segment in order, until the first that is missing or bad.
pub(super) struct Batches<'a> {
    segment: &'a [u8],
    header: SegmentHeader,
    /// Where the next batch starts, bytes: after the last one, where the good part ends.
    pub(super) offset: usize,
    /// The number it must have.
    pub(super) number: u64,
}

impl<'a> Batches<'a> {
    pub(super) fn new(segment: &'a [u8], header: SegmentHeader) -> Self {
        Self {
            segment,
            header,
            offset: SEGMENT_HEADER_BYTES,
            number: header.first_batch,
        }
    }

    /// What is wrong at the place where the batches end.
    pub(super) fn what_is_wrong(&self) -> String {
        let number = self.number;
        match header_at(self.segment, &self.header, self.offset) {
            None => format!("no batch header, where batch {number} should be"),
            Some(header) if header.number != number => {
                format!("batch {} where batch {number} should be", header.number)
            }
            Some(_) => format!("the checksum of batch {number} is wrong"),
        }
    }

    /// The greatest `synced_through` that any batch at or after the present place
    /// claims, found by trying every place where a batch could start.
    pub(super) fn proof_ahead(&self) -> u64 {
        (self.offset..self.segment.len())
            .step_by(BATCH_ALIGN_BYTES)
            .filter_map(|offset| header_at(self.segment, &self.header, offset))
            .filter(|header| header.number >= self.number)
            .map(|header| header.synced_through)
            .max()
            .unwrap_or(0)
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Batch<'a>;

    fn next(&mut self) -> Option<Batch<'a>> {
        let offset = self.offset;
        let header = header_at(self.segment, &self.header, offset)?;
        let start = offset + BATCH_HEADER_BYTES;
        let payload = self
            .segment
            .get(start..start + header.payload_bytes as usize)?;
        let holds = crc32c(payload) == header.payload_crc || mutant::is_on("crc-ignored");
        if header.number != self.number || !holds {
            return None;
        }
        self.number += 1;
        self.offset += batch_bytes(payload.len() as u64) as usize;
        Some(Batch {
            header,
            offset,
            payload,
        })
    }
}

/// The batch header at `offset`, if one of this segment is there.
fn header_at(segment: &[u8], of: &SegmentHeader, offset: usize) -> Option<BatchHeader> {
    sound_header(segment.get(offset..)?, of.epoch, of.salt)
}

/// The batch header at the start of `bytes`, if it is one of the segment with this epoch
/// and salt, and does not contradict itself.
pub(super) fn sound_header(bytes: &[u8], epoch: u64, salt: u64) -> Option<BatchHeader> {
    let header = BatchHeader::decode(bytes, salt)?;
    let sound = header.epoch == epoch
        && header.synced_through < header.number
        && header.payload_bytes as usize <= BATCH_PAYLOAD_BYTES_MAX;
    sound.then_some(header)
}

impl<'a> Batch<'a> {
    /// Its records in order; see [`records_in`].
    pub(super) fn records(&self) -> impl Iterator<Item = Result<(u64, Record), String>> + use<'a> {
        records_in(self.payload)
    }
}

/// The records of a batch's payload, in order, each with where it starts, bytes. The
/// last may be an error, which says what is wrong: the checksum held, so whoever wrote
/// it was wrong.
pub(super) fn records_in(payload: &[u8]) -> impl Iterator<Item = Result<(u64, Record), String>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let offset = (payload.len() - rest.len()) as u64;
        let record = Record::decode(&mut rest);
        if record.is_err() {
            rest = &[];
        }
        Some(record.map(|record| (offset, record)))
    })
}
