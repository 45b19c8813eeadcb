//! Where the events of each key are: a hash of keys, and the keys that are gone, in order.
//!
//! Every change of a shard goes through here, twice: when its event comes, and when it is
//! dropped. An ordered map of all keys took half of the time that applying takes, as each
//! step down such a map touches a key somewhere in memory. Order is needed only by who
//! reads a range of the past, and the engine has the rows that are there in order already:
//! so only the others are kept in order here.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use bytes::{Bytes, BytesMut};

use crate::machine::keys;
use crate::machine::outcome::Event;

/// Positions count from the first event ever, so that they stay while events are dropped.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The key's row in `data`, to the positions of its events, oldest first; never none.
    positions: HashMap<Bytes, VecDeque<u64>>,
    /// The rows whose last event took them away.
    gone: BTreeSet<Bytes>,
    /// The row being looked up: an event has its parts only.
    row: BytesMut,
}

impl Index {
    /// Notes the newest event.
    pub(super) fn push(&mut self, position: u64, event: &Event) {
        self.row.clear();
        keys::put_data(&mut self.row, &event.bucket, &event.key);
        let is_gone = event.record.is_none();
        let Some(positions) = self.positions.get_mut(&self.row[..]) else {
            let row = Bytes::copy_from_slice(&self.row);
            if is_gone {
                self.gone.insert(row.clone());
            }
            self.positions.insert(row, VecDeque::from([position]));
            return;
        };
        positions.push_back(position);
        // Which of both it was before is told by the event before: the record it left.
        match (event.previous.is_none(), is_gone) {
            (false, true) => {
                let known = self.positions.get_key_value(&self.row[..]);
                self.gone.extend(known.map(|(row, _)| row.clone()));
            }
            (true, false) => {
                self.gone.remove(&self.row[..]);
            }
            (false, false) | (true, true) => {}
        }
    }

    /// Forgets the oldest event of all.
    ///
    /// # Panics
    /// If it is not its key's oldest.
    pub(super) fn drop_first(&mut self, position: u64, event: &Event) {
        self.row.clear();
        keys::put_data(&mut self.row, &event.bucket, &event.key);
        let positions = self
            .positions
            .get_mut(&self.row[..])
            .expect("every event is in the index");
        assert_eq!(
            positions.pop_front(),
            Some(position),
            "the oldest event is its key's oldest"
        );
        if positions.is_empty() {
            self.positions.remove(&self.row[..]);
            if event.record.is_none() {
                self.gone.remove(&self.row[..]);
            }
        }
    }

    /// The positions of a row's events, oldest first; `None` without any.
    pub(super) fn positions(&self, row: &[u8]) -> Option<&VecDeque<u64>> {
        self.positions.get(row)
    }

    /// The rows of a range that have events and are not there any more, in order.
    pub(super) fn gone_in<'a>(
        &'a self,
        start: &[u8],
        end: &[u8],
    ) -> impl Iterator<Item = &'a Bytes> + use<'a> {
        let bounds = (Bound::Included(start), Bound::Excluded(end.max(start)));
        self.gone.range::<[u8], _>(bounds)
    }

    /// How many keys have events, and how many of them are gone.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.positions.len(), self.gone.len())
    }
}
