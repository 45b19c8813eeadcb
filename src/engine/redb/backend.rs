//! What redb needs of a file, over the host's disk.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redb::StorageBackend;
use thiserror::Error;

use crate::base::host::{DiskFile, is_no_room};

/// What others ask a file that redb owns.
#[derive(Debug, Default)]
pub(super) struct FileState {
    bytes: AtomicU64,
    no_room: AtomicBool,
    failed_to_sync: AtomicBool,
    retired: AtomicBool,
    closed: AtomicBool,
}

/// The engine has taken the file away.
#[derive(Debug, Error)]
#[error("the file is closed")]
pub(super) struct Closed;

/// One file as redb sees it.
pub(super) struct Backend {
    file: Box<dyn DiskFile>,
    state: Arc<FileState>,
}

impl FileState {
    /// The file's length, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Begins anew with watching for room. redb writes some pages early if it can, and
    /// such a failure means nothing for the next commit.
    pub(super) fn forget_no_room(&self) {
        self.no_room.store(false, Ordering::Relaxed);
    }

    /// True if writing has failed for want of room since, and for nothing worse: once a
    /// sync has failed, nobody knows what the file holds.
    pub(super) fn had_no_room(&self) -> bool {
        self.no_room.load(Ordering::Relaxed) && !self.failed_to_sync.load(Ordering::Relaxed)
    }

    /// Lets nobody write any more: another file has taken the name. redb would write once
    /// more when the last reader goes, and that one would wait for it.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    /// Lets nobody touch the file any more. redb writes once more when it closes one;
    /// by then the file may be open anew.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

impl Backend {
    /// Takes over a file.
    pub(super) fn new(file: Box<dyn DiskFile>) -> io::Result<Self> {
        let state = FileState::default();
        state.bytes.store(file.len()?, Ordering::Relaxed);
        Ok(Self {
            file,
            state: Arc::new(state),
        })
    }

    /// What others may ask.
    pub(super) fn state(&self) -> Arc<FileState> {
        self.state.clone()
    }

    fn file(&self) -> io::Result<&dyn DiskFile> {
        if self.state.closed.load(Ordering::SeqCst) {
            return Err(io::Error::other(Closed));
        }
        Ok(&*self.file)
    }

    fn file_to_change(&self) -> io::Result<&dyn DiskFile> {
        if self.state.retired.load(Ordering::SeqCst) {
            return Err(io::Error::other(Closed));
        }
        self.file()
    }

    fn noted(&self, result: io::Result<()>) -> io::Result<()> {
        if let Err(error) = &result
            && is_no_room(error)
        {
            self.state.no_room.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file()?.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file()?.read_exact_at(out, offset)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.noted(self.file_to_change()?.set_len(bytes))?;
        self.state.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// A sync that finds no room has lost what was written: that is a failed disk.
    fn sync_data(&self) -> io::Result<()> {
        let synced = self.file_to_change()?.sync_data();
        if synced.is_err() {
            self.state.failed_to_sync.store(true, Ordering::Relaxed);
        }
        synced
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.noted(self.file_to_change()?.write_all_at(bytes, offset))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::host::{Disk, OpenMode};
    use crate::engine::conformance::disk::TestDisk;

    /// redb goes on when a page that it writes early finds no room. Once, that made of
    /// whatever failed next a disk that is merely full.
    #[test]
    fn a_failed_sync_is_no_want_of_room() {
        let disk = TestDisk::default();
        let file = disk.open(Path::new("/file"), OpenMode::CreateNew).unwrap();
        let backend = Backend::new(file).unwrap();
        disk.fail(0, io::ErrorKind::StorageFull);
        backend.write(0, b"page").unwrap_err();
        assert!(backend.state.had_no_room());
        disk.fail(0, io::ErrorKind::Other);
        backend.sync_data().unwrap_err();
        assert!(!backend.state.had_no_room());
    }
}
