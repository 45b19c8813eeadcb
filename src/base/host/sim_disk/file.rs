//! One open simulated file, and a held lock.

use std::io;
use std::path::PathBuf;

use parking_lot::MutexGuard;

use super::disk::{SimDisk, State};
use super::names::InodeId;
use crate::base::host::DiskFile;

/// An open file; it fails once the life of the machine it was opened in is over.
pub(super) struct SimFile {
    disk: SimDisk,
    inode: InodeId,
    life: u64,
    writable: bool,
}

impl SimFile {
    pub(super) fn new(disk: SimDisk, inode: InodeId, life: u64, writable: bool) -> Self {
        Self {
            disk,
            inode,
            life,
            writable,
        }
    }

    fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        self.of_this_life(self.disk.operate()?)
    }

    fn of_this_life<'a>(&self, state: MutexGuard<'a, State>) -> io::Result<MutexGuard<'a, State>> {
        if state.life != self.life {
            return Err(io::Error::other("this file was open in a life that ended"));
        }
        Ok(state)
    }

    fn operate_writing(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.of_this_life(self.disk.operate_writing(None)?)?;
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(state)
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.operate()?.inode(self.inode).len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.operate()?;
        state.inode(self.inode).read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.operate_writing()?;
        state.reserve(self.inode, offset + bytes.len() as u64)?;
        state.inode_mut(self.inode).write_at(bytes, offset);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let state = self.disk.operate_writing(Some(self.inode))?;
        self.of_this_life(state)?.inode_mut(self.inode).sync();
        Ok(())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.operate_writing()?;
        state.reserve(self.inode, bytes)?;
        if state.inode(self.inode).len() < bytes {
            state.inode_mut(self.inode).set_len(bytes);
        }
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.operate_writing()?;
        state.reserve(self.inode, bytes)?;
        state.inode_mut(self.inode).set_len(bytes);
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.inode_mut(self.inode).open_handles -= 1;
        }
    }
}

/// A held lock; dropping it in the life it was taken in gives it up.
pub(super) struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    life: u64,
}

impl SimLock {
    pub(super) fn new(disk: SimDisk, path: PathBuf, life: u64) -> Self {
        Self { disk, path, life }
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}
