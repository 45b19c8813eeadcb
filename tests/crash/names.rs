//! Names: which are durable, and which only changed. Paths are relative to the traced folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names one file's content, whatever the file is called.
pub(crate) type FileId = u64;

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    Dir,
    File(FileId),
}

/// What became of names in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Link(PathBuf, Node),
    Unlink(PathBuf, Node),
    Rename(PathBuf, PathBuf, Node),
}

impl Change {
    fn touches(&self, dir: &Path) -> bool {
        match self {
            Self::Link(path, _) | Self::Unlink(path, _) => path.parent() == Some(dir),
            Self::Rename(from, to, _) => from.parent() == Some(dir) || to.parent() == Some(dir),
        }
    }

    /// Says which file it means: when an earlier change was lost, a later one must not hit
    /// another file.
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Link(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Unlink(path, node) => unlink(names, path, *node),
            Self::Rename(from, to, node) => {
                unlink(names, from, *node);
                names.insert(to.clone(), *node);
            }
        }
    }
}

fn unlink(names: &mut BTreeMap<PathBuf, Node>, path: &Path, node: Node) {
    if names.get(path) == Some(&node) {
        names.remove(path);
    }
}

/// Every name below the traced folder, which itself is durable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// Not durable yet, each with the number it was given.
    pending: Vec<(u64, Change)>,
}

impl Names {
    pub(crate) fn live(&self) -> &BTreeMap<PathBuf, Node> {
        &self.live
    }

    pub(crate) fn change(&mut self, number: u64, change: Change) {
        change.apply(&mut self.live);
        self.pending.push((number, change));
    }

    /// Changes in `dir` that were made before `number` are durable.
    pub(crate) fn synced(&mut self, dir: &Path, before: u64) {
        let durable = &mut self.durable;
        self.pending.retain(|(number, change)| {
            let is_synced = *number < before && change.touches(dir);
            if is_synced {
                change.apply(durable);
            }
            !is_synced
        });
    }

    /// The names that there are after a power loss, if `survives` says of each change that is
    /// not durable whether it is there. What is in a directory that is lost is lost.
    pub(crate) fn after(&self, mut survives: impl FnMut() -> bool) -> BTreeMap<PathBuf, Node> {
        let mut names = self.durable.clone();
        for (_, change) in &self.pending {
            if survives() {
                change.apply(&mut names);
            }
        }
        let all = names.clone();
        let is_dir = |dir: &Path| dir == Path::new("") || all.get(dir) == Some(&Node::Dir);
        names.retain(|path, _| path.ancestors().skip(1).all(is_dir));
        names
    }

    /// All that is there is durable.
    pub(crate) fn settle(&mut self, names: BTreeMap<PathBuf, Node>) {
        self.live.clone_from(&names);
        self.durable = names;
        self.pending.clear();
    }
}
