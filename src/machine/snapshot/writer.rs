//! From chunks to the rows of another engine.

use bytes::Bytes;

use super::{Head, Origin, Row, Totals, read_rows, refused};
use crate::base::{Error, Result};
use crate::engine::{Replacement, Table};
use crate::machine::state::State;
use crate::machine::{codec, keys};

/// Takes the chunks of one snapshot in, in their order. The machine's own rows stay as
/// they are; dropping it before [`seal`](Self::seal) gives the snapshot up.
pub struct SnapshotWriter {
    /// `None` once the engine has failed.
    replacement: Option<Box<dyn Replacement>>,
    origin: Option<Origin>,
    chunks: u64,
    rows: u64,
    last: Option<(Table, Vec<u8>)>,
    /// From the row of `meta`, once it has come.
    state: Option<State>,
    ended: bool,
}

impl SnapshotWriter {
    /// Begins with the first chunk.
    pub fn new(replacement: Box<dyn Replacement>) -> Self {
        Self {
            replacement: Some(replacement),
            origin: None,
            chunks: 0,
            rows: 0,
            last: None,
            state: None,
            ended: false,
        }
    }

    /// How many chunks it has: the number of the next.
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// True once the last chunk has come.
    pub fn is_complete(&self) -> bool {
        self.ended
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// `Invalid` if it is damaged, of another snapshot, or not the next one: nothing has
    /// changed then, and the right one may follow. Whatever the engine says: the snapshot
    /// is given up then.
    pub fn add(&mut self, chunk: Bytes) -> Result<()> {
        let (head, payload) = Head::read(chunk)?;
        self.check_head(&head)?;
        if head.is_end {
            self.check_end(&head, Totals::read(&payload)?)?;
            self.ended = true;
        } else {
            let rows = read_rows(payload)?;
            self.check_order(&rows)?;
            let state = state_in(&rows)?;
            self.take(rows)?;
            self.state = state.or(self.state);
        }
        self.origin = Some(head.origin);
        self.chunks += 1;
        Ok(())
    }

    /// Makes all rows durable beside the machine's own, which are replaced by
    /// [`Machine::install`](crate::machine::Machine::install). Gives the state they are of.
    ///
    /// # Errors
    /// `Invalid` before the last chunk has come; else whatever the engine says.
    pub fn seal(self) -> Result<State> {
        if !self.ended {
            return Err(refused(format!(
                "it ends after {} chunks, and the last has not come",
                self.chunks
            )));
        }
        let state = self.state.unwrap_or_default();
        let replacement = self.replacement.ok_or_else(given_up)?;
        replacement.seal(state.applied)?;
        Ok(state)
    }

    fn take(&mut self, rows: Vec<Row>) -> Result<()> {
        let mut replacement = self.replacement.take().ok_or_else(given_up)?;
        let count = rows.len() as u64;
        let last = rows.last().map(|(table, key, _)| (*table, key.to_vec()));
        replacement.add(rows)?;
        self.replacement = Some(replacement);
        self.rows += count;
        self.last = last;
        Ok(())
    }

    fn check_head(&self, head: &Head) -> Result<()> {
        if self.ended {
            return Err(refused("a chunk behind the last"));
        }
        if head.number != self.chunks {
            return Err(refused(format!(
                "chunk {} where chunk {} is next",
                head.number, self.chunks
            )));
        }
        if let Some(origin) = self.origin
            && origin != head.origin
        {
            return Err(refused(format!(
                "a chunk of the state at index {}, the others are of the state at {}",
                head.origin.applied, origin.applied
            )));
        }
        Ok(())
    }

    fn check_order(&self, rows: &[Row]) -> Result<()> {
        let last = self.last.as_ref().map(|(table, key)| (*table, &key[..]));
        let places = rows.iter().map(|(table, key, _)| (*table, &key[..]));
        if last.into_iter().chain(places).is_sorted_by(|a, b| a < b) {
            return Ok(());
        }
        Err(refused(format!(
            "the rows of chunk {} are not in order",
            self.chunks
        )))
    }

    fn check_end(&self, head: &Head, totals: Totals) -> Result<()> {
        let found = Totals {
            rows: self.rows,
            chunks: self.chunks + 1,
        };
        if totals != found {
            return Err(refused(format!(
                "its end says {totals:?}, and {found:?} have come"
            )));
        }
        let state = self.state.unwrap_or_default();
        let origin = Origin {
            applied: state.applied,
            hash: state.hash,
        };
        if origin != head.origin {
            return Err(refused(format!(
                "its chunks are of the state at index {}, its rows of the state at {}",
                head.origin.applied, origin.applied
            )));
        }
        Ok(())
    }
}

/// The state of the machine, if its row is one of these.
fn state_in(rows: &[Row]) -> Result<Option<State>> {
    let row = rows
        .iter()
        .find(|(table, key, _)| *table == Table::Meta && key == keys::STATE);
    let Some((_, _, value)) = row else {
        return Ok(None);
    };
    let state = codec::decode_state(value.clone());
    state
        .map(Some)
        .map_err(|error| refused(error.to_string()).with_source(error))
}

fn given_up() -> Error {
    Error::internal("the snapshot was given up: the engine failed at an earlier chunk")
}
