//! The names of simulated files: which are durable, and which only changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::base::host::Rng;

/// Names one file's content, whatever the file is called.
pub(super) type InodeId = u64;

/// The directories of a disk. A directory itself is durable when it is made.
#[derive(Debug, Default)]
pub(super) struct Names {
    directories: BTreeSet<PathBuf>,
    live: BTreeMap<PathBuf, InodeId>,
    synced: BTreeMap<PathBuf, InodeId>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Link(PathBuf, InodeId),
    Unlink(PathBuf, InodeId),
    Rename(PathBuf, PathBuf, InodeId),
}

impl Change {
    fn touches(&self, dir: &Path) -> bool {
        match self {
            Self::Link(path, _) | Self::Unlink(path, _) => path.parent() == Some(dir),
            Self::Rename(from, to, _) => from.parent() == Some(dir) || to.parent() == Some(dir),
        }
    }

    /// Every change is atomic, and says which file it meant: when an earlier change
    /// was lost, a later one must not hit another file.
    fn apply(&self, names: &mut BTreeMap<PathBuf, InodeId>) {
        match self {
            Self::Link(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Unlink(path, inode) => unlink(names, path, *inode),
            Self::Rename(from, to, inode) => {
                unlink(names, from, *inode);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

fn unlink(names: &mut BTreeMap<PathBuf, InodeId>, path: &Path, inode: InodeId) {
    if names.get(path) == Some(&inode) {
        names.remove(path);
    }
}

impl Names {
    pub(super) fn create_dir_all(&mut self, dir: &Path) {
        self.directories.extend(dir.ancestors().map(Path::to_owned));
    }

    pub(super) fn has_dir(&self, dir: &Path) -> bool {
        self.directories.contains(dir)
    }

    pub(super) fn get(&self, path: &Path) -> Option<InodeId> {
        self.live.get(path).copied()
    }

    /// Every file a reader sees, sorted.
    pub(super) fn live(&self) -> &BTreeMap<PathBuf, InodeId> {
        &self.live
    }

    pub(super) fn link(&mut self, path: &Path, inode: InodeId) {
        self.change(Change::Link(path.to_owned(), inode));
    }

    pub(super) fn unlink(&mut self, path: &Path, inode: InodeId) {
        self.change(Change::Unlink(path.to_owned(), inode));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, inode: InodeId) {
        self.change(Change::Rename(from.to_owned(), to.to_owned(), inode));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) {
        let synced = &mut self.synced;
        self.pending.retain(|change| {
            let touches = change.touches(dir);
            if touches {
                change.apply(synced);
            }
            !touches
        });
    }

    /// Keeps what was synced and any of the changes since.
    pub(super) fn lose_power(&mut self, rng: &dyn Rng) {
        for change in std::mem::take(&mut self.pending) {
            if rng.below(2) == 0 {
                change.apply(&mut self.synced);
            }
        }
        self.live.clone_from(&self.synced);
    }

    /// Every file that a name leads to, now or after a power loss.
    pub(super) fn reachable(&self) -> BTreeSet<InodeId> {
        let pending = self.pending.iter().map(|change| match change {
            Change::Link(_, inode) | Change::Unlink(_, inode) | Change::Rename(_, _, inode) => {
                inode
            }
        });
        let named = self.live.values().chain(self.synced.values());
        named.chain(pending).copied().collect()
    }
}
