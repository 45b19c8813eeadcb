//! Room for segments to come: allocated ahead, and recycled from segments that
//! nobody needs any more, whose blocks the file system need not allocate again.

use std::path::{Path, PathBuf};

use super::WalError;
use crate::base::host::{Disk, DiskFile, OpenMode};
use crate::base::mutant;

/// Files kept ready, the next segment included.
const SPARES_MAX: usize = 2;

/// A file whose room is taken for sure.
pub(super) struct Spare {
    pub(super) file: Box<dyn DiskFile>,
    pub(super) path: PathBuf,
}

/// The spare files of a log.
pub(super) struct Spares {
    dir: PathBuf,
    segment_bytes: u64,
    /// Open and ready.
    ready: Option<Spare>,
    /// Of the right length, not looked at yet.
    kept: Vec<PathBuf>,
}

/// True for the name of a spare file.
pub(super) fn is_spare(name: &str) -> bool {
    (0..SPARES_MAX).any(|slot| name == spare_name(slot))
}

fn spare_name(slot: usize) -> String {
    format!("spare-{slot}.wal")
}

impl Spares {
    pub(super) fn new(dir: PathBuf, segment_bytes: u64) -> Self {
        Self {
            dir,
            segment_bytes,
            ready: None,
            kept: Vec::new(),
        }
    }

    /// Keeps a spare file of an earlier run; one of another length is removed: it was
    /// never finished, or the size of a segment was changed.
    pub(super) fn adopt(&mut self, disk: &dyn Disk, path: PathBuf) -> Result<(), WalError> {
        if length(disk, &path)? == self.segment_bytes {
            self.kept.push(path);
            return Ok(());
        }
        remove(disk, &path)
    }

    /// Where the next one is allocated, for messages.
    pub(super) fn path(&self) -> PathBuf {
        let slot = (0..SPARES_MAX)
            .map(|slot| self.dir.join(spare_name(slot)))
            .find(|path| {
                !self.kept.contains(path)
                    && self.ready.as_ref().is_none_or(|ready| ready.path != *path)
            });
        slot.expect("at most SPARES_MAX are kept, and one fewer while another is made")
    }

    /// Makes sure that one is ready.
    ///
    /// # Errors
    /// `is_out_of_space` when there is no room: try again later.
    pub(super) fn prepare(&mut self, disk: &dyn Disk) -> Result<(), WalError> {
        if self.ready.is_none() {
            let (path, mode) = match self.kept.pop() {
                Some(path) => (path, OpenMode::ReadWrite),
                None => (self.path(), OpenMode::CreateNew),
            };
            self.ready = Some(allocate(disk, path, mode, self.segment_bytes)?);
        }
        Ok(())
    }

    /// The ready one.
    pub(super) fn take(&mut self) -> Option<Spare> {
        self.ready.take()
    }

    /// One of another length than usual.
    pub(super) fn make(&mut self, disk: &dyn Disk, bytes: u64) -> Result<Spare, WalError> {
        if self.kept.len() == SPARES_MAX
            && let Some(path) = self.kept.pop()
        {
            remove(disk, &path)?;
        }
        allocate(disk, self.path(), OpenMode::CreateNew, bytes)
    }

    /// Keeps the file at `path` as a spare, or removes it. Either way its name is gone
    /// for good when this returns: the next older segment must not go before.
    pub(super) fn recycle(&mut self, disk: &dyn Disk, path: &Path) -> Result<(), WalError> {
        let wanted = usize::from(self.ready.is_some()) + self.kept.len() < SPARES_MAX;
        if wanted && length(disk, path)? == self.segment_bytes {
            let spare = self.path();
            disk.rename(path, &spare)
                .map_err(|error| WalError::io(path, "rename", error))?;
            self.kept.push(spare);
        } else {
            remove(disk, path)?;
        }
        sync_dir(disk, &self.dir)
    }
}

/// Opens or creates a file and takes room for it. Its length is made durable at once,
/// or the first sync of the new segment would have to do it.
fn allocate(disk: &dyn Disk, path: PathBuf, mode: OpenMode, bytes: u64) -> Result<Spare, WalError> {
    let file = disk
        .open(&path, mode)
        .map_err(|error| WalError::io(&path, "open", error))?;
    let allocated = file
        .allocate(bytes)
        .map_err(|error| WalError::io(&path, "allocate", error))
        .and_then(|()| sync_data(&*file, &path));
    if let Err(error) = allocated {
        drop(file);
        if error.is_out_of_space() {
            // Part of the room may have been taken, and somebody else needs it now.
            remove(disk, &path)?;
        }
        return Err(error);
    }
    Ok(Spare { file, path })
}

fn length(disk: &dyn Disk, path: &Path) -> Result<u64, WalError> {
    let file = disk.open(path, OpenMode::Read);
    file.and_then(|file| file.len())
        .map_err(|error| WalError::io(path, "open", error))
}

pub(super) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), WalError> {
    disk.remove(path)
        .map_err(|error| WalError::io(path, "remove", error))
}

pub(super) fn sync_data(file: &dyn DiskFile, path: &Path) -> Result<(), WalError> {
    let synced = file.sync_data();
    if let (Err(failure), true) = (&synced, mutant::is_on("fsync-error-ignored")) {
        tracing::error!(%failure, path = %path.display(), "a sync failed, and is taken as done");
        return Ok(());
    }
    synced.map_err(|error| WalError::io(path, "fdatasync", error))
}

pub(super) fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), WalError> {
    disk.sync_dir(dir)
        .map_err(|error| WalError::io(dir, "fsync", error))
}

pub(super) fn write_at(
    file: &dyn DiskFile,
    path: &Path,
    bytes: &[u8],
    at: u64,
) -> Result<(), WalError> {
    file.write_all_at(bytes, at)
        .map_err(|error| WalError::io(path, "write", error))
}
