//! What the machine should do with transactions: everything due on what is looked at is
//! done, the compares choose a branch, and each operation of it sees what was before.

use bytes::Bytes;

use super::keys::place;
use super::{Key, Kind, Model, Reply, plain};
use crate::kv::{KvCommand, Record};
use crate::machine::{Compare, EventKind, Given, OpResult, Relation, Subject, Transaction, TxnOp};

/// Of what a compare was, what it compared with, how, and whether it held.
pub(in super::super) type Compared = (&'static str, &'static str, u8, bool);

fn relates(found: &[u8], relation: Relation, given: &[u8]) -> bool {
    match relation {
        Relation::Equal => found == given,
        Relation::NotEqual => found != given,
        Relation::Less => found < given,
        Relation::LessOrEqual => found <= given,
        Relation::Greater => found > given,
        Relation::GreaterOrEqual => found >= given,
    }
}

/// Numbers compare like their bytes from the highest on.
fn numbers_relate(found: u64, relation: Relation, given: u64) -> bool {
    relates(&found.to_be_bytes(), relation, &given.to_be_bytes())
}

fn key_holds(record: Option<&Record>, compare: &Compare) -> bool {
    let relation = compare.relation;
    match (&compare.given, record) {
        (Given::Exists(given), record) => record.is_some() == *given,
        (Given::Value(given), Some(record)) => match &record.value {
            Some(value) => relates(value, relation, given),
            None => false,
        },
        (Given::Value(_), None) => false,
        (Given::Version(given), record) => {
            numbers_relate(record.map_or(0, |it| it.version), relation, *given)
        }
        (Given::CreateRevision(given), record) => {
            let found = record.map_or(0, |it| it.create_revision.0);
            numbers_relate(found, relation, given.0)
        }
        (Given::Revision(given), record) => {
            numbers_relate(record.map_or(0, |it| it.revision.0), relation, given.0)
        }
        (Given::Count(_) | Given::Fence(_), _) => unreachable!("not of keys"),
    }
}

fn name_of(given: &Given) -> &'static str {
    match given {
        Given::Exists(true) => "there",
        Given::Exists(false) => "not there",
        Given::Value(_) => "value",
        Given::Version(_) => "version",
        Given::CreateRevision(_) => "create revision",
        Given::Revision(_) => "revision",
        Given::Count(_) => "count",
        Given::Fence(_) => "fence",
    }
}

/// What an operation of a branch is about.
enum About {
    Key(Key),
    Keys(Vec<Key>),
}

/// Changes of a branch: key, event, the record after it.
type Changes = Vec<(Key, EventKind, Option<Record>)>;

impl Model {
    pub(super) fn transaction(
        &mut self,
        bucket: &str,
        transaction: &Transaction,
    ) -> (Reply, Vec<OpResult>) {
        if !self.takes_keys(bucket) {
            return (plain(Kind::NoSuchBucket), Vec::new());
        }
        // What comes after a compare that does not hold is not looked at.
        let mut compares = transaction.compares.iter();
        let holds = compares.all(|compare| self.compare(bucket, compare));
        let (kind, branch) = match holds {
            true => (Kind::Succeeded, &transaction.then),
            false => (Kind::Otherwise, &transaction.otherwise),
        };
        match self.branch(bucket, branch) {
            Ok((changed, results)) => ((kind, changed, None), results),
            Err(refused) => (refused, Vec::new()),
        }
    }

    fn compare(&mut self, bucket: &str, compare: &Compare) -> bool {
        let (subject, held) = match &compare.subject {
            Subject::Key(key) => {
                let key = place(bucket, key);
                self.key_expires(&key);
                ("key", key_holds(self.keys.get(&key), compare))
            }
            Subject::Range { start, end } => {
                let keys = self.settle_range(bucket, start, end.as_ref());
                let each = || {
                    let mut records = keys.iter().map(|key| self.keys.get(key));
                    records.all(|record| key_holds(record, compare))
                };
                let held = match compare.given {
                    Given::Exists(given) => given != keys.is_empty(),
                    Given::Count(given) => {
                        numbers_relate(keys.len() as u64, compare.relation, given)
                    }
                    _ => each(),
                };
                ("range", held)
            }
            Subject::Lock(name) => {
                self.lock_expires(name);
                let Given::Fence(given) = compare.given else {
                    unreachable!("a lock has a fence alone");
                };
                let found = self.locks.get(name).map_or(0, |lock| lock.fence.0);
                ("lock", numbers_relate(found, compare.relation, given))
            }
        };
        let made = (
            subject,
            name_of(&compare.given),
            compare.relation as u8,
            held,
        );
        self.compared.insert(made);
        held
    }

    /// How much changed, and the results of all operations; or the refusal of the first
    /// that cannot be.
    fn branch(&mut self, bucket: &str, ops: &[TxnOp]) -> Result<(u64, Vec<OpResult>), Reply> {
        let about: Vec<_> = ops.iter().map(|op| self.settle(bucket, op)).collect();
        let mut results = Vec::new();
        let mut changes = Vec::new();
        for (number, (op, about)) in ops.iter().zip(&about).enumerate() {
            let result = self.result(op, about, &mut changes);
            if matches!(result.kind, Kind::NotInteger | Kind::Overflow) {
                return Err((result.kind, number as u64, None));
            }
            results.push(result);
        }
        let grown: Vec<_> = changes
            .iter()
            .map(|(key, _, after)| (key, after.as_ref()))
            .collect();
        if let Some(refused) = self.beyond_quota(bucket, &grown) {
            return Err(refused);
        }
        if !changes.is_empty() {
            self.next();
        }
        let changed = changes.len() as u64;
        for (sub, (key, kind, after)) in changes.into_iter().enumerate() {
            self.write(&key, kind, after, sub as u32);
        }
        Ok((changed, results))
    }

    /// Does what is due on what an operation is about.
    fn settle(&mut self, bucket: &str, op: &TxnOp) -> About {
        let key: &Bytes = match op {
            TxnOp::Write(KvCommand::DeleteRange { start, end }) => {
                return About::Keys(self.settle_range(bucket, start, end.as_ref()));
            }
            TxnOp::Write(command) => command.key().unwrap(),
            TxnOp::Get { key } => key,
        };
        let key = place(bucket, key);
        self.key_expires(&key);
        About::Key(key)
    }

    fn result(&self, op: &TxnOp, about: &About, changes: &mut Changes) -> OpResult {
        let (kind, count, record) = match (op, about) {
            (TxnOp::Write(command), About::Key(key)) => {
                let (reply, change) = self.planned(key, command);
                changes.extend(change.map(|(kind, after)| (key.clone(), kind, after)));
                reply
            }
            (TxnOp::Get { .. }, About::Key(key)) => {
                // A softly expired key, too: whoever answers leaves it out.
                (Kind::Found, 0, self.keys.get(key).cloned())
            }
            (_, About::Keys(keys)) => {
                let gone = keys
                    .iter()
                    .map(|key| (key.clone(), EventKind::Delete, None));
                changes.extend(gone);
                (Kind::Deleted, keys.len() as u64, None)
            }
        };
        OpResult {
            kind,
            count,
            record,
        }
    }
}
