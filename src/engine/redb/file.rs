//! A redb file: the tables of a shard, and up to which index they reach.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, Durability, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

use super::backend::{Backend, FileState};
use super::failure::failed;
use super::row;
use super::snapshot::Snapshot;
use crate::base::host::{Disk, OpenMode};
use crate::base::types::LogIndex;
use crate::engine::{EngineError, Table};

/// The format of what is in the file, beside redb's own.
const FORMAT: u64 = 1;

const ABOUT: TableDefinition<'static, &str, u64> = TableDefinition::new("about");

/// Where redb keeps a table. The names are stored: never change one.
pub(super) fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(match table {
        Table::Data => "data",
        Table::Deadlines => "deadlines",
        Table::Locks => "locks",
        Table::Sessions => "sessions",
        Table::Buckets => "buckets",
        Table::Meta => "meta",
    })
}

/// What of a file is in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) rows: u64,
    /// Of keys and stored values.
    pub(super) bytes: u64,
}

/// How a write ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// The file is a whole state up to an index, opened at once after a crash.
    Whole(LogIndex),
    /// More follows before anybody relies on the file.
    Part,
}

/// An open file, which one writer owns.
pub(super) struct RowFile {
    path: PathBuf,
    database: Arc<Database>,
    state: Arc<FileState>,
    live: Live,
}

/// Rows that are being written.
pub(super) struct Writing<'a> {
    path: &'a Path,
    transaction: &'a WriteTransaction,
    live: &'a mut Live,
}

impl RowFile {
    /// Makes a file, which must not exist. Nothing of it is durable before a write
    /// that finishes as [`Finish::Whole`], its name not before its directory is synced.
    pub(super) fn create(
        disk: &dyn Disk,
        path: &Path,
        cache_bytes: usize,
    ) -> Result<Self, EngineError> {
        Self::over(disk, path, OpenMode::CreateNew, cache_bytes)
    }

    /// Opens a file that was whole once, and tells how far it reaches.
    pub(super) fn open(
        disk: &dyn Disk,
        path: &Path,
        cache_bytes: usize,
    ) -> Result<(Self, LogIndex), EngineError> {
        let mut file = Self::over(disk, path, OpenMode::ReadWrite, cache_bytes)?;
        let covers = file.about()?;
        Ok((file, covers))
    }

    fn over(
        disk: &dyn Disk,
        path: &Path,
        mode: OpenMode,
        cache_bytes: usize,
    ) -> Result<Self, EngineError> {
        let opened = disk.open(path, mode).and_then(Backend::new);
        let backend = opened.map_err(|source| EngineError::Io {
            path: path.to_owned(),
            source,
        })?;
        let state = backend.state();
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        let database = builder.create_with_backend(backend);
        Ok(Self {
            path: path.to_owned(),
            database: Arc::new(database.map_err(|error| failed(path, error))?),
            state,
            live: Live::default(),
        })
    }

    /// Reads what the file says of itself.
    fn about(&mut self) -> Result<LogIndex, EngineError> {
        let failed = |error: redb::Error| failed(&self.path, error);
        let transaction = self.database.begin_read();
        let transaction = transaction.map_err(|error| failed(error.into()))?;
        let about = match transaction.open_table(ABOUT) {
            Ok(about) => about,
            Err(TableError::TableDoesNotExist(_)) => {
                return Err(self.damaged("it is no file of dkv"));
            }
            Err(error) => return Err(failed(error.into())),
        };
        let number = |name: &str| {
            let found = about.get(name).map_err(|error| failed(error.into()))?;
            let number = found.map(|number| number.value());
            number.ok_or_else(|| self.damaged(&format!("it does not tell its {name}")))
        };
        let format = number("format")?;
        if format > FORMAT {
            return Err(EngineError::NewerFormat {
                path: self.path.clone(),
                found: u32::try_from(format).unwrap_or(u32::MAX),
                supported: FORMAT as u32,
            });
        }
        let covers = LogIndex(number("covers")?);
        let live = Live {
            rows: number("rows")?,
            bytes: number("bytes")?,
        };
        self.live = live;
        Ok(covers)
    }

    fn damaged(&self, what: &str) -> EngineError {
        EngineError::Damaged {
            path: self.path.clone(),
            what: what.to_owned(),
        }
    }

    /// Writes rows in one commit: all of it is there, or nothing.
    pub(super) fn write(
        &mut self,
        finish: Finish,
        rows: impl FnOnce(&mut Writing<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let path = self.path.clone();
        let failed = |error: redb::Error| failed(&path, error);
        self.state.forget_no_room();
        let begun = self.database.begin_write();
        let mut transaction = begun.map_err(|error| failed(error.into()))?;
        let durable = transaction.set_durability(Durability::Immediate);
        durable.map_err(|error| failed(error.into()))?;
        // Quick repair saves what is free, so that a file of any size opens at once
        // after a crash; it commits in two phases, so that a torn page is never met.
        transaction.set_quick_repair(matches!(finish, Finish::Whole(_)));
        let mut live = self.live;
        rows(&mut Writing {
            path: &path,
            transaction: &transaction,
            live: &mut live,
        })?;
        if let Finish::Whole(covers) = finish {
            let numbers = [
                ("format", FORMAT),
                ("covers", covers.0),
                ("rows", live.rows),
                ("bytes", live.bytes),
            ];
            let opened = transaction.open_table(ABOUT);
            let mut about = opened.map_err(|error| failed(error.into()))?;
            for (name, number) in numbers {
                let put = about.insert(name, number);
                put.map_err(|error| failed(error.into()))?;
            }
        }
        transaction.commit().map_err(|error| failed(error.into()))?;
        self.live = live;
        Ok(())
    }

    /// Freezes what was written.
    pub(super) fn snapshot(&self) -> Result<Snapshot, EngineError> {
        Snapshot::take(self.path.clone(), self.database.clone())
    }

    /// The file has another name now.
    pub(super) fn renamed(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
    }

    /// What of the file is in use.
    pub(super) fn live(&self) -> Live {
        self.live
    }

    /// What the file can tell beside its rows.
    pub(super) fn state(&self) -> &Arc<FileState> {
        &self.state
    }
}

impl Writing<'_> {
    /// Writes changes of a table, as stored, best in key order.
    pub(super) fn table<'r>(
        &mut self,
        table: Table,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    ) -> Result<(), EngineError> {
        let failed = |error: redb::Error| failed(self.path, error);
        let opened = self.transaction.open_table(definition(table));
        let mut open = opened.map_err(|error| failed(error.into()))?;
        for (key, stored) in rows {
            let replaced = if stored == row::DELETED {
                open.remove(key)
            } else {
                self.live.rows += 1;
                self.live.bytes += (key.len() + stored.len()) as u64;
                open.insert(key, stored)
            };
            if let Some(old) = replaced.map_err(|error| failed(error.into()))? {
                self.live.rows -= 1;
                self.live.bytes -= (key.len() + old.value().len()) as u64;
            }
        }
        Ok(())
    }
}

/// Makes a file look as if a dkv of another format had written it.
#[cfg(test)]
pub(super) fn set_format_for_tests(disk: &dyn Disk, path: &Path, format: u64) {
    let file = RowFile::open(disk, path, 1 << 20).unwrap().0;
    let transaction = file.database.begin_write().unwrap();
    let mut about = transaction.open_table(ABOUT).unwrap();
    about.insert("format", format).unwrap();
    drop(about);
    transaction.commit().unwrap();
}
