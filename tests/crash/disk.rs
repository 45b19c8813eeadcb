//! A disk as the trace tells it: what is durable, and what was only asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::deeds::{Deed, Target};
use crate::names::{Change, FileId, Names, Node};
use crate::pages::Pages;

/// What became of a file's content in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    Write(u64, Arc<[u8]>),
    SetLen(u64),
    Allocate(u64),
}

impl Edit {
    pub(crate) fn apply(&self, content: &mut Pages) {
        match self {
            Self::Write(at, bytes) => content.write(*at, bytes),
            Self::SetLen(len) => content.set_len(*len),
            Self::Allocate(len) => content.allocate(*len),
        }
    }
}

/// One file.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) durable: Pages,
    /// Not durable yet, each with the number it was given.
    pub(crate) pending: Vec<(u64, Edit)>,
}

impl File {
    fn synced(&mut self, before: u64) {
        let (synced, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|(number, _)| *number < before);
        self.pending = pending;
        let synced: Vec<(u64, Edit)> = synced;
        for (_, edit) in synced {
            edit.apply(&mut self.durable);
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) names: Names,
    pub(crate) files: BTreeMap<FileId, File>,
    /// Syncs under way: what each is of, and how many changes it covers.
    syncs: BTreeMap<usize, (Target, u64)>,
    changes: u64,
}

impl Disk {
    /// Goes on by one deed.
    pub(crate) fn apply(&mut self, deed: &Deed) {
        match deed {
            Deed::Name(change) => {
                if let Change::Link(_, Node::File(file)) = change {
                    // Its number is taken from here on, if nothing is ever written to it, too.
                    self.files.entry(*file).or_default();
                }
                self.names.change(self.changes, change.clone());
                self.changes += 1;
            }
            Deed::Edit(file, edit) => {
                let file = self.files.entry(*file).or_default();
                file.pending.push((self.changes, edit.clone()));
                self.changes += 1;
            }
            Deed::SyncBegins(sync, target) => {
                self.syncs.insert(*sync, (target.clone(), self.changes));
            }
            Deed::SyncEnds(sync) => {
                let begun = self.syncs.remove(sync);
                let (target, before) = begun.expect("what ends has begun");
                match target {
                    Target::File(file) => self.files.entry(file).or_default().synced(before),
                    Target::Dir(dir) => self.names.synced(&dir, before),
                }
            }
            Deed::Answer(_) | Deed::Promise(_) => {}
        }
    }

    /// A number that no file has.
    pub(crate) fn free_id(&self) -> FileId {
        self.files.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// Syncs that were under way when the process died are none any more.
    pub(crate) fn process_died(&mut self) {
        self.syncs.clear();
    }

    /// A disk that has this and nothing else, all of it durable.
    pub(crate) fn of(image: &BTreeMap<PathBuf, Option<Pages>>) -> Self {
        let mut disk = Self::default();
        let mut names = BTreeMap::new();
        for (number, (path, content)) in (1..).zip(image) {
            let node = match content {
                None => Node::Dir,
                Some(content) => {
                    let durable = content.clone();
                    let pending = Vec::new();
                    disk.files.insert(number, File { durable, pending });
                    Node::File(number)
                }
            };
            names.insert(path.clone(), node);
        }
        disk.names.settle(names);
        disk
    }
}
