//! The simulated disk itself: the seam, and what a test does to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::file::{SimFile, SimLock};
use super::inode::Inode;
use super::names::{InodeId, Names};
use crate::base::host::{Disk, DiskFile, DiskLock, OpenMode, Rng};

/// A disk in memory. Clones are the same disk.
///
/// Every call through the seam counts as one operation, so that a test can break
/// a run at each of them in turn.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

pub(super) struct State {
    rng: Arc<dyn Rng>,
    names: Names,
    inodes: BTreeMap<InodeId, Inode>,
    inodes_made: u64,
    pub(super) locks: BTreeSet<PathBuf>,
    /// One more for every crash: handles of an earlier life fail.
    pub(super) life: u64,
    operations: u64,
    fail_at: Option<(u64, io::ErrorKind)>,
    /// Writes and syncs that still go well, if the one after them does not.
    writes_left: Option<u64>,
    write_failed: bool,
    halt_after: Option<u64>,
    capacity_bytes: Option<u64>,
}

impl SimDisk {
    /// An empty disk of boundless size; `rng` decides what a power loss keeps.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        let state = State {
            rng,
            names: Names::default(),
            inodes: BTreeMap::new(),
            inodes_made: 0,
            locks: BTreeSet::new(),
            life: 0,
            operations: 0,
            fail_at: None,
            writes_left: None,
            write_failed: false,
            halt_after: None,
            capacity_bytes: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Power loss. What was synced stays; of everything else any part does. Locks
    /// are free, handles opened before fail, planned failures are forgotten.
    pub fn crash(&self) {
        let state = &mut *self.state.lock();
        state.end_life();
        state.names.lose_power(&*state.rng);
        for inode in state.inodes.values_mut() {
            inode.lose_power(&*state.rng);
        }
        state.collect();
    }

    /// Death of the process alone: as [`SimDisk::crash`], but all that was written
    /// stays, still not durable. Of a file whose sync failed only what is durable stays.
    pub fn kill(&self) {
        let mut state = self.state.lock();
        state.end_life();
        state.inodes.values_mut().for_each(Inode::evict);
        state.collect();
    }

    /// Makes the operation that comes after `operations` more fail, once.
    pub fn fail_after(&self, operations: u64, kind: io::ErrorKind) {
        let mut state = self.state.lock();
        state.fail_at = Some((state.operations + operations, kind));
    }

    /// Makes the write, growth or sync that comes after `writes` more of them fail, once,
    /// in this life. Of what a failed sync was to make durable any part is, and no later
    /// sync makes the rest so, as with real disks.
    pub fn fail_write_after(&self, writes: u64) {
        self.state.lock().writes_left = Some(writes);
    }

    /// True once [`SimDisk::fail_write_after`] has come true in this life.
    pub fn has_failed_write(&self) -> bool {
        self.state.lock().write_failed
    }

    /// Lets `operations` more happen, then fails every one until the next
    /// [`SimDisk::crash`] or [`SimDisk::kill`]: the machine stopped there.
    pub fn halt_after(&self, operations: u64) {
        let mut state = self.state.lock();
        state.halt_after = Some(state.operations + operations);
    }

    /// Bounds the disk, or not. Files that are already larger stay.
    pub fn set_capacity_bytes(&self, bytes: Option<u64>) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// Flips the bits of `mask` in one byte of a file.
    ///
    /// # Panics
    /// If there is no such byte: the test means another one.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) {
        let mut state = self.state.lock();
        let inode = state.names.get(path).expect("the test names a file");
        let flipped = state.inode_mut(inode).flip(offset, mask);
        assert!(flipped, "{} has no byte {offset}", path.display());
    }

    /// Operations so far, failed ones included.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Every file with its length in bytes, sorted by path.
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        let state = self.state.lock();
        let files = state.names.live().iter();
        files
            .map(|(path, inode)| (path.clone(), state.inodes[inode].len()))
            .collect()
    }

    /// Counts one operation, and lets it happen or not.
    pub(super) fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        state.operations += 1;
        let number = state.operations;
        if state.halt_after.is_some_and(|last| number > last) {
            return Err(io::Error::other("the simulated machine stopped"));
        }
        if let Some((_, kind)) = state.fail_at.take_if(|(after, _)| number > *after) {
            return Err(kind.into());
        }
        Ok(state)
    }

    /// As [`SimDisk::operate`], for what changes the disk or makes it durable.
    pub(super) fn operate_writing(
        &self,
        syncs: Option<InodeId>,
    ) -> io::Result<MutexGuard<'_, State>> {
        let mut guard = self.operate()?;
        let state = &mut *guard;
        match &mut state.writes_left {
            None => return Ok(guard),
            Some(left) if *left > 0 => {
                *left -= 1;
                return Ok(guard);
            }
            Some(_) => {}
        }
        state.writes_left = None;
        state.write_failed = true;
        if let Some(inode) = syncs {
            let rng = state.rng.clone();
            state.inode_mut(inode).fail_sync(&*rng);
        }
        Err(io::Error::other("the simulated disk failed"))
    }

    /// Without counting: for what the seam does not show.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    pub(super) fn inode(&self, inode: InodeId) -> &Inode {
        self.inodes.get(&inode).expect("kept while named or open")
    }

    pub(super) fn inode_mut(&mut self, inode: InodeId) -> &mut Inode {
        let found = self.inodes.get_mut(&inode);
        found.expect("kept while named or open")
    }

    /// Takes room for a file to grow to `bytes`.
    pub(super) fn reserve(&self, inode: InodeId, bytes: u64) -> io::Result<()> {
        let grows_by = bytes.saturating_sub(self.inode(inode).len());
        if grows_by > self.free_bytes() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn free_bytes(&self) -> u64 {
        let Some(capacity) = self.capacity_bytes else {
            return u64::MAX;
        };
        let named = self.names.live().values();
        let used: u64 = named.map(|inode| self.inode(*inode).len()).sum();
        capacity.saturating_sub(used)
    }

    fn create(&mut self, path: &Path) -> io::Result<InodeId> {
        if !path.parent().is_some_and(|dir| self.names.has_dir(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inode = self.inodes_made;
        self.inodes_made += 1;
        self.inodes.insert(inode, Inode::default());
        self.names.link(path, inode);
        Ok(inode)
    }

    fn find(&self, path: &Path) -> io::Result<InodeId> {
        let found = self.names.get(path);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn end_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.fail_at = None;
        self.writes_left = None;
        self.write_failed = false;
        self.halt_after = None;
        for inode in self.inodes.values_mut() {
            inode.open_handles = 0;
        }
    }

    /// Forgets files that nothing leads to.
    fn collect(&mut self) {
        let reachable = self.names.reachable();
        self.inodes
            .retain(|id, inode| inode.open_handles > 0 || reachable.contains(id));
    }
}

impl Disk for SimDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.operate()?.names.create_dir_all(dir);
        Ok(())
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.operate()?;
        let inode = match (state.names.get(path), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (None, OpenMode::CreateNew) => state.create(path)?,
            (_, OpenMode::Read | OpenMode::ReadWrite) => state.find(path)?,
        };
        state.inode_mut(inode).open_handles += 1;
        let writable = mode != OpenMode::Read;
        let life = state.life;
        Ok(Box::new(SimFile::new(self.clone(), inode, life, writable)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.operate()?;
        let inode = state.find(from)?;
        state.names.rename(from, to, inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.operate()?;
        let inode = state.find(path)?;
        state.names.unlink(path, inode);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.operate()?;
        if !state.names.has_dir(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state
            .names
            .live()
            .keys()
            .filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.operate_writing(None)?;
        state.names.sync_dir(dir);
        state.collect();
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let mut state = self.operate()?;
        if state.names.get(path).is_none() {
            state.create(path)?;
        }
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let life = state.life;
        Ok(Box::new(SimLock::new(self.clone(), path.to_owned(), life)))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.operate()?.free_bytes())
    }
}
