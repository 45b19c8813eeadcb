//! All rows of a shard as a stream of checked chunks: read from a frozen view on one
//! node, and written beside the rows of another until they are all there.
//!
//! ```text
//! chunk   magic "dkvs" | version u16 | kind u16 | number u64
//!         | applied index u64 | state hash u64 | payload | crc32c of all before u32
//! kind 1  rows  payload: row ...
//!   row     table u8 | key length u16 | value length u32 | key | value
//! kind 2  end   payload: rows u64 | chunks u64
//! ```
//!
//! Numbers are little-endian. Rows ascend by table and key over all chunks, which are
//! numbered from 0; the last one is the end and counts itself. Every chunk names the
//! state that it belongs to by applied index and hash, so that no chunk of another
//! snapshot is ever taken for one of this. A chunk is filled up to 256 KiB; a row that
//! is larger travels alone. The same view gives the same chunks.
//!
//! Invariant: nothing of a chunk is believed before it is checked, and nothing is
//! replaced before the end has come.

mod reader;
mod writer;

use bytes::{BufMut, Bytes};

use crate::base::limits::{SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNK_BYTES_MAX};
use crate::base::types::LogIndex;
use crate::base::{Error, Result};
use crate::engine::Table;
pub use reader::SnapshotReader;
pub use writer::SnapshotWriter;

const MAGIC: &[u8; 4] = b"dkvs";

/// The version this build writes, and the only one it reads.
const VERSION: u16 = 1;

const KIND_ROWS: u16 = 1;
const KIND_END: u16 = 2;

const HEAD_BYTES: usize = 32;
const CRC_BYTES: usize = 4;
const ROW_HEAD_BYTES: usize = 7;
const END_BYTES: usize = 16;

/// Which state a chunk is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin {
    applied: LogIndex,
    hash: u64,
}

/// What a chunk says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    number: u64,
    is_end: bool,
    origin: Origin,
}

/// What the last chunk says of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    rows: u64,
    /// The last one included.
    chunks: u64,
}

/// A row, cut from its chunk.
type Row = (Table, Bytes, Bytes);

impl Head {
    fn begin(self, chunk: &mut Vec<u8>) {
        chunk.put_slice(MAGIC);
        chunk.put_u16_le(VERSION);
        chunk.put_u16_le(if self.is_end { KIND_END } else { KIND_ROWS });
        chunk.put_u64_le(self.number);
        chunk.put_u64_le(self.origin.applied.0);
        chunk.put_u64_le(self.origin.hash);
    }

    /// Checks a chunk as a whole; gives its head and its payload.
    fn read(mut chunk: Bytes) -> Result<(Self, Bytes)> {
        if chunk.len() < HEAD_BYTES + CRC_BYTES || chunk.len() > SNAPSHOT_CHUNK_BYTES_MAX {
            return Err(refused(format!("a chunk of {} bytes", chunk.len())));
        }
        let (body, sum) = chunk.split_at(chunk.len() - CRC_BYTES);
        if crc32c::crc32c(body).to_le_bytes() != sum {
            return Err(refused("the checksum of a chunk does not match"));
        }
        if &body[..4] != MAGIC {
            return Err(refused("this is no chunk of a snapshot"));
        }
        let version = u16::from_le_bytes([body[4], body[5]]);
        if version != VERSION {
            return Err(refused(format!(
                "a chunk in format {version}; this dkv reads {VERSION}: upgrade the older node"
            )));
        }
        let is_end = match u16::from_le_bytes([body[6], body[7]]) {
            KIND_ROWS => false,
            KIND_END => true,
            kind => return Err(refused(format!("a chunk of the unknown kind {kind}"))),
        };
        let head = Self {
            number: u64_at(body, 8),
            is_end,
            origin: Origin {
                applied: LogIndex(u64_at(body, 16)),
                hash: u64_at(body, 24),
            },
        };
        chunk.truncate(chunk.len() - CRC_BYTES);
        Ok((head, chunk.split_off(HEAD_BYTES)))
    }
}

impl Totals {
    fn put(self, chunk: &mut Vec<u8>) {
        chunk.put_u64_le(self.rows);
        chunk.put_u64_le(self.chunks);
    }

    fn read(payload: &[u8]) -> Result<Self> {
        if payload.len() != END_BYTES {
            return Err(refused(format!("an end of {} bytes", payload.len())));
        }
        Ok(Self {
            rows: u64_at(payload, 0),
            chunks: u64_at(payload, 8),
        })
    }
}

/// Bytes of a row in a chunk.
fn row_bytes(key: &[u8], value: &[u8]) -> usize {
    ROW_HEAD_BYTES + key.len() + value.len()
}

/// Adds a row.
///
/// # Errors
/// `Corrupt` if no command can have made a row as large as that.
fn put_row(chunk: &mut Vec<u8>, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
    let key_bytes = u16::try_from(key.len());
    let fits = HEAD_BYTES + row_bytes(key, value) + CRC_BYTES <= SNAPSHOT_CHUNK_BYTES_MAX;
    let (Ok(key_bytes), true) = (key_bytes, fits) else {
        return Err(Error::corrupt(format!(
            "a row of table {table:?} of {} and {} bytes is too large for a snapshot",
            key.len(),
            value.len()
        )));
    };
    let value_bytes = u32::try_from(value.len()).expect("a chunk is far below 4 GiB");
    chunk.put_u8(table as u8);
    chunk.put_u16_le(key_bytes);
    chunk.put_u32_le(value_bytes);
    chunk.put_slice(key);
    chunk.put_slice(value);
    Ok(())
}

/// Takes the rows of a payload apart. What that takes is bounded by the chunk: one above
/// the usual size has one row.
fn read_rows(mut payload: Bytes) -> Result<Vec<Row>> {
    let is_large = HEAD_BYTES + payload.len() + CRC_BYTES > SNAPSHOT_CHUNK_BYTES;
    let mut rows = Vec::new();
    while !payload.is_empty() {
        if is_large && !rows.is_empty() {
            return Err(refused(
                "a chunk above the usual size with more than one row",
            ));
        }
        rows.push(take_row(&mut payload)?);
    }
    if rows.is_empty() {
        return Err(refused("a chunk without rows"));
    }
    Ok(rows)
}

fn take_row(payload: &mut Bytes) -> Result<Row> {
    let Some(head) = payload.first_chunk::<ROW_HEAD_BYTES>() else {
        return Err(refused("a chunk ends within a row"));
    };
    let Some(table) = Table::from_number(head[0]) else {
        return Err(refused(format!("there is no table {}", head[0])));
    };
    let key_bytes = usize::from(u16::from_le_bytes([head[1], head[2]]));
    let value_bytes = u32::from_le_bytes([head[3], head[4], head[5], head[6]]) as usize;
    let left = payload.len() - ROW_HEAD_BYTES;
    if key_bytes.saturating_add(value_bytes) > left {
        return Err(refused(format!(
            "a row of {key_bytes} and {value_bytes} bytes where {left} are left"
        )));
    }
    let _head = payload.split_to(ROW_HEAD_BYTES);
    let key = payload.split_to(key_bytes);
    Ok((table, key, payload.split_to(value_bytes)))
}

/// Ends a chunk.
fn seal(mut chunk: Vec<u8>) -> Bytes {
    let crc = crc32c::crc32c(&chunk);
    chunk.put_u32_le(crc);
    chunk.into()
}

/// Says why a chunk is not taken. It is the sender's fault, or the wire's, and nothing
/// of this node is damaged.
fn refused(what: impl Into<String>) -> Error {
    Error::invalid(format!("the snapshot is refused: {}", what.into()))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the length was checked"))
}
