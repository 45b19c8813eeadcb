//! Gathering rows into blocks, and blocks into a file.

use std::io;

use xxhash_rust::xxh3::Xxh3Default;

use crate::base::host::DiskFile;
use crate::base::types::LogIndex;
use crate::engine::Table;

use super::format::{
    BLOCK_BYTES, BLOCK_HEADER_BYTES, FOOTER_BYTES, Footer, HEADER_BYTES, ROW_HEADER_BYTES,
    RowHeader, encode_block_header, encode_header,
};

/// What is read back at a time, bytes.
const READ_BYTES: usize = 256 << 10;

/// A file of a checkpoint that is being written, in memory for one block.
pub(in crate::engine::memory) struct Blocks {
    file: Box<dyn DiskFile>,
    offset: u64,
    block: Vec<u8>,
    rows: u64,
    blocks: u64,
    hash: Xxh3Default,
}

impl Blocks {
    /// Begins an empty file.
    pub(super) fn begin(file: Box<dyn DiskFile>, covers: LogIndex) -> io::Result<Self> {
        let mut writer = Self {
            file,
            offset: 0,
            block: Vec::with_capacity(2 * BLOCK_BYTES),
            rows: 0,
            blocks: 0,
            hash: Xxh3Default::new(),
        };
        writer.append(&encode_header(covers))?;
        writer.open_block();
        Ok(writer)
    }

    /// Begins an empty file whose index is told at its end.
    pub(in crate::engine::memory) fn begin_open(file: Box<dyn DiskFile>) -> io::Result<Self> {
        Self::begin(file, LogIndex(0))
    }

    /// Adds a row, which comes after all before it.
    pub(in crate::engine::memory) fn row(
        &mut self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> io::Result<()> {
        let header = RowHeader {
            table: table as u8,
            key_bytes: u16::try_from(key.len()).expect("the tree refuses longer keys"),
            value_bytes: u32::try_from(value.len()).expect("the engine refuses longer values"),
        };
        self.block.extend_from_slice(&header.encode());
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.rows += 1;
        if self.block.len() >= BLOCK_HEADER_BYTES + BLOCK_BYTES {
            self.close_block()?;
        }
        Ok(())
    }

    /// Ends the file; it is not durable yet. Gives its length, bytes.
    pub(super) fn end(mut self) -> io::Result<(Box<dyn DiskFile>, u64)> {
        self.close_last_block()?;
        self.append_footer()?;
        Ok((self.file, self.offset))
    }

    /// Ends a file whose index was not known when it began. The checksum of the whole
    /// begins with the header, so it is taken by reading back what was written.
    pub(in crate::engine::memory) fn end_covering(
        mut self,
        covers: LogIndex,
    ) -> io::Result<Box<dyn DiskFile>> {
        self.close_last_block()?;
        self.file.write_all_at(&encode_header(covers), 0)?;
        self.hash = Xxh3Default::new();
        let mut piece = vec![0; READ_BYTES];
        let mut at = 0;
        while at < self.offset {
            let left = usize::try_from(self.offset - at).unwrap_or(usize::MAX);
            let piece = &mut piece[..left.min(READ_BYTES)];
            self.file.read_exact_at(piece, at)?;
            self.hash.update(piece);
            at += piece.len() as u64;
        }
        self.append_footer()?;
        Ok(self.file)
    }

    fn open_block(&mut self) {
        self.block.clear();
        // One huge row must not keep its memory for the rest of the file.
        self.block.shrink_to(2 * BLOCK_BYTES);
        self.block.resize(BLOCK_HEADER_BYTES, 0);
    }

    fn close_block(&mut self) -> io::Result<()> {
        let mut block = std::mem::take(&mut self.block);
        let header = encode_block_header(&block[BLOCK_HEADER_BYTES..]);
        block[..BLOCK_HEADER_BYTES].copy_from_slice(&header);
        self.append(&block)?;
        self.blocks += 1;
        self.block = block;
        self.open_block();
        Ok(())
    }

    fn close_last_block(&mut self) -> io::Result<()> {
        if self.block.len() > BLOCK_HEADER_BYTES {
            self.close_block()?;
        }
        Ok(())
    }

    fn append_footer(&mut self) -> io::Result<()> {
        let footer = Footer {
            rows: self.rows,
            blocks: self.blocks,
            xxh3: self.hash.digest(),
        };
        self.append(&footer.encode())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Bytes that rows take in a file at most, blocks, header and footer included.
pub(in crate::engine::memory) fn room_of(rows: u64, row_bytes: u64) -> u64 {
    let rows = row_bytes + rows * ROW_HEADER_BYTES as u64;
    let blocks = rows.div_ceil(BLOCK_BYTES as u64);
    rows + blocks * BLOCK_HEADER_BYTES as u64 + (HEADER_BYTES + FOOTER_BYTES) as u64
}
