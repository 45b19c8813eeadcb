//! Commands on keys: reading, deciding (`kv::ops`), writing, telling.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::buckets::Growth;
use super::plan::{Moment, plan};
use super::{Done, Run, rows};
use crate::base::limits::{COMMAND_KEYS_MAX, REQUEST_BYTES_MAX};
use crate::base::types::Revision;
use crate::base::{Result, mutant};
use crate::engine::{Read, Table};
use crate::kv::ops::{self, Due};
use crate::kv::{KvCommand, Record};
use crate::machine::outcome::{Event, EventKind, OutcomeKind};
use crate::machine::{codec, query};

/// Where a key is.
pub(super) struct Place<'a> {
    bucket: &'a str,
    /// The key of its row in `data`, which ends with the key.
    row: Bytes,
}

impl<'a> Place<'a> {
    pub(super) fn new(bucket: &'a str, key: &[u8]) -> Self {
        Self {
            bucket,
            row: rows::data(bucket, key),
        }
    }

    /// The place of a row in `data` of a bucket that is known.
    pub(super) fn of_bucket(bucket: &'a str, row: Bytes) -> Self {
        Self { bucket, row }
    }

    /// How long its key is.
    pub(super) fn key_bytes(&self) -> usize {
        self.row.len() - 1 - self.bucket.len()
    }

    /// The place of a row in `data`.
    pub(super) fn of_row(row: &'a Bytes) -> Result<Self> {
        let (bucket, _) = rows::split_data(row)?;
        let row = row.clone();
        Ok(Self { bucket, row })
    }
}

impl Run<'_> {
    pub(super) fn kv(&mut self, bucket: &str, command: &KvCommand) -> Result<Done> {
        let Some(settings) = self.settings_of(bucket)? else {
            return Ok(OutcomeKind::NoSuchBucket.into());
        };
        if let KvCommand::DeleteRange { start, end } = command {
            return self.delete_range(bucket, start, end.as_deref());
        }
        let key = command.key().expect("only a delete has a range");
        let place = Place::new(bucket, key);
        let current = self.settle_key(&place)?;
        let moment = Moment {
            now: self.now(),
            next: self.next_revision(),
            settings,
        };
        let (done, change) = plan(command, current.as_ref(), moment);
        let Some(change) = change else {
            return Ok(done);
        };
        let mut growth = Growth::default();
        growth.add(key.len(), current.as_ref(), change.after.as_ref());
        if let Some(refusal) = self.check_quota(bucket, growth)? {
            return Ok(refusal);
        }
        let at = (self.take_revision(), 0);
        self.write_record(&place, current, change.after, change.kind, at)?;
        Ok(done)
    }

    /// Does what is due on a key; gives the record it has then.
    pub(super) fn settle_key(&mut self, place: &Place<'_>) -> Result<Option<Record>> {
        let Some(record) = query::record(&self.rows, &place.row)? else {
            return Ok(None);
        };
        let (after, kind) = match ops::due(&record, self.now()) {
            None => return Ok(Some(record)),
            Some(Due::Delete) => (None, EventKind::Delete),
            Some(Due::Expire) => {
                let expired = ops::expire(Some(&record), self.next_revision());
                (expired, EventKind::Expire)
            }
        };
        let revision = self.take_revision();
        self.write_record(place, Some(record), after.clone(), kind, (revision, 0))?;
        Ok(after)
    }

    /// Deletes one piece of a range.
    fn delete_range(&mut self, bucket: &str, start: &[u8], end: Option<&[u8]>) -> Result<Done> {
        let first = rows::data(bucket, start);
        let end = end.map_or_else(|| rows::bucket_end(bucket), |end| rows::data(bucket, end));
        let (count, more) = self.delete_piece(bucket, &first, &end)?;
        let kind = if more {
            OutcomeKind::DeletedMore
        } else {
            OutcomeKind::Deleted
        };
        Ok(Done::counted(kind, count))
    }

    /// Deletes the first rows of a range, as many as one command may: how many, and whether
    /// there are more. What is due goes first, at revisions of its own; then the rest goes
    /// at one.
    pub(super) fn delete_piece(
        &mut self,
        bucket: &str,
        first: &[u8],
        end: &[u8],
    ) -> Result<(u64, bool)> {
        let (found, mut more) = self.first_rows(Table::Data, first, Some(end))?;
        let mut present = Vec::new();
        // The events of a piece hold its values: their bytes are bounded like a request's.
        let mut bytes = 0;
        for row in found {
            if bytes >= REQUEST_BYTES_MAX {
                more = true;
                break;
            }
            let place = Place::of_bucket(bucket, row);
            let settled_bytes = self.event_bytes;
            if let Some(record) = self.settle_key(&place)? {
                bytes += record.weight();
                present.push((place, record));
            }
            bytes += self.event_bytes - settled_bytes;
        }
        let count = present.len() as u64;
        if count > 0 {
            let revision = self.take_revision();
            for (sub, (place, record)) in (0..).zip(present) {
                let at = (revision, sub);
                self.write_record(&place, Some(record), None, EventKind::Delete, at)?;
            }
        }
        Ok((count, more))
    }

    /// The first rows of a range, as many as one command may touch, and whether
    /// there are more.
    pub(super) fn first_rows(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> Result<(Vec<Bytes>, bool)> {
        let mut found = Vec::new();
        let mut more = false;
        self.rows.scan(table, start, end, &mut |row, _| {
            if found.len() == COMMAND_KEYS_MAX {
                more = true;
                return ControlFlow::Break(());
            }
            found.push(Bytes::copy_from_slice(row));
            ControlFlow::Continue(())
        })?;
        Ok((found, more))
    }

    /// Writes what became of a key: its row, its deadline, the count, the event.
    /// The event shares the memory of the row: if it kept the command's, history
    /// would hold on to whole entries of the log for the sake of one small value.
    pub(super) fn write_record(
        &mut self,
        place: &Place<'_>,
        before: Option<Record>,
        after: Option<Record>,
        kind: EventKind,
        (revision, sub): (Revision, u32),
    ) -> Result<()> {
        let due = |record: &Option<Record>| record.as_ref().and_then(Record::due_at);
        self.move_deadline(rows::Domain::Key, &place.row, due(&before), due(&after));
        let after = match after {
            Some(record) => {
                let (value, record) = codec::encode_record(&record);
                self.rows.put(Table::Data, place.row.clone(), value);
                Some(record)
            }
            None => {
                self.rows.delete(Table::Data, place.row.clone());
                None
            }
        };
        self.state.keys += u64::from(after.is_some());
        self.state.keys -= u64::from(before.is_some());
        self.event_bytes += before.as_ref().map_or(0, Record::weight);
        let (bucket, key_bytes) = (place.bucket, place.key_bytes());
        if !self.count_in_bucket(bucket, key_bytes, before.as_ref(), after.as_ref())? {
            return Ok(());
        }
        if kind == EventKind::Expire && mutant::is_on("expiry-untold") {
            return Ok(());
        }
        self.effects.events.push(Arc::new(Event {
            revision,
            sub,
            now: self.state.now,
            kind,
            bucket: place.bucket.to_owned(),
            key: place.row.slice(1 + place.bucket.len()..),
            record: after,
            previous: before,
        }));
        Ok(())
    }
}
