//! Rows on their way in: a checkpoint's file that is written piece by piece, beside the
//! engine and in memory for one block.

use std::sync::Arc;

use bytes::Bytes;

use super::checkpoint::{Blocks, VALUE_BYTES_MAX, room_of};
use super::engine::State;
use crate::base::host::{Disk, OpenMode};
use crate::base::types::LogIndex;
use crate::engine::incoming::{Ascent, Claim};
use crate::engine::{EngineError, Replacement, Table};

/// A replacement of a memory engine's rows.
pub(super) struct MemoryReplacement {
    state: Arc<State>,
    /// `None` once it is over.
    open: Option<Open>,
    ascent: Ascent,
}

struct Open {
    blocks: Blocks,
    claim: Claim,
}

impl MemoryReplacement {
    /// Makes the file.
    pub(super) fn begin(
        disk: &dyn Disk,
        claim: Claim,
        state: Arc<State>,
    ) -> Result<Self, EngineError> {
        let file = disk.open(&claim.path(), OpenMode::CreateNew);
        let blocks = file
            .and_then(Blocks::begin_open)
            .map_err(|source| claim.failed(source, room_of(0, 0)))?;
        Ok(Self {
            state,
            open: Some(Open { blocks, claim }),
            ascent: Ascent::default(),
        })
    }

    fn open(&mut self) -> Result<Open, EngineError> {
        self.state.poison.check()?;
        let open = self.open.take().ok_or_else(|| {
            EngineError::Refused("the replacement is over: an earlier step failed".to_owned())
        })?;
        open.claim.check()?;
        Ok(open)
    }

    fn write(
        &mut self,
        open: &mut Open,
        rows: &[(Table, Bytes, Bytes)],
    ) -> Result<(), EngineError> {
        let row_bytes = rows.iter().map(|(_, key, value)| key.len() + value.len());
        let needed = room_of(rows.len() as u64, row_bytes.sum::<usize>() as u64);
        // Foreseen rather than met: a full disk would stop the log as well.
        open.claim.check_room(needed)?;
        for (table, key, value) in rows {
            self.ascent.step(*table, key)?;
            if value.len() > VALUE_BYTES_MAX {
                return Err(EngineError::Refused(format!(
                    "a row with a value of {} bytes, of at most {VALUE_BYTES_MAX}",
                    value.len()
                )));
            }
            let written = open.blocks.row(*table, key, value);
            written.map_err(|source| open.claim.failed(source, needed))?;
        }
        Ok(())
    }
}

impl Replacement for MemoryReplacement {
    fn add(&mut self, rows: Vec<(Table, Bytes, Bytes)>) -> Result<(), EngineError> {
        let mut open = self.open()?;
        // Dropped where it fails, which removes the file.
        self.write(&mut open, &rows)
            .inspect_err(|error| self.state.stop_at(error))?;
        self.open = Some(open);
        Ok(())
    }

    fn seal(mut self: Box<Self>, covers: LogIndex) -> Result<(), EngineError> {
        let Open { blocks, claim } = self.open()?;
        seal(blocks, claim, covers).inspect_err(|error| self.state.stop_at(error))
    }
}

fn seal(blocks: Blocks, claim: Claim, covers: LogIndex) -> Result<(), EngineError> {
    let ended = blocks.end_covering(covers);
    // IMPORTANT: the content must be durable before the name says that it is whole.
    let durable = ended.and_then(|file| file.sync_data());
    durable.map_err(|source| claim.failed(source, room_of(0, 0)))?;
    claim.seal(covers)
}
