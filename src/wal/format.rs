//! How the log lies on disk. Numbers are little endian.
//!
//! ```text
//! <epoch as 16 hex digits>.wal          one segment; epochs go up by one
//! spare-<n>.wal                         room for a segment to come, content is junk
//!
//! segment   0        4096       ..            ..           .. length
//!           | header | batch 1  | batch 2     | batch 3  | free: zero or stale |
//!                      ^ the latest state of every group, from older segments
//!
//! header    offset  bytes  field
//!                0      8  magic "dkv-wal\n"
//!                8      4  crc32c of all 4096 bytes, these four taken as zero
//!               12      4  format version
//!               16     16  node
//!               32      8  epoch
//!               40      8  salt, random
//!               48      8  number of the first batch
//!               56      8  synced_through: every batch up to it was durable
//!               64   4032  zero
//!           Magic, checksum and version stay where they are in every version.
//!
//! batch     offset  bytes  field                              (64-byte aligned)
//!                0      4  magic
//!                4      4  crc32c of the segment's salt and bytes 8..40
//!                8      8  number, one more than that of the batch before
//!               16      8  epoch of the segment
//!               24      8  synced_through: every batch up to it was durable
//!               32      4  payload length
//!               36      4  crc32c of the payload
//!               40      n  payload: records, one after the other
//!                          zeros up to the next multiple of 64
//! ```
//!
//! The payload's checksum is under the header's, so a header that holds is
//! believed even when its payload was torn: it still tells what was durable. Epoch
//! and salt keep bytes of a recycled segment, or of a value that imitates a batch,
//! from ever passing for one.

use crc32c::{crc32c, crc32c_append};

use crate::base::types::NodeId;

/// The newest format this build reads, and the one it writes.
pub(super) const FORMAT_VERSION: u32 = 1;

/// A segment's header, bytes: one block of any file system.
pub(super) const SEGMENT_HEADER_BYTES: usize = 4096;

/// Batches start at multiples of this, bytes.
pub(super) const BATCH_ALIGN_BYTES: usize = 64;

/// Bytes of a batch before its payload.
pub(super) const BATCH_HEADER_BYTES: usize = 40;

/// A batch's payload, bytes: the largest entry and what happens to wait with it.
pub(super) const BATCH_PAYLOAD_BYTES_MAX: usize = 24 << 20;

const SEGMENT_MAGIC: [u8; 8] = *b"dkv-wal\n";
const BATCH_MAGIC: [u8; 4] = [0xd6, b'k', b'v', 0xb1];

/// The head of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) node: NodeId,
    pub(super) epoch: u64,
    pub(super) salt: u64,
    pub(super) first_batch: u64,
    pub(super) synced_through: u64,
}

/// Why a segment's header cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    Damaged(&'static str),
    Newer(u32),
}

/// The head of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) number: u64,
    pub(super) epoch: u64,
    pub(super) synced_through: u64,
    pub(super) payload_bytes: u32,
    pub(super) payload_crc: u32,
}

/// Bytes a batch with such a payload takes.
pub(super) fn batch_bytes(payload_bytes: u64) -> u64 {
    (BATCH_HEADER_BYTES as u64 + payload_bytes).next_multiple_of(BATCH_ALIGN_BYTES as u64)
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; SEGMENT_HEADER_BYTES];
        block[..8].copy_from_slice(&SEGMENT_MAGIC);
        block[12..16].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[16..32].copy_from_slice(&self.node.0);
        block[32..40].copy_from_slice(&self.epoch.to_le_bytes());
        block[40..48].copy_from_slice(&self.salt.to_le_bytes());
        block[48..56].copy_from_slice(&self.first_batch.to_le_bytes());
        block[56..64].copy_from_slice(&self.synced_through.to_le_bytes());
        let crc = crc32c(&block);
        block[8..12].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// Reads the header at the start of `segment`.
    pub(super) fn decode(segment: &[u8]) -> Result<Self, HeaderError> {
        let block = segment
            .first_chunk::<SEGMENT_HEADER_BYTES>()
            .ok_or(HeaderError::Damaged(
                "the segment is shorter than its header",
            ))?;
        if block[..8] != SEGMENT_MAGIC {
            return Err(HeaderError::Damaged("this is not a log segment"));
        }
        let crc = crc32c_append(crc32c_append(crc32c(&block[..8]), &[0; 4]), &block[12..]);
        if crc.to_le_bytes() != block[8..12] {
            return Err(HeaderError::Damaged(
                "the segment header's checksum is wrong",
            ));
        }
        let version = u32_at(block, 12);
        if version > FORMAT_VERSION {
            return Err(HeaderError::Newer(version));
        }
        let mut node = [0; 16];
        node.copy_from_slice(&block[16..32]);
        Ok(Self {
            node: NodeId(node),
            epoch: u64_at(block, 32),
            salt: u64_at(block, 40),
            first_batch: u64_at(block, 48),
            synced_through: u64_at(block, 56),
        })
    }
}

impl BatchHeader {
    /// The header at the start of `bytes`, if its checksum holds under `salt`.
    pub(super) fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let header = bytes.first_chunk::<BATCH_HEADER_BYTES>()?;
        if header[..4] != BATCH_MAGIC || header_crc(header, salt).to_le_bytes() != header[4..8] {
            return None;
        }
        Some(Self {
            number: u64_at(header, 8),
            epoch: u64_at(header, 16),
            synced_through: u64_at(header, 24),
            payload_bytes: u32_at(header, 32),
            payload_crc: u32_at(header, 36),
        })
    }
}

/// Starts a batch in `out`, which is emptied; records follow.
pub(super) fn begin_batch(out: &mut Vec<u8>) {
    out.clear();
    out.resize(BATCH_HEADER_BYTES, 0);
}

/// Ends the batch in `out`: fills in the header and pads.
pub(super) fn end_batch(out: &mut Vec<u8>, segment: &SegmentHeader, number: u64, synced: u64) {
    let payload = &out[BATCH_HEADER_BYTES..];
    let payload_bytes = u32::try_from(payload.len()).expect("admission bounds every batch");
    let payload_crc = crc32c(payload);
    out[..4].copy_from_slice(&BATCH_MAGIC);
    out[8..16].copy_from_slice(&number.to_le_bytes());
    out[16..24].copy_from_slice(&segment.epoch.to_le_bytes());
    out[24..32].copy_from_slice(&synced.to_le_bytes());
    out[32..36].copy_from_slice(&payload_bytes.to_le_bytes());
    out[36..40].copy_from_slice(&payload_crc.to_le_bytes());
    let crc = header_crc(&out[..BATCH_HEADER_BYTES], segment.salt);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out.resize(out.len().next_multiple_of(BATCH_ALIGN_BYTES), 0);
}

fn header_crc(header: &[u8], salt: u64) -> u32 {
    crc32c_append(crc32c(&salt.to_le_bytes()), &header[8..BATCH_HEADER_BYTES])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
