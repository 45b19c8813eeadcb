//! A disk on which something happens in the middle of somebody's read.

use std::io;

use super::*;
use crate::base::host::{Disk, DiskFile, DiskLock, OpenMode};

type Meddle = Box<dyn FnOnce() + Send>;

/// A simulated disk; clones are the same one.
#[derive(Clone)]
pub(super) struct MeddlingDisk {
    disk: SimDisk,
    /// How many more opens and reads of files that are only read come before it.
    planned: Arc<Mutex<Option<(u64, Meddle)>>>,
}

struct MeddledFile {
    file: Box<dyn DiskFile>,
    disk: MeddlingDisk,
}

impl MeddlingDisk {
    pub(super) fn new(disk: SimDisk) -> Self {
        let planned = Arc::default();
        Self { disk, planned }
    }

    /// Plans `meddle` for just before an open or a read, the one after `operations` more.
    pub(super) fn at_read(&self, operations: u64, meddle: impl FnOnce() + Send + 'static) {
        *self.planned.lock() = Some((operations, Box::new(meddle)));
    }

    fn count(&self) {
        let mut planned = self.planned.lock();
        let due = planned.take_if(|(left, _)| {
            let is_due = *left == 0;
            *left = left.saturating_sub(1);
            is_due
        });
        drop(planned);
        if let Some((_, meddle)) = due {
            meddle();
        }
    }
}

impl Disk for MeddlingDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        if mode != OpenMode::Read {
            return self.disk.open(path, mode);
        }
        self.count();
        let file = self.disk.open(path, mode)?;
        let disk = self.clone();
        Ok(Box::new(MeddledFile { file, disk }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        self.disk.lock(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_bytes(path)
    }
}

impl DiskFile for MeddledFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.count();
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.file.allocate(bytes)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }
}
