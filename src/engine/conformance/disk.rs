//! A small disk in memory that can fail the n-th operation and lose power.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::base::host::{Disk, DiskFile, DiskLock, OpenMode};

/// What was written to a file, and what of it is durable.
#[derive(Debug, Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

impl Content {
    /// Of the changes, those in the first half of the file have reached the disk. What
    /// was durable behind it is as it was.
    fn half_written(&self) -> Vec<u8> {
        let half = self.now.len() / 2;
        let mut kept = self.durable.clone();
        kept.resize(kept.len().max(half), 0);
        kept[..half].copy_from_slice(&self.now[..half]);
        kept
    }
}

/// A change of names that is not durable yet.
#[derive(Debug, Clone)]
enum NameChange {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Debug, Default, Clone)]
struct State {
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending: Vec<NameChange>,
    operations: u64,
    fault: Option<(u64, io::ErrorKind)>,
    failed: bool,
    failed_to_keep: bool,
    free_bytes: Option<u64>,
}

/// A handle of the disk; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestDisk(Arc<Mutex<State>>);

struct TestFile {
    disk: TestDisk,
    content: usize,
}

impl TestDisk {
    /// Operations that change something, so far.
    pub(crate) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Fails the changing operation number `nth` from now, from 0, and none after it.
    pub(crate) fn fail(&self, nth: u64, kind: io::ErrorKind) {
        let mut state = self.0.lock();
        state.fault = Some((state.operations + nth, kind));
        state.failed = false;
    }

    /// True once the fault has struck.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.lock().failed
    }

    /// True if what the fault struck was to make something last: a sync or a rename.
    pub(crate) fn has_failed_to_keep(&self) -> bool {
        self.0.lock().failed_to_keep
    }

    /// Says how much room there is; `None`: enough.
    pub(crate) fn set_free_bytes(&self, bytes: Option<u64>) {
        self.0.lock().free_bytes = bytes;
    }

    /// Every disk that a power loss now may leave: each subset of the names that are
    /// not durable, with the contents that are not durable there, cut, or gone.
    pub(crate) fn after_power_loss(&self) -> Vec<Self> {
        let state = self.0.lock();
        let mut disks = Vec::new();
        for mask in 0..1_u32 << state.pending.len() {
            for keep in [Keep::Durable, Keep::Half, Keep::All] {
                disks.push(Self(Arc::new(Mutex::new(
                    state.after_power_loss(mask, keep),
                ))));
            }
        }
        disks
    }

    /// The names in the directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.0.lock();
        let names = state.names.keys().filter_map(|path| path.file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    /// The content of a file.
    pub(crate) fn content(&self, path: &Path) -> Vec<u8> {
        let state = self.0.lock();
        state.contents[state.names[path]].now.clone()
    }

    /// Replaces the content of a file, made if missing.
    pub(crate) fn overwrite(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        let content = state.contents.len();
        state.contents.push(Content {
            now: bytes.clone(),
            durable: bytes,
        });
        state.names.insert(path.to_owned(), content);
        state.durable_names.insert(path.to_owned(), content);
    }

    fn keep(&self, apply: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let kept = self.change(apply);
        self.0.lock().failed_to_keep |= kept.is_err();
        kept
    }

    fn change<T>(&self, apply: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock();
        let number = state.operations;
        state.operations += 1;
        if let Some((nth, kind)) = state.fault
            && nth == number
        {
            state.failed = true;
            return Err(io::Error::new(kind, "the test disk fails here"));
        }
        apply(&mut state)
    }
}

#[derive(Clone, Copy)]
enum Keep {
    Durable,
    Half,
    All,
}

impl State {
    fn after_power_loss(&self, mask: u32, keep: Keep) -> Self {
        let mut names = self.durable_names.clone();
        for (at, change) in self.pending.iter().enumerate() {
            if mask & (1 << at) != 0 {
                apply_name(&mut names, change);
            }
        }
        let mut contents = self.contents.clone();
        for content in &mut contents {
            let kept = match keep {
                Keep::Durable => content.durable.clone(),
                Keep::Half if content.now == content.durable => content.durable.clone(),
                Keep::Half => content.half_written(),
                Keep::All => content.now.clone(),
            };
            *content = Content {
                now: kept.clone(),
                durable: kept,
            };
        }
        Self {
            contents,
            durable_names: names.clone(),
            names,
            ..Self::default()
        }
    }

    fn rename_or_remove(&mut self, change: NameChange) {
        apply_name(&mut self.names, &change);
        self.pending.push(change);
    }

    fn content_of(&self, path: &Path) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, usize>, change: &NameChange) {
    match change {
        NameChange::Create(path, content) => {
            names.insert(path.clone(), *content);
        }
        NameChange::Rename(from, to) => {
            if let Some(content) = names.remove(from) {
                names.insert(to.clone(), content);
            }
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
    }
}

impl Disk for TestDisk {
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.change(|_| Ok(()))
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        let content = if mode == OpenMode::CreateNew {
            self.change(|state| {
                if state.names.contains_key(path) {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                let content = state.contents.len();
                state.contents.push(Content::default());
                state.rename_or_remove(NameChange::Create(path.to_owned(), content));
                Ok(content)
            })?
        } else {
            self.0.lock().content_of(path)?
        };
        Ok(Box::new(TestFile {
            disk: self.clone(),
            content,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.keep(|state| {
            state.content_of(from)?;
            state.rename_or_remove(NameChange::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.content_of(path)?;
            state.rename_or_remove(NameChange::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| path.file_name());
        Ok(names
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.keep(|state| {
            state.durable_names = state.names.clone();
            state.pending.clear();
            Ok(())
        })
    }

    fn lock(&self, _path: &Path) -> io::Result<DiskLock> {
        Ok(Box::new(()))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.0.lock().free_bytes.unwrap_or(u64::MAX))
    }
}

impl DiskFile for TestFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().contents[self.content].now.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.0.lock();
        let now = &state.contents[self.content].now;
        let start = usize::try_from(offset).expect("a test file is small");
        let bytes = now
            .get(start..start + buffer.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.change(|state| {
            let now = &mut state.contents[self.content].now;
            let start = usize::try_from(offset).expect("a test file is small");
            now.resize(now.len().max(start + bytes.len()), 0);
            now[start..start + bytes.len()].copy_from_slice(bytes);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.keep(|state| {
            let content = &mut state.contents[self.content];
            content.durable = content.now.clone();
            Ok(())
        })
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let room = usize::try_from(bytes).expect("a test file is small");
        self.disk.change(|state| {
            let now = &mut state.contents[self.content].now;
            now.resize(now.len().max(room), 0);
            Ok(())
        })
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).expect("a test file is small");
        self.disk.change(|state| {
            state.contents[self.content].now.resize(length, 0);
            Ok(())
        })
    }
}
