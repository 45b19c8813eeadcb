//! The only file that touches the file system.

use std::any::Any;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock, statvfs};

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// It must exist.
    Read,
    /// It must exist.
    ReadWrite,
    /// It must not exist. Mode 0600.
    CreateNew,
}

/// True if a write failed for want of room: on the disk, or of what its owner may have.
pub fn is_no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A held lock on a file; dropping it gives the lock up.
pub type DiskLock = Box<dyn Any + Send + Sync>;

/// Files and directories.
///
/// Promised: data is durable after `sync_data` of its file, a name after
/// `sync_dir` of its directory, and nothing before. `rename` is atomic.
pub trait Disk: Send + Sync {
    /// Makes a directory and its parents, mode 0700. No error if it exists.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>>;
    /// Moves a file over another or to a new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a file, made if missing, for this process alone.
    ///
    /// # Errors
    /// `WouldBlock` when another process holds it.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;
    /// Who may do what with a directory: the permission bits of its mode. A disk that others
    /// cannot reach has it for its owner alone.
    fn dir_mode(&self, _dir: &Path) -> io::Result<u32> {
        Ok(0o700)
    }
    /// Bytes free to this process on the file system of `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// One open file.
pub trait DiskFile: Send + Sync {
    /// Its length, bytes.
    fn len(&self) -> io::Result<u64>;
    /// True for an empty file.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads exactly `buffer.len()` bytes.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes content and length durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Takes room for `bytes` from the start of the file, so that writes within
    /// it cannot run out of space. Extends the length; content there is zero.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// Cuts the file.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
}

/// The operating system's file system.
#[derive(Debug)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        let file = match mode {
            OpenMode::Read => File::open(path)?,
            OpenMode::ReadWrite => OpenOptions::new().read(true).write(true).open(path)?,
            OpenMode::CreateNew => OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?,
        };
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(file))
    }

    fn dir_mode(&self, dir: &Path) -> io::Result<u32> {
        super::dir_mode(dir)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        fallocate(self, FallocateFlags::empty(), 0, bytes)?;
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }
}
