//! Commands on keys: reading, deciding (`kv::ops`), writing, telling.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::{Done, Run, rows};
use crate::base::Result;
use crate::base::limits::{COMMAND_KEYS_MAX, REQUEST_BYTES_MAX};
use crate::base::types::Revision;
use crate::engine::{Read, Table};
use crate::kv::ops::{self, Due};
use crate::kv::{KvCommand, Record, Set};
use crate::machine::outcome::{Event, EventKind, OutcomeKind};
use crate::machine::{codec, query};

/// Where a key is.
pub(super) struct Place<'a> {
    bucket: &'a str,
    /// The key of its row in `data`, which ends with the key.
    row: Bytes,
}

impl<'a> Place<'a> {
    fn new(bucket: &'a str, key: &[u8]) -> Self {
        Self {
            bucket,
            row: rows::data(bucket, key),
        }
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
        if !query::bucket_exists(&self.rows, bucket)? {
            return Ok(OutcomeKind::NoSuchBucket.into());
        }
        match command {
            KvCommand::Set(set) => self.set(&Place::new(bucket, &set.key), set),
            KvCommand::Delete { key } => self.delete(&Place::new(bucket, key)),
            KvCommand::DeleteRange { start, end } => {
                self.delete_range(bucket, start, end.as_deref())
            }
            KvCommand::Expire { key } => self.change(
                &Place::new(bucket, key),
                EventKind::Expire,
                |record, next| (ops::expire(record, next), OutcomeKind::Expired),
            ),
            KvCommand::Touch {
                key,
                expire,
                delete,
            } => self.change(
                &Place::new(bucket, key),
                EventKind::Touch,
                |record, next| {
                    (
                        ops::touch(record, *expire, *delete, next),
                        OutcomeKind::Touched,
                    )
                },
            ),
            KvCommand::Persist { key } => self.change(
                &Place::new(bucket, key),
                EventKind::Touch,
                |record, next| (ops::persist(record, next), OutcomeKind::Persisted),
            ),
        }
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
        self.write_record(place, Some(record), after.clone(), kind, (revision, 0));
        Ok(after)
    }

    fn set(&mut self, place: &Place<'_>, set: &Set) -> Result<Done> {
        let current = self.settle_key(place)?;
        let Some(record) = ops::set(current.as_ref(), set, self.next_revision()) else {
            return Ok(OutcomeKind::ConditionFailed.into());
        };
        let previous = if set.return_previous {
            current.clone()
        } else {
            None
        };
        let revision = self.take_revision();
        self.write_record(place, current, Some(record), EventKind::Set, (revision, 0));
        Ok(Done {
            kind: OutcomeKind::Written,
            count: 0,
            previous,
        })
    }

    fn delete(&mut self, place: &Place<'_>) -> Result<Done> {
        let Some(record) = self.settle_key(place)? else {
            return Ok(Done::counted(OutcomeKind::Deleted, 0));
        };
        let revision = self.take_revision();
        self.write_record(place, Some(record), None, EventKind::Delete, (revision, 0));
        Ok(Done::counted(OutcomeKind::Deleted, 1))
    }

    fn change(
        &mut self,
        place: &Place<'_>,
        event: EventKind,
        decide: impl FnOnce(Option<&Record>, Revision) -> (Option<Record>, OutcomeKind),
    ) -> Result<Done> {
        let current = self.settle_key(place)?;
        let (Some(record), kind) = decide(current.as_ref(), self.next_revision()) else {
            return Ok(OutcomeKind::Unchanged.into());
        };
        let revision = self.take_revision();
        self.write_record(place, current, Some(record), event, (revision, 0));
        Ok(kind.into())
    }

    /// Deletes one piece of a range. What is due goes first, at revisions of its
    /// own; then the rest goes at one.
    fn delete_range(&mut self, bucket: &str, start: &[u8], end: Option<&[u8]>) -> Result<Done> {
        let first = rows::data(bucket, start);
        let end = end.map_or_else(|| rows::bucket_end(bucket), |end| rows::data(bucket, end));
        let (found, mut more) = self.first_rows(Table::Data, &first, Some(&end))?;
        let mut present = Vec::new();
        // The events of a piece hold its values: their bytes are bounded like a request's.
        let mut bytes = 0;
        for row in &found {
            if bytes >= REQUEST_BYTES_MAX {
                more = true;
                break;
            }
            let place = Place::of_row(row)?;
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
                self.write_record(
                    &place,
                    Some(record),
                    None,
                    EventKind::Delete,
                    (revision, sub),
                );
            }
        }
        let kind = if more {
            OutcomeKind::DeletedMore
        } else {
            OutcomeKind::Deleted
        };
        Ok(Done::counted(kind, count))
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
    fn write_record(
        &mut self,
        place: &Place<'_>,
        before: Option<Record>,
        after: Option<Record>,
        kind: EventKind,
        (revision, sub): (Revision, u32),
    ) {
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
    }
}
