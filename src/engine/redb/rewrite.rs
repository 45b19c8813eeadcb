//! Writing the file anew, so that the room of deleted rows goes back to the disk.
//!
//! The rows are copied piece by piece into a second file, in key order. What a
//! checkpoint changes at or before the place that the copy has reached is written to
//! both; what lies behind it is copied later. At the end the second file takes the
//! first one's name. Requests never wait for it, and checkpoints for one piece at most.

use std::ops::Bound;
use std::path::Path;

use super::file::{Finish, RowFile};
use super::layer::Layer;
use super::snapshot::Snapshot;
use crate::base::host::Disk;
use crate::base::types::LogIndex;
use crate::engine::{EngineError, Table};

/// A second file that is being filled.
pub(super) struct Rewrite {
    file: RowFile,
    /// The table that is being copied, by its place; behind the last: all are.
    place: usize,
    /// Its rows up to this key are copied.
    through: Option<Vec<u8>>,
}

/// Rows of one table, as stored.
struct Piece {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    ends_table: bool,
}

impl Rewrite {
    /// Begins with an empty file.
    pub(super) fn begin(
        disk: &dyn Disk,
        path: &Path,
        cache_bytes: usize,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            file: RowFile::create(disk, path, cache_bytes)?,
            place: 0,
            through: None,
        })
    }

    /// Copies about `bytes` more from the present state. True once all is copied.
    pub(super) fn step(&mut self, from: &Snapshot, bytes: usize) -> Result<bool, EngineError> {
        let Some(table) = Table::ALL.get(self.place).copied() else {
            return Ok(true);
        };
        let piece = self.read(from, table, bytes)?;
        if !piece.rows.is_empty() {
            let rows = || {
                piece
                    .rows
                    .iter()
                    .map(|(key, stored)| (&key[..], &stored[..]))
            };
            self.file
                .write(Finish::Part, |writing| writing.table(table, rows()))?;
        }
        if piece.ends_table {
            self.place += 1;
            self.through = None;
        } else {
            self.through = piece.rows.into_iter().next_back().map(|(key, _)| key);
        }
        Ok(self.place == Table::ALL.len())
    }

    fn read(&self, from: &Snapshot, table: Table, bytes: usize) -> Result<Piece, EngineError> {
        let start = match &self.through {
            Some(key) => Bound::Excluded(&key[..]),
            None => Bound::Unbounded,
        };
        let mut range = from.range(table, start, None)?;
        let mut piece = Piece {
            rows: Vec::new(),
            ends_table: false,
        };
        let mut taken = 0;
        while taken < bytes {
            let Some(row) = from.next(&mut range)? else {
                piece.ends_table = true;
                break;
            };
            let (key, stored) = (row.key(), row.stored());
            from.checked(table, key, stored)?;
            taken += key.len() + stored.len();
            piece.rows.push((key.to_vec(), stored.to_vec()));
        }
        Ok(piece)
    }

    /// Repeats what a checkpoint changed in the part that is copied already.
    pub(super) fn follow(&mut self, layer: &Layer) -> Result<(), EngineError> {
        let (place, through) = (self.place, self.through.as_deref());
        let is_copied = |table: Table, key: &[u8]| {
            table.place() < place
                || (table.place() == place && through.is_some_and(|through| key <= through))
        };
        self.file.write(Finish::Part, |writing| {
            for table in Table::ALL {
                let changes = layer.iter(table, &[]);
                writing.table(table, changes.take_while(|(key, _)| is_copied(table, key)))?;
            }
            Ok(())
        })
    }

    /// Makes the second file a whole state up to `covers`.
    pub(super) fn finish(&mut self, covers: LogIndex) -> Result<(), EngineError> {
        self.file.write(Finish::Whole(covers), |writing| {
            for table in Table::ALL {
                writing.table(table, std::iter::empty())?;
            }
            Ok(())
        })
    }

    /// The second file, which is whole.
    pub(super) fn into_file(self) -> RowFile {
        self.file
    }

    /// Lets nobody touch the file any more.
    pub(super) fn close(&self) {
        self.file.state().close();
    }

    /// True if it failed for want of room, and for nothing worse.
    pub(super) fn had_no_room(&self) -> bool {
        self.file.state().had_no_room()
    }
}
