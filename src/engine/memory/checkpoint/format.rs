//! The file of a checkpoint, byte by byte. Numbers are little-endian.
//!
//! ```text
//! header  magic "dkvckpt\n" | version u32 | covers u64 | crc32c of these 20 bytes u32
//! block   length u32 | crc32c of length and rows u32 | rows
//!   row     table u8 | key length u16 | value length u32 | key | value
//! block   ...
//! footer  magic "dkvckend" | rows u64 | blocks u64 | xxh3 u64 | crc32c of these 32 bytes u32
//! ```
//!
//! Rows ascend by table and key. A block ends after the row that fills it; no row is
//! cut. The xxh3 is of all bytes before the footer, so that blocks which are lost,
//! repeated or swapped are seen too. The header keeps its form in every version.

use std::path::Path;

use crate::base::types::LogIndex;
use crate::engine::EngineError;
use crate::engine::tree;

/// The version this build writes, and the newest it reads.
pub(super) const VERSION: u32 = 1;

/// A block ends after the row that reaches this many bytes: a write worth its call.
pub(super) const BLOCK_BYTES: usize = 64 << 10;

/// The largest value of a row, bytes: above what one request may carry, so that
/// whatever was applied can be written, and what is read stays bounded.
pub(in crate::engine::memory) const VALUE_BYTES_MAX: usize = 64 << 20;

/// The largest block, bytes.
pub(super) const BLOCK_BYTES_MAX: usize =
    BLOCK_BYTES + ROW_HEADER_BYTES + tree::KEY_BYTES_MAX + VALUE_BYTES_MAX;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 24;
/// Bytes before a block's rows.
pub(super) const BLOCK_HEADER_BYTES: usize = 8;
/// Bytes before a row's key.
pub(super) const ROW_HEADER_BYTES: usize = 7;
/// Bytes of the footer.
pub(super) const FOOTER_BYTES: usize = 36;

const HEADER_MAGIC: &[u8; 8] = b"dkvckpt\n";
const FOOTER_MAGIC: &[u8; 8] = b"dkvckend";

const _: () = assert!(VALUE_BYTES_MAX > 2 * crate::base::limits::REQUEST_BYTES_MAX);

/// What ends a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    /// Rows in the file.
    pub(super) rows: u64,
    /// Blocks in the file.
    pub(super) blocks: u64,
    /// Of everything before the footer.
    pub(super) xxh3: u64,
}

/// What begins a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowHeader {
    /// The table's stored number.
    pub(super) table: u8,
    /// Bytes of the key.
    pub(super) key_bytes: u16,
    /// Bytes of the value.
    pub(super) value_bytes: u32,
}

/// The header of a checkpoint that covers `covers`.
pub(super) fn encode_header(covers: LogIndex) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(HEADER_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..20].copy_from_slice(&covers.0.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..20]);
    bytes[20..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads a header: what the checkpoint covers.
pub(super) fn decode_header(
    path: &Path,
    bytes: &[u8; HEADER_BYTES],
) -> Result<LogIndex, EngineError> {
    if &bytes[..8] != HEADER_MAGIC {
        return Err(corrupt(path, 0, "this is not the header of a checkpoint"));
    }
    if crc32c::crc32c(&bytes[..20]) != u32_at(bytes, 20) {
        return Err(corrupt(path, 0, "the header's checksum does not match"));
    }
    let found = u32_at(bytes, 8);
    if found > VERSION {
        return Err(EngineError::NewerFormat {
            path: path.to_owned(),
            found,
            supported: VERSION,
        });
    }
    if found == 0 {
        return Err(corrupt(path, 8, "there is no format 0"));
    }
    Ok(LogIndex(u64_at(bytes, 12)))
}

impl Footer {
    /// The footer's bytes.
    pub(super) fn encode(self) -> [u8; FOOTER_BYTES] {
        let mut bytes = [0; FOOTER_BYTES];
        bytes[..8].copy_from_slice(FOOTER_MAGIC);
        bytes[8..16].copy_from_slice(&self.rows.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.blocks.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.xxh3.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..32]);
        bytes[32..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the footer that begins at `offset`.
    pub(super) fn decode(
        path: &Path,
        offset: u64,
        bytes: &[u8; FOOTER_BYTES],
    ) -> Result<Self, EngineError> {
        if &bytes[..8] != FOOTER_MAGIC {
            return Err(corrupt(
                path,
                offset,
                "the footer is missing: the file was cut",
            ));
        }
        if crc32c::crc32c(&bytes[..32]) != u32_at(bytes, 32) {
            return Err(corrupt(
                path,
                offset,
                "the footer's checksum does not match",
            ));
        }
        Ok(Self {
            rows: u64_at(bytes, 8),
            blocks: u64_at(bytes, 16),
            xxh3: u64_at(bytes, 24),
        })
    }
}

impl RowHeader {
    /// The header's bytes.
    pub(super) fn encode(self) -> [u8; ROW_HEADER_BYTES] {
        let mut bytes = [0; ROW_HEADER_BYTES];
        bytes[0] = self.table;
        bytes[1..3].copy_from_slice(&self.key_bytes.to_le_bytes());
        bytes[3..].copy_from_slice(&self.value_bytes.to_le_bytes());
        bytes
    }

    /// Reads a header; its lengths are not checked yet.
    pub(super) fn decode(bytes: &[u8; ROW_HEADER_BYTES]) -> Self {
        Self {
            table: bytes[0],
            key_bytes: u16::from_le_bytes([bytes[1], bytes[2]]),
            value_bytes: u32_at(bytes, 3),
        }
    }
}

/// The header of a block of `rows`.
pub(super) fn encode_block_header(rows: &[u8]) -> [u8; BLOCK_HEADER_BYTES] {
    let length = u32::try_from(rows.len()).expect("a block is bounded far below 4 GiB");
    let mut bytes = [0; BLOCK_HEADER_BYTES];
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..].copy_from_slice(&block_crc(length, rows).to_le_bytes());
    bytes
}

/// Length and checksum of a block; neither is checked yet.
pub(super) fn decode_block_header(bytes: &[u8; BLOCK_HEADER_BYTES]) -> (u32, u32) {
    (u32_at(bytes, 0), u32_at(bytes, 4))
}

/// The checksum of a block.
pub(super) fn block_crc(length: u32, rows: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), rows)
}

/// Says that the file is damaged at `offset`.
pub(super) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> EngineError {
    EngineError::Corrupt {
        path: path.to_owned(),
        offset,
        what: what.into(),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the array is longer"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the array is longer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are stored: if this test fails, the format needs a new version.
    #[test]
    fn the_layout_stays() {
        let header = encode_header(LogIndex(0x0102));
        assert_eq!(&header[..20], b"dkvckpt\n\x01\0\0\0\x02\x01\0\0\0\0\0\0");
        let row = RowHeader {
            table: 3,
            key_bytes: 0x0405,
            value_bytes: 0x0607,
        };
        assert_eq!(row.encode(), *b"\x03\x05\x04\x07\x06\0\0");
        let footer = Footer {
            rows: 1,
            blocks: 2,
            xxh3: 3,
        }
        .encode();
        assert_eq!(&footer[..16], b"dkvckend\x01\0\0\0\0\0\0\0");
        assert_eq!(&footer[16..32], b"\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0");
        assert_eq!(&encode_block_header(b"rows"), b"\x04\0\0\0\x6d\x72\xc9\x4a");
    }

    #[test]
    fn reads_what_it_wrote() {
        let path = Path::new("a.ckpt");
        let covers = decode_header(path, &encode_header(LogIndex(7))).unwrap();
        assert_eq!(covers, LogIndex(7));
        let footer = Footer {
            rows: 9,
            blocks: 8,
            xxh3: u64::MAX,
        };
        assert_eq!(Footer::decode(path, 0, &footer.encode()).unwrap(), footer);
        let row = RowHeader {
            table: 6,
            key_bytes: u16::MAX,
            value_bytes: 70_000,
        };
        assert_eq!(RowHeader::decode(&row.encode()), row);
    }
}
