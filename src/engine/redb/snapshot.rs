//! What the file holds at one moment.

use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use redb::{AccessGuard, Database, Range, ReadOnlyTable, ReadableDatabase};

use super::failure::failed;
use super::file::definition;
use super::row;
use crate::engine::{EngineError, Table};

type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// A frozen state of the file: its pages stay until the snapshot goes.
pub(super) struct Snapshot {
    path: PathBuf,
    /// Each keeps its read transaction alive.
    tables: [Rows; Table::ALL.len()],
    /// Readers outlive a file that was replaced; closing it would end them.
    _database: Arc<Database>,
}

/// A row of the file.
pub(super) struct FileRow {
    key: AccessGuard<'static, &'static [u8]>,
    stored: AccessGuard<'static, &'static [u8]>,
}

impl Snapshot {
    /// Freezes the present state of a file.
    pub(super) fn take(path: PathBuf, database: Arc<Database>) -> Result<Self, EngineError> {
        let failed = |error: redb::Error| failed(&path, error);
        let transaction = database
            .begin_read()
            .map_err(|error| failed(error.into()))?;
        let mut tables = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            let opened = transaction.open_table(definition(table));
            tables.push(opened.map_err(|error| failed(error.into()))?);
        }
        let Ok(tables) = tables.try_into() else {
            unreachable!("there are as many as tables");
        };
        Ok(Self {
            path,
            tables,
            _database: database,
        })
    }

    /// The value of a row.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let found = self.tables[table.place()].get(key);
        let Some(stored) = found.map_err(|error| failed(&self.path, error))? else {
            return Ok(None);
        };
        let value = self.checked(table, key, stored.value())?;
        Ok(Some(Bytes::copy_from_slice(value)))
    }

    /// Rows from `start`, or after it, up to `end`, in order.
    pub(super) fn range(
        &self,
        table: Table,
        start: Bound<&[u8]>,
        end: Option<&[u8]>,
    ) -> Result<Range<'static, &'static [u8], &'static [u8]>, EngineError> {
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.tables[table.place()].range::<&[u8]>((start, end));
        range.map_err(|error| failed(&self.path, error))
    }

    /// The next row of a range.
    pub(super) fn next(
        &self,
        range: &mut Range<'static, &'static [u8], &'static [u8]>,
    ) -> Result<Option<FileRow>, EngineError> {
        let row = range.next().transpose();
        let row = row.map_err(|error| failed(&self.path, error))?;
        Ok(row.map(|(key, stored)| FileRow { key, stored }))
    }

    /// The last row of a range that is not given yet.
    pub(super) fn next_back(
        &self,
        range: &mut Range<'static, &'static [u8], &'static [u8]>,
    ) -> Result<Option<FileRow>, EngineError> {
        let row = range.next_back().transpose();
        let row = row.map_err(|error| failed(&self.path, error))?;
        Ok(row.map(|(key, stored)| FileRow { key, stored }))
    }

    /// The value in a stored form.
    pub(super) fn checked<'a>(
        &self,
        table: Table,
        key: &[u8],
        stored: &'a [u8],
    ) -> Result<&'a [u8], EngineError> {
        row::decode(table, key, stored).ok_or_else(|| EngineError::Damaged {
            path: self.path.clone(),
            what: format!(
                "the checksum of a row of table {table:?} does not match (key {})",
                key.escape_ascii()
            ),
        })
    }
}

impl FileRow {
    /// Its key.
    pub(super) fn key(&self) -> &[u8] {
        self.key.value()
    }

    /// Its value as stored, not verified.
    pub(super) fn stored(&self) -> &[u8] {
        self.stored.value()
    }
}
