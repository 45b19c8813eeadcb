//! Reading a checkpoint. Nothing of the file is believed before it is checked.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

use crate::base::host::{Disk, DiskFile, OpenMode};
use crate::base::types::LogIndex;
use crate::engine::{EngineError, Table};

use super::Trees;
use super::directory::io_error;
use super::format::{
    BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, FOOTER_BYTES, Footer, HEADER_BYTES, ROW_HEADER_BYTES,
    RowHeader, block_crc, corrupt, decode_block_header, decode_header,
};

/// Loads the checkpoint at `path`, which by its name covers `covers`.
///
/// # Errors
/// `Corrupt` for anything that is not as it was written, `NewerFormat`, `Io`.
pub(in crate::engine::memory) fn load(
    disk: &dyn Disk,
    path: &Path,
    covers: LogIndex,
) -> Result<Trees, EngineError> {
    let mut reader = Reader::open(disk, path, covers)?;
    let mut trees = Trees::default();
    while let Some(block) = reader.next_block()? {
        let start = reader.offset - block.len() as u64;
        let mut rest = &block[..];
        while !rest.is_empty() {
            let offset = start + (block.len() - rest.len()) as u64;
            let row = take_row(&mut rest).map_err(|what| corrupt(path, offset, what))?;
            reader.count(&row, offset)?;
            trees[row.table_at].put(row.key, row.value);
        }
        reader.block = block;
    }
    reader.check_end()?;
    Ok(trees)
}

struct Reader {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// Where the next block begins.
    offset: u64,
    /// Where the footer begins.
    end: u64,
    /// Memory for the next block.
    block: Vec<u8>,
    footer: Footer,
    rows: u64,
    blocks: u64,
    hash: Xxh3Default,
    last: Option<(usize, Vec<u8>)>,
}

struct Row<'a> {
    /// The table's place in `Table::ALL`.
    table_at: usize,
    key: &'a [u8],
    value: &'a [u8],
}

impl Reader {
    fn open(disk: &dyn Disk, path: &Path, covers: LogIndex) -> Result<Self, EngineError> {
        let io = |source| io_error(path, source);
        let file = disk.open(path, OpenMode::Read).map_err(io)?;
        let length = file.len().map_err(io)?;
        if length < (HEADER_BYTES + FOOTER_BYTES) as u64 {
            return Err(corrupt(
                path,
                length,
                "the file ends within its header or footer",
            ));
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(io)?;
        let found = decode_header(path, &header)?;
        if found != covers {
            let what = format!("the header covers index {found}, the file's name {covers}");
            return Err(corrupt(path, 12, what));
        }
        let end = length - FOOTER_BYTES as u64;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, end).map_err(io)?;
        let mut hash = Xxh3Default::new();
        hash.update(&header);
        Ok(Self {
            path: path.to_owned(),
            file,
            offset: HEADER_BYTES as u64,
            end,
            block: Vec::new(),
            footer: Footer::decode(path, end, &footer)?,
            rows: 0,
            blocks: 0,
            hash,
            last: None,
        })
    }

    /// The rows of the next block; `None` at the footer.
    fn next_block(&mut self) -> Result<Option<Vec<u8>>, EngineError> {
        let left = self.end - self.offset;
        if left == 0 {
            return Ok(None);
        }
        if left < BLOCK_HEADER_BYTES as u64 {
            return Err(self.corrupt("the file ends within the header of a block"));
        }
        let mut header = [0; BLOCK_HEADER_BYTES];
        self.read(&mut header, self.offset)?;
        let (length, crc) = decode_block_header(&header);
        let rows_max = (left - BLOCK_HEADER_BYTES as u64).min(BLOCK_BYTES_MAX as u64);
        if length == 0 || u64::from(length) > rows_max {
            let what = format!("a block of {length} bytes where at most {rows_max} can be");
            return Err(self.corrupt(what));
        }
        let mut rows = std::mem::take(&mut self.block);
        rows.clear();
        rows.resize(length as usize, 0);
        self.read(&mut rows, self.offset + BLOCK_HEADER_BYTES as u64)?;
        if block_crc(length, &rows) != crc {
            return Err(self.corrupt("a block's checksum does not match"));
        }
        self.hash.update(&header);
        self.hash.update(&rows);
        self.blocks += 1;
        self.offset += (BLOCK_HEADER_BYTES + rows.len()) as u64;
        Ok(Some(rows))
    }

    /// Counts a row, which must come after the one before.
    fn count(&mut self, row: &Row<'_>, offset: u64) -> Result<(), EngineError> {
        if let Some((table_at, key)) = &self.last
            && (*table_at, key.as_slice()) >= (row.table_at, row.key)
        {
            return Err(corrupt(&self.path, offset, "the rows are not in order"));
        }
        let (table_at, key) = self.last.get_or_insert_default();
        *table_at = row.table_at;
        key.clear();
        key.extend_from_slice(row.key);
        self.rows += 1;
        Ok(())
    }

    fn check_end(&self) -> Result<(), EngineError> {
        let found = Footer {
            rows: self.rows,
            blocks: self.blocks,
            xxh3: self.hash.digest(),
        };
        if found != self.footer {
            let what = format!("the footer says {:?}, the file has {found:?}", self.footer);
            return Err(self.corrupt(what));
        }
        Ok(())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), EngineError> {
        let read = self.file.read_exact_at(buffer, offset);
        read.map_err(|source| io_error(&self.path, source))
    }

    fn corrupt(&self, what: impl Into<String>) -> EngineError {
        corrupt(&self.path, self.offset, what)
    }
}

/// Takes the first row off `rest`.
fn take_row<'a>(rest: &mut &'a [u8]) -> Result<Row<'a>, String> {
    let (header, after) = rest
        .split_first_chunk::<ROW_HEADER_BYTES>()
        .ok_or("a block ends within the header of a row")?;
    let header = RowHeader::decode(header);
    let (key_bytes, value_bytes) = (usize::from(header.key_bytes), header.value_bytes as usize);
    let table = Table::from_number(header.table)
        .ok_or_else(|| format!("there is no table {}", header.table))?;
    if after.len() < key_bytes.saturating_add(value_bytes) {
        return Err(format!(
            "a row of {key_bytes} and {value_bytes} bytes where {} are left",
            after.len()
        ));
    }
    let (key, after) = after.split_at(key_bytes);
    let (value, after) = after.split_at(value_bytes);
    *rest = after;
    Ok(Row {
        table_at: table as usize - 1,
        key,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row whose key is longer than what is left, and whose value is empty, used to
    /// panic instead of being refused.
    #[test]
    fn a_key_beyond_the_end_of_its_block_is_refused() {
        let block = [2, 10, 0, 0, 0, 0, 0, 1, 2, 3];
        assert!(take_row(&mut &block[..]).is_err());
    }
}
