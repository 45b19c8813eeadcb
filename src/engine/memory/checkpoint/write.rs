//! Writing a checkpoint.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

use crate::base::host::{Disk, DiskFile, OpenMode, is_no_room};
use crate::base::types::LogIndex;
use crate::engine::{EngineError, Table};

use super::Trees;
use super::directory::{finished_path, io_error, remove, remove_older, unfinished_path};
use super::format::{
    BLOCK_BYTES, BLOCK_HEADER_BYTES, FOOTER_BYTES, Footer, HEADER_BYTES, ROW_HEADER_BYTES,
    RowHeader, encode_block_header, encode_header,
};

/// Writes `trees` as the checkpoint that covers `covers`; calls `finished` once it is
/// durable, then removes older ones. Returns its size, bytes.
///
/// # Errors
/// `OutOfSpace` if the disk has no room: nothing is left behind, and nothing has
/// changed. `Io` for all else the file system says.
pub(in crate::engine::memory) fn write(
    disk: &dyn Disk,
    dir: &Path,
    covers: LogIndex,
    trees: &Trees,
    finished: impl FnOnce(),
) -> Result<u64, EngineError> {
    let unfinished = unfinished_path(dir, covers);
    let needed = needed_bytes(trees);
    let free = disk
        .free_bytes(dir)
        .map_err(|source| io_error(dir, source))?;
    if free < needed {
        // Foreseen rather than met: a full disk would stop the log as well.
        return Err(EngineError::OutOfSpace {
            path: unfinished,
            needed,
        });
    }
    match write_and_rename(disk, dir, covers, trees) {
        Ok(bytes) => {
            // IMPORTANT: the new name must be durable before the old files go. The other
            // way round, a power loss between the two would leave no checkpoint, and the
            // log before it may be gone already.
            disk.sync_dir(dir).map_err(|source| io_error(dir, source))?;
            finished();
            remove_older(disk, dir, covers)?;
            Ok(bytes)
        }
        Err(failure) if is_no_room(&failure.source) => {
            // A file that was never finished is nobody's data, so it may go, whatever of
            // it the disk has taken.
            if failure.created {
                remove(disk, &unfinished)?;
            }
            Err(EngineError::OutOfSpace {
                path: unfinished,
                needed,
            })
        }
        Err(failure) => Err(io_error(&failure.path, failure.source)),
    }
}

/// A step that the file system refused, before anything was replaced.
struct Failure {
    path: PathBuf,
    created: bool,
    source: io::Error,
}

fn write_and_rename(
    disk: &dyn Disk,
    dir: &Path,
    covers: LogIndex,
    trees: &Trees,
) -> Result<u64, Failure> {
    let path = unfinished_path(dir, covers);
    let failure = |created| {
        let path = path.clone();
        move |source| Failure {
            path,
            created,
            source,
        }
    };
    let file = create(disk, dir, &path).map_err(failure(false))?;
    let bytes = write_rows(&*file, covers, trees).map_err(failure(true))?;
    // IMPORTANT: the content must be durable before the name says that it is whole.
    file.sync_data().map_err(failure(true))?;
    drop(file);
    disk.rename(&path, &finished_path(dir, covers))
        .map_err(failure(true))?;
    Ok(bytes)
}

/// Makes the file. One of that name is left from an attempt that failed.
fn create(disk: &dyn Disk, dir: &Path, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    if disk.list(dir)?.into_iter().any(|found| Some(found) == name) {
        disk.remove(path)?;
    }
    disk.open(path, OpenMode::CreateNew)
}

fn write_rows(file: &dyn DiskFile, covers: LogIndex, trees: &Trees) -> io::Result<u64> {
    let mut writer = Writer::begin(file, covers)?;
    for (table, tree) in Table::ALL.into_iter().zip(trees) {
        let mut result = Ok(());
        let _ = tree.scan(&[], None, &mut |key, value| {
            result = writer.row(table, key, value);
            if result.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        result?;
    }
    writer.end()
}

/// Gathers rows into blocks and blocks into the file.
struct Writer<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    block: Vec<u8>,
    rows: u64,
    blocks: u64,
    hash: Xxh3Default,
}

impl<'a> Writer<'a> {
    fn begin(file: &'a dyn DiskFile, covers: LogIndex) -> io::Result<Self> {
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

    fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
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

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn end(mut self) -> io::Result<u64> {
        if self.block.len() > BLOCK_HEADER_BYTES {
            self.close_block()?;
        }
        let footer = Footer {
            rows: self.rows,
            blocks: self.blocks,
            xxh3: self.hash.digest(),
        };
        self.append(&footer.encode())?;
        Ok(self.offset)
    }
}

/// Bytes the file can take at most: every block but the last is full.
fn needed_bytes(trees: &Trees) -> u64 {
    let rows: u64 = trees
        .iter()
        .map(|tree| tree.bytes() + tree.rows() * ROW_HEADER_BYTES as u64)
        .sum();
    let blocks = rows.div_ceil(BLOCK_BYTES as u64);
    rows + blocks * BLOCK_HEADER_BYTES as u64 + (HEADER_BYTES + FOOTER_BYTES) as u64
}
