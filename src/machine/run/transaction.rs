//! Transactions: everything is looked at and decided before the first row is written.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::buckets::Growth;
use super::keys::Place;
use super::plan::{Change, Moment, plan};
use super::{Done, Run, rows};
use crate::base::limits::{COMMAND_KEYS_MAX, REQUEST_BYTES_MAX};
use crate::base::{Result, mutant};
use crate::engine::{Read, Table};
use crate::kv::{KvCommand, Record};
use crate::machine::bucket::BucketSettings;
use crate::machine::outcome::{EventKind, OpResult, OutcomeKind};
use crate::machine::transaction::{Compare, Given, Subject, Transaction, TxnOp};

/// Why a transaction is not done: its outcome.
type Refused = OutcomeKind;

/// What one transaction may still touch.
struct Allowance {
    /// Keys in ranges.
    keys: usize,
    /// Of records that are read or removed.
    bytes: usize,
    /// What the events of the entry may have taken once all that is due is done.
    event_bytes: usize,
}

/// Whether the values of a range's records are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Kept,
    /// Only their revisions and versions are asked for.
    Dropped,
}

impl Values {
    fn of(given: &Given) -> Self {
        match given {
            Given::Value(_) => Self::Kept,
            _ => Self::Dropped,
        }
    }
}

/// A branch, decided.
#[derive(Default)]
struct Branch<'a> {
    results: Vec<OpResult>,
    changes: Vec<(Place<'a>, Option<Record>, Change)>,
    growth: Growth,
}

impl Run<'_> {
    /// Applies one branch at one revision, or nothing. What is due on the keys it looks at
    /// goes first, at revisions of its own, whatever becomes of the rest.
    pub(super) fn transaction(&mut self, bucket: &str, transaction: &Transaction) -> Result<Done> {
        let Some(settings) = self.settings_of(bucket)? else {
            return Ok(OutcomeKind::NoSuchBucket.into());
        };
        let mut allowance = Allowance {
            keys: COMMAND_KEYS_MAX,
            bytes: REQUEST_BYTES_MAX,
            event_bytes: self.event_bytes + REQUEST_BYTES_MAX,
        };
        let holds = match self.compares(bucket, &transaction.compares, &mut allowance)? {
            Ok(holds) => holds,
            Err(refused) => return Ok(refused.into()),
        };
        let (kind, ops) = if holds {
            (OutcomeKind::Succeeded, &transaction.then)
        } else {
            (OutcomeKind::Otherwise, &transaction.otherwise)
        };
        let branch = match self.decide(bucket, ops, settings, &mut allowance)? {
            Ok(branch) => branch,
            Err(refusal) => return Ok(refusal),
        };
        if let Some(refusal) = self.check_quota(bucket, branch.growth)? {
            return Ok(refusal);
        }
        let count = branch.changes.len() as u64;
        if count > 0 {
            let mut revision = self.take_revision();
            for (sub, (place, before, change)) in (0..).zip(branch.changes) {
                if sub > 0 && mutant::is_on("transactions-split") {
                    revision = self.take_revision();
                }
                let at = (revision, sub);
                self.write_record(&place, before, change.after, change.kind, at)?;
            }
        }
        Ok(Done {
            results: branch.results,
            ..Done::counted(kind, count)
        })
    }

    /// True if all hold. Those after the first that does not are not looked at.
    fn compares(
        &mut self,
        bucket: &str,
        compares: &[Compare],
        allowance: &mut Allowance,
    ) -> Result<Result<bool, Refused>> {
        // Several things may be asked of one range: it is looked at once.
        let mut last: Option<(&Subject, Vec<(Bytes, Record)>)> = None;
        for compare in compares {
            let holds = match &compare.subject {
                Subject::Key(key) => {
                    let record = self.settle_key(&Place::new(bucket, key))?;
                    if self.event_bytes > allowance.event_bytes {
                        return Ok(Err(OutcomeKind::TooManyBytes));
                    }
                    compare.holds_for(record.as_ref())
                }
                Subject::Lock(name) => {
                    let held = self.settle_lock(name)?.map_or(0, |lock| lock.fence.0);
                    matches!(&compare.given, Given::Fence(given)
                        if compare.relation.holds(&held, given))
                }
                subject @ Subject::Range { start, end } => {
                    let values = Values::of(&compare.given);
                    let known =
                        last.take_if(|(known, _)| *known == subject && values == Values::Dropped);
                    let found = match known {
                        Some((_, found)) => found,
                        None => {
                            let range = (start, end.as_ref());
                            match self.settled_range(bucket, range, values, allowance)? {
                                Ok(found) => found,
                                Err(refused) => return Ok(Err(refused)),
                            }
                        }
                    };
                    let holds = holds_for_range(compare, &found);
                    last = Some((subject, found));
                    holds
                }
            };
            if !holds && !mutant::is_on("compares-ignored") {
                return Ok(Ok(false));
            }
        }
        Ok(Ok(true))
    }

    /// What each operation does, given the shard as it is; or the refusal of all of them.
    fn decide<'a>(
        &mut self,
        bucket: &'a str,
        ops: &'a [TxnOp],
        settings: BucketSettings,
        allowance: &mut Allowance,
    ) -> Result<Result<Branch<'a>, Done>> {
        // All that is due goes first, so that the revision is the same for every operation.
        let mut looked = Allowance { ..*allowance };
        for (at, op) in ops.iter().enumerate() {
            if let Err(refused) = self.settle_op(bucket, op, &mut looked)? {
                return Ok(Err(Done::counted(refused, at as u64)));
            }
        }
        let moment = Moment {
            now: self.now(),
            next: self.next_revision(),
            settings,
        };
        let mut branch = Branch::default();
        for (at, op) in ops.iter().enumerate() {
            if let TxnOp::Write(KvCommand::DeleteRange { start, end }) = op {
                let range = (start, end.as_ref());
                match self.settled_range(bucket, range, Values::Kept, allowance)? {
                    Ok(found) => branch.remove_all(bucket, found),
                    Err(refused) => return Ok(Err(Done::counted(refused, at as u64))),
                }
                continue;
            }
            let place = Place::new(bucket, key_of(op));
            let current = self.settle_key(&place)?;
            let refused = match op {
                TxnOp::Get { key } => branch.read(key.len(), current, allowance),
                TxnOp::Write(command) => branch.write(place, command, current, moment, allowance),
            };
            if let Err(refused) = refused {
                return Ok(Err(Done::counted(refused, at as u64)));
            }
        }
        Ok(Ok(branch))
    }

    /// Does what is due on what an operation is about.
    fn settle_op(
        &mut self,
        bucket: &str,
        op: &TxnOp,
        allowance: &mut Allowance,
    ) -> Result<Result<(), Refused>> {
        if let TxnOp::Write(KvCommand::DeleteRange { start, end }) = op {
            let range = (start, end.as_ref());
            let settled = self.settled_range(bucket, range, Values::Kept, allowance)?;
            return Ok(settled.map(drop));
        }
        self.settle_key(&Place::new(bucket, key_of(op)))?;
        // Small operations on large values that are due: their events hold those.
        if self.event_bytes > allowance.event_bytes {
            return Ok(Err(OutcomeKind::TooManyBytes));
        }
        Ok(Ok(()))
    }

    /// The keys of a range with their records, once what is due on them is done.
    fn settled_range(
        &mut self,
        bucket: &str,
        (start, end): (&Bytes, Option<&Bytes>),
        values: Values,
        allowance: &mut Allowance,
    ) -> Result<Result<Vec<(Bytes, Record)>, Refused>> {
        let first = rows::data(bucket, start);
        let end = end.map_or_else(|| rows::bucket_end(bucket), |end| rows::data(bucket, end));
        let mut found = Vec::new();
        let keys_max = allowance.keys;
        self.rows
            .scan(Table::Data, &first, Some(&end), &mut |row, _| {
                found.push(Bytes::copy_from_slice(row));
                if found.len() > keys_max {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
        if found.len() > keys_max {
            return Ok(Err(OutcomeKind::TooManyKeys));
        }
        allowance.keys -= found.len();
        let mut settled = Vec::new();
        for row in found {
            let mut record = self.settle_key(&Place::of_row(&row)?)?;
            if let (Values::Dropped, Some(record)) = (values, &mut record) {
                record.value = record.value.take().map(|_| Bytes::new());
            }
            let fits = allowance.take(row.len(), record.as_ref());
            if self.event_bytes > allowance.event_bytes || !fits {
                return Ok(Err(OutcomeKind::TooManyBytes));
            }
            settled.extend(record.map(|record| (row, record)));
        }
        Ok(Ok(settled))
    }
}

impl<'a> Branch<'a> {
    fn read(
        &mut self,
        key_bytes: usize,
        found: Option<Record>,
        allowance: &mut Allowance,
    ) -> Result<(), Refused> {
        if !allowance.take(key_bytes, found.as_ref()) {
            return Err(OutcomeKind::TooManyBytes);
        }
        self.results.push(OpResult {
            kind: OutcomeKind::Found,
            count: 0,
            record: found,
        });
        Ok(())
    }

    fn write(
        &mut self,
        place: Place<'a>,
        command: &KvCommand,
        current: Option<Record>,
        moment: Moment,
        allowance: &mut Allowance,
    ) -> Result<(), Refused> {
        let (done, change) = plan(command, current.as_ref(), moment);
        if matches!(done.kind, OutcomeKind::NotInteger | OutcomeKind::Overflow) {
            return Err(done.kind);
        }
        // What is replaced is in an event, and what was asked for in the reply.
        if !allowance.take(place.key_bytes(), current.as_ref()) {
            return Err(OutcomeKind::TooManyBytes);
        }
        self.results.push(OpResult {
            kind: done.kind,
            count: done.count,
            record: done.previous,
        });
        if let Some(change) = change {
            let key_bytes = place.key_bytes();
            self.growth
                .add(key_bytes, current.as_ref(), change.after.as_ref());
            self.changes.push((place, current, change));
        }
        Ok(())
    }

    fn remove_all(&mut self, bucket: &'a str, found: Vec<(Bytes, Record)>) {
        self.results.push(OpResult {
            kind: OutcomeKind::Deleted,
            count: found.len() as u64,
            record: None,
        });
        for (row, record) in found {
            let place = Place::of_bucket(bucket, row);
            self.growth.add(place.key_bytes(), Some(&record), None);
            let change = Change {
                after: None,
                kind: EventKind::Delete,
            };
            self.changes.push((place, Some(record), change));
        }
    }
}

impl Allowance {
    /// Takes what a record weighs, with its key; `false` if there is not so much left.
    fn take(&mut self, key_bytes: usize, record: Option<&Record>) -> bool {
        let bytes = key_bytes + record.map_or(0, Record::weight);
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }
}

fn key_of(op: &TxnOp) -> &Bytes {
    match op {
        TxnOp::Get { key } => key,
        TxnOp::Write(command) => command.key().expect("ranges have a way of their own"),
    }
}

fn holds_for_range(compare: &Compare, found: &[(Bytes, Record)]) -> bool {
    match &compare.given {
        Given::Exists(given) => found.is_empty() != *given,
        Given::Count(given) => compare.relation.holds(&(found.len() as u64), given),
        _ => found
            .iter()
            .all(|(_, record)| compare.holds_for(Some(record))),
    }
}
