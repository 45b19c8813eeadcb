//! Rows on their way in: a file of its own that is filled piece by piece, in key order
//! and beside the engine. Only its last commit saves what is free, so that the file
//! opens at once, and only then it gets a name that says it is whole.

use std::sync::Arc;

use bytes::Bytes;

use super::file::{Finish, RowFile};
use super::jobs::Shared;
use super::row;
use super::writer::COMMIT_BYTES;
use crate::base::host::Disk;
use crate::base::types::LogIndex;
use crate::engine::incoming::{Ascent, Claim};
use crate::engine::{EngineError, Replacement, Table};

/// Memory for pages of the file, bytes: rows that ascend need few.
const CACHE_BYTES: usize = 8 << 20;

/// What keeping a row until it is written takes beside its bytes, roughly.
const ROW_WEIGHT_BYTES: usize = 96;

/// A replacement of a redb engine's rows.
pub(super) struct RedbReplacement {
    shared: Arc<Shared>,
    /// `None` once it is over.
    open: Option<Open>,
}

/// A file that is being filled.
struct Open {
    file: RowFile,
    claim: Claim,
    ascent: Ascent,
    /// What waits for the next commit.
    rows: Vec<Row>,
    weight_bytes: usize,
    /// What a commit writes, about, bytes.
    step_bytes: usize,
}

struct Row {
    table: Table,
    key: Vec<u8>,
    stored: Vec<u8>,
}

impl RedbReplacement {
    /// Makes the file.
    pub(super) fn begin(
        disk: &dyn Disk,
        claim: Claim,
        shared: Arc<Shared>,
        step_bytes: usize,
    ) -> Result<Self, EngineError> {
        claim.check_room(COMMIT_BYTES)?;
        let created = RowFile::create(disk, &claim.path(), CACHE_BYTES);
        let file = created.map_err(|error| match error {
            EngineError::Io { source, .. } => claim.failed(source, COMMIT_BYTES),
            error => error,
        })?;
        let open = Open {
            file,
            claim,
            ascent: Ascent::default(),
            rows: Vec::new(),
            weight_bytes: 0,
            step_bytes,
        };
        Ok(Self {
            shared,
            open: Some(open),
        })
    }

    fn open(&mut self) -> Result<Open, EngineError> {
        self.shared.poison.check()?;
        let open = self.open.take().ok_or_else(|| {
            EngineError::Refused("the replacement is over: an earlier step failed".to_owned())
        })?;
        open.claim.check()?;
        Ok(open)
    }
}

impl Replacement for RedbReplacement {
    fn add(&mut self, rows: Vec<(Table, Bytes, Bytes)>) -> Result<(), EngineError> {
        let mut open = self.open()?;
        // Dropped where it fails, which removes the file.
        let added = rows.into_iter().try_for_each(|row| open.take(row));
        added.inspect_err(|error| {
            open.file.state().close();
            self.shared.stop_at(error);
        })?;
        self.open = Some(open);
        Ok(())
    }

    fn seal(mut self: Box<Self>, covers: LogIndex) -> Result<(), EngineError> {
        let sealed = self.open()?.seal(covers);
        sealed.inspect_err(|error| self.shared.stop_at(error))
    }
}

impl Drop for RedbReplacement {
    /// redb would write once more when it closes the file, which goes anyway.
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.file.state().close();
        }
    }
}

impl Open {
    fn take(&mut self, (table, key, value): (Table, Bytes, Bytes)) -> Result<(), EngineError> {
        self.ascent.step(table, &key)?;
        // Copied: what the bytes were cut from is larger than they are.
        let mut stored = Vec::with_capacity(row::STORED_BYTES_MIN + value.len());
        row::encode(table, &key, &value, &mut stored);
        self.weight_bytes += key.len() + stored.len() + ROW_WEIGHT_BYTES;
        self.rows.push(Row {
            table,
            key: key.to_vec(),
            stored,
        });
        if self.weight_bytes >= self.step_bytes {
            self.write(Finish::Part)?;
        }
        Ok(())
    }

    /// Commits what waits.
    fn write(&mut self, finish: Finish) -> Result<(), EngineError> {
        let needed = self.weight_bytes as u64 * 2 + COMMIT_BYTES;
        // Foreseen rather than met: a full disk would stop the log as well.
        self.claim.check_room(needed)?;
        let rows = &self.rows;
        let written = self.file.write(finish, |writing| {
            for piece in rows.chunk_by(|a, b| a.table == b.table) {
                let rows = piece.iter().map(|row| (&row.key[..], &row.stored[..]));
                writing.table(piece[0].table, rows)?;
            }
            if finish != Finish::Part {
                // A whole file has all tables.
                for table in Table::ALL {
                    writing.table(table, std::iter::empty())?;
                }
            }
            Ok(())
        });
        self.rows.clear();
        self.weight_bytes = 0;
        match written {
            Err(_) if self.file.state().had_no_room() => Err(self.claim.out_of_space(needed)),
            written => written,
        }
    }

    fn seal(mut self, covers: LogIndex) -> Result<(), EngineError> {
        let written = self.write(Finish::Whole(covers));
        // IMPORTANT: redb would write once more when it closes the file, and what is
        // whole must not change any more.
        self.file.state().close();
        written.and_then(|()| self.claim.seal(covers))
    }
}
