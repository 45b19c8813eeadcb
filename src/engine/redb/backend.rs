//! What redb needs of a file, over the host's disk.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redb::StorageBackend;

use crate::base::host::DiskFile;

/// What others ask a file that redb owns.
#[derive(Debug, Default)]
pub(super) struct FileState {
    bytes: AtomicU64,
    no_room: AtomicBool,
    closed: AtomicBool,
}

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

    /// True if writing has failed for want of room since.
    pub(super) fn had_no_room(&self) -> bool {
        self.no_room.load(Ordering::Relaxed)
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
            return Err(io::Error::other("the engine is closed"));
        }
        Ok(&*self.file)
    }

    fn noted(&self, result: io::Result<()>) -> io::Result<()> {
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::StorageFull
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
        self.noted(self.file()?.set_len(bytes))?;
        self.state.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// A sync that finds no room has lost what was written: that is a failed disk.
    fn sync_data(&self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.noted(self.file()?.write_all_at(bytes, offset))
    }
}
