//! Writing a checkpoint.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::base::host::{Disk, DiskFile, OpenMode, is_no_room};
use crate::base::types::LogIndex;
use crate::engine::tree::Tree;
use crate::engine::{EngineError, Table};

use super::Trees;
use super::blocks::{Blocks, room_of};
use super::directory::{finished_path, io_error, remove, remove_older, unfinished_path};

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
    let (file, bytes) = write_rows(file, covers, trees).map_err(failure(true))?;
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

fn write_rows(
    file: Box<dyn DiskFile>,
    covers: LogIndex,
    trees: &Trees,
) -> io::Result<(Box<dyn DiskFile>, u64)> {
    let mut blocks = Blocks::begin(file, covers)?;
    for (table, tree) in Table::ALL.into_iter().zip(trees) {
        let mut result = Ok(());
        let _ = tree.scan(&[], None, &mut |key, value| {
            result = blocks.row(table, key, value);
            if result.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        result?;
    }
    blocks.end()
}

/// Bytes the file can take at most: every block but the last is full.
fn needed_bytes(trees: &Trees) -> u64 {
    let rows = trees.iter().map(Tree::rows).sum();
    room_of(rows, trees.iter().map(Tree::bytes).sum())
}
