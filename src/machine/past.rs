//! Many keys at one moment, the changes of one key, and which revision a moment was.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::limits::{REQUEST_BYTES_MAX, SCAN_PAGE_BYTES};
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::kv::Record;
use crate::machine::apply::Machine;
use crate::machine::bucket::Bucket;
use crate::machine::outcome::Event;
use crate::machine::{keys, query};

/// The changes of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Newest first.
    pub events: Vec<Arc<Event>>,
    /// The history has older ones.
    pub more: bool,
    /// The first revision the history has.
    pub floor: Revision,
}

impl Machine {
    /// The last revision that was there at a moment; 0 is the empty shard.
    ///
    /// # Errors
    /// `Compacted` if that is not known any more.
    pub fn revision_at(&self, moment: MachineTime) -> Result<Revision> {
        self.history().revision_at(moment)
    }

    /// The records of many keys, softly expired ones included, in the order asked for, now
    /// or at a past revision.
    ///
    /// # Errors
    /// As [`Machine::get`]; `LimitExceeded` if they are too long for one answer.
    pub fn get_many(
        &self,
        bucket: &str,
        keys: &[Bytes],
        at: Option<Revision>,
    ) -> Result<Vec<Option<Record>>> {
        let past = self.past(bucket, at)?;
        query::check_bucket(self.engine(), bucket)?;
        let mut left_bytes = REQUEST_BYTES_MAX;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let row = keys::data(bucket, key);
            let changed = past.and_then(|revision| self.history().past(&row, revision));
            let record = match changed {
                Some(record) => record.cloned(),
                None => query::record(self.engine(), &row)?,
            };
            let value_bytes = |record: &Record| record.value.as_ref().map_or(0, Bytes::len);
            let bytes = key.len() + record.as_ref().map_or(0, value_bytes);
            let left = left_bytes.checked_sub(bytes);
            left_bytes = left.ok_or_else(|| too_long(found.len(), keys.len()))?;
            found.push(record);
        }
        Ok(found)
    }

    /// At most `limit` changes of a key, newest first; `before`: only those of earlier
    /// revisions.
    ///
    /// # Errors
    /// `NotFound` without such a bucket; else if the engine fails.
    pub fn changes(
        &self,
        bucket: &str,
        key: &[u8],
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Changes> {
        let floor = self.floor_of(&query::open_bucket(self.engine(), bucket)?);
        let row = keys::data(bucket, key);
        let all = self.history().changes(&row, before);
        let mut all = all.take_while(|event| event.revision >= floor).peekable();
        let mut events = Vec::new();
        let mut bytes = 0;
        while bytes < SCAN_PAGE_BYTES
            && events.len() < limit
            && let Some(event) = all.next()
        {
            let value = event
                .record
                .as_ref()
                .and_then(|record| record.value.as_ref());
            bytes += key.len() + value.map_or(0, Bytes::len);
            events.push(event.clone());
        }
        Ok(Changes {
            events,
            more: all.peek().is_some(),
            floor,
        })
    }

    /// The first revision from which on the changes of a bucket are known. One that was
    /// dropped before it was made again is another bucket.
    fn floor_of(&self, bucket: &Bucket) -> Revision {
        let floor = self.history().floor().max(bucket.create_revision);
        if bucket.settings.no_history {
            floor.max(bucket.revision.next())
        } else {
            floor
        }
    }
}

fn too_long(fit: usize, asked: usize) -> Error {
    Error::limit_exceeded(format!(
        "{asked} keys were asked for, and the first {fit} are all that fit in one answer of \
         {REQUEST_BYTES_MAX} bytes: ask for fewer at a time"
    ))
}
