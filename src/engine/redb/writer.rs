//! The one writer of the file: checkpoints, and what the file needs beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::engine::RedbOptions;
use super::file::{Finish, RowFile};
use super::layer::Layer;
use super::rewrite::Rewrite;
use super::snapshot::Snapshot;
use crate::base::host::{Disk, is_no_room};
use crate::base::mutant;
use crate::base::types::LogIndex;
use crate::engine::incoming::Incoming;
use crate::engine::{EngineError, Table};

const FILE_NAME: &str = "rows.redb";

/// A file that nobody relies on yet.
const NEW_FILE_NAME: &str = "rows.redb.new";

/// What changing a row costs at worst, bytes: a page of its own, and its part of the
/// pages above.
const CHANGED_ROW_BYTES_MAX: u64 = 5 << 10;

/// What any commit may take beside its rows, bytes.
pub(super) const COMMIT_BYTES: u64 = 64 << 10;

/// A file is written anew when it is this many times as large as what it holds. redb
/// keeps a file under random writes at four to five times.
const WASTE_FACTOR: u64 = 8;

/// What a row takes beside its bytes when it is packed well.
const ROW_BYTES: u64 = 16;

/// Writes one file at a time, and owns it.
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: RedbOptions,
    file: Option<RowFile>,
    covers: LogIndex,
    rewrite: Option<Rewrite>,
}

/// What became of a checkpoint.
pub(super) enum Flushed {
    /// It is durable; this is what the file holds now.
    Done(Snapshot),
    /// There was no room. The file is as it was, but may have been opened again.
    NoRoom {
        needed: u64,
        reopened: Option<Snapshot>,
    },
}

impl Writer {
    /// Opens the file in `dir` if there is one, and removes what was left unfinished.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        options: RedbOptions,
    ) -> Result<Self, EngineError> {
        let io = |source| EngineError::Io {
            path: dir.clone(),
            source,
        };
        let names = disk.list(&dir).map_err(io)?;
        if names.iter().any(|name| name == NEW_FILE_NAME) {
            disk.remove(&dir.join(NEW_FILE_NAME)).map_err(io)?;
        }
        let mut writer = Self {
            disk,
            dir,
            options,
            file: None,
            covers: LogIndex(0),
            rewrite: None,
        };
        if names.iter().any(|name| name == FILE_NAME) {
            writer.reopen()?;
        }
        Ok(writer)
    }

    fn reopen(&mut self) -> Result<(), EngineError> {
        self.file = None;
        let path = self.dir.join(FILE_NAME);
        let (file, covers) = RowFile::open(&*self.disk, &path, self.options.cache_bytes)?;
        self.file = Some(file);
        self.covers = covers;
        Ok(())
    }

    /// How far the file reaches.
    pub(super) fn covers(&self) -> LogIndex {
        self.covers
    }

    /// What the file holds; `None` before the first checkpoint.
    pub(super) fn snapshot(&self) -> Result<Option<Snapshot>, EngineError> {
        self.file.as_ref().map(RowFile::snapshot).transpose()
    }

    /// Bytes of the files.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.state().bytes())
    }

    /// Writes a layer, after which the file reaches to `covers`.
    pub(super) fn flush(
        &mut self,
        layer: &Layer,
        covers: LogIndex,
    ) -> Result<Flushed, EngineError> {
        let needed = self.room_needed(layer);
        if self.free_bytes()? < needed {
            return Ok(Flushed::NoRoom {
                needed,
                reopened: None,
            });
        }
        let written = if self.file.is_some() {
            self.change(layer, covers)
        } else {
            self.create(layer, covers)
        };
        match written {
            Ok(true) => {
                self.covers = covers;
                self.follow(layer)?;
                let snapshot = self.snapshot()?.expect("the file was just written");
                Ok(Flushed::Done(snapshot))
            }
            Ok(false) => Ok(Flushed::NoRoom {
                needed,
                reopened: self.snapshot()?,
            }),
            Err(error) => Err(error),
        }
    }

    /// False if there was no room.
    fn change(&mut self, layer: &Layer, covers: LogIndex) -> Result<bool, EngineError> {
        let file = self.file.as_mut().expect("the caller looked");
        match write_all(file, layer, covers) {
            Ok(()) => Ok(true),
            Err(_) if file.state().had_no_room() => {
                // redb gives an open file up after any failure; the last commit is whole.
                file.state().close();
                self.reopen()?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// False if there was no room.
    fn create(&mut self, layer: &Layer, covers: LogIndex) -> Result<bool, EngineError> {
        let path = self.dir.join(NEW_FILE_NAME);
        let mut no_room = false;
        let created = RowFile::create(&*self.disk, &path, self.options.cache_bytes);
        let written = created.and_then(|mut file| {
            let written = write_all(&mut file, layer, covers);
            no_room = written.is_err() && file.state().had_no_room();
            written.map(|()| file)
        });
        match written {
            Ok(file) => {
                self.adopt(file)?;
                Ok(true)
            }
            Err(error) if no_room || met_no_room(&error) => {
                // Where not even a name could be made there is nothing to remove.
                let _gone = self.disk.remove(&path);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a whole new file the name that counts. IMPORTANT: the name must be durable
    /// before anything relies on the file, or a power loss would bring back the old one.
    fn adopt(&mut self, mut file: RowFile) -> Result<(), EngineError> {
        let path = self.dir.join(FILE_NAME);
        let renamed = self
            .disk
            .rename(&self.dir.join(NEW_FILE_NAME), &path)
            .and_then(|()| self.disk.sync_dir(&self.dir));
        renamed.map_err(|source| EngineError::Io {
            path: path.clone(),
            source,
        })?;
        file.renamed(&path);
        self.replace_file(file);
        Ok(())
    }

    /// Puts a sealed file, which must reach to `covers`, into the place of the own one.
    pub(super) fn take_over(
        &mut self,
        incoming: &Incoming,
        covers: LogIndex,
        sealed: &Path,
    ) -> Result<Snapshot, EngineError> {
        // Opened first: a file that does not open replaces nothing.
        let (mut file, found) = RowFile::open(&*self.disk, sealed, self.options.cache_bytes)?;
        if found != covers {
            file.state().close();
            return Err(EngineError::Damaged {
                path: sealed.to_owned(),
                what: format!("it reaches to index {found}, and by its name to {covers}"),
            });
        }
        let path = self.path();
        let taken = self
            .give_up_rewrite()
            .and_then(|()| incoming.hand_over(covers, &path));
        taken.inspect_err(|_| file.state().close())?;
        file.renamed(&path);
        self.replace_file(file);
        self.covers = covers;
        Ok(self.snapshot()?.expect("the file is there"))
    }

    fn replace_file(&mut self, file: RowFile) {
        if let Some(replaced) = self.file.replace(file) {
            replaced.state().retire();
        }
    }

    fn follow(&mut self, layer: &Layer) -> Result<(), EngineError> {
        let Some(rewrite) = &mut self.rewrite else {
            return Ok(());
        };
        match rewrite.follow(layer) {
            Err(_) if rewrite.had_no_room() => self.give_up_rewrite(),
            result => result,
        }
    }

    /// True if the file should be written anew, or is being.
    pub(super) fn wants_rewrite(&self) -> bool {
        let Some(file) = &self.file else {
            return false;
        };
        self.rewrite.is_some()
            || (file.state().bytes() > self.options.rewrite_bytes_min
                && file.state().bytes() / WASTE_FACTOR > packed_bytes(file))
    }

    /// True between the pieces of writing the file anew.
    pub(super) fn is_rewriting(&self) -> bool {
        self.rewrite.is_some()
    }

    /// Goes on with writing the file anew. Gives what it holds once it has taken the
    /// place of the old one.
    pub(super) fn rewrite(&mut self, from: &Snapshot) -> Result<Option<Snapshot>, EngineError> {
        let Some(rewrite) = &mut self.rewrite else {
            return self.begin_rewrite().map(|()| None);
        };
        let stepped = rewrite.step(from, self.options.rewrite_step_bytes);
        let stepped = stepped.and_then(|all_copied| {
            if all_copied {
                rewrite.finish(self.covers)?;
            }
            Ok(all_copied)
        });
        match stepped {
            Ok(false) => Ok(None),
            Ok(true) => self.adopt_rewrite(),
            Err(_) if rewrite.had_no_room() => self.give_up_rewrite().map(|()| None),
            Err(error) => Err(error),
        }
    }

    fn begin_rewrite(&mut self) -> Result<(), EngineError> {
        let packed = self.file.as_ref().map_or(0, packed_bytes);
        if self.free_bytes()? < packed * 2 + COMMIT_BYTES {
            return Ok(());
        }
        let path = self.dir.join(NEW_FILE_NAME);
        match Rewrite::begin(&*self.disk, &path, self.options.cache_bytes) {
            Ok(rewrite) => {
                self.rewrite = Some(rewrite);
                Ok(())
            }
            Err(error) if met_no_room(&error) => {
                let _gone = self.disk.remove(&path);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn adopt_rewrite(&mut self) -> Result<Option<Snapshot>, EngineError> {
        let rewrite = self.rewrite.take().expect("the caller has it");
        self.adopt(rewrite.into_file())?;
        self.snapshot()
    }

    fn give_up_rewrite(&mut self) -> Result<(), EngineError> {
        let Some(rewrite) = self.rewrite.take() else {
            return Ok(());
        };
        rewrite.close();
        let path = self.dir.join(NEW_FILE_NAME);
        let removed = self.disk.remove(&path);
        removed.map_err(|source| EngineError::Io { path, source })
    }

    /// What a flush takes on disk at worst, bytes.
    fn room_needed(&self, layer: &Layer) -> u64 {
        let file_bytes = self.disk_bytes();
        (layer.rows() * CHANGED_ROW_BYTES_MAX).min(file_bytes) + layer.bytes() * 2 + COMMIT_BYTES
    }

    fn free_bytes(&self) -> Result<u64, EngineError> {
        let free = self.disk.free_bytes(&self.dir);
        free.map_err(|source| EngineError::Io {
            path: self.dir.clone(),
            source,
        })
    }

    /// Lets nobody touch the files any more.
    pub(super) fn close(&self) {
        if let Some(file) = &self.file {
            file.state().close();
        }
        if let Some(rewrite) = &self.rewrite {
            rewrite.close();
        }
    }

    /// The file's path, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(Path::new(FILE_NAME))
    }
}

fn write_all(file: &mut RowFile, layer: &Layer, covers: LogIndex) -> Result<(), EngineError> {
    let covers = match mutant::is_on("rows-behind-their-index") {
        true => covers.next(),
        false => covers,
    };
    file.write(Finish::Whole(covers), |writing| {
        for table in Table::ALL {
            writing.table(table, layer.iter(table, &[]))?;
        }
        Ok(())
    })
}

/// What the rows of a file take at best, bytes.
fn packed_bytes(file: &RowFile) -> u64 {
    let live = file.live();
    live.bytes + live.rows * ROW_BYTES
}

fn met_no_room(error: &EngineError) -> bool {
    matches!(error, EngineError::Io { source, .. } if is_no_room(source))
}
