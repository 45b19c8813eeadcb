//! Transactions: compares, and two branches of which one is applied.
//!
//! Invariant: what [`Transaction::check`] has passed writes no key twice in a branch, so
//! that the order of a branch's operations does not matter: each of them sees the shard
//! as it was before.

use bytes::Bytes;

use crate::base::limits::TXN_OPS_MAX;
use crate::base::types::Revision;
use crate::kv::{KvCommand, Record};

/// Compares, then, otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// All must hold for `then`.
    pub compares: Vec<Compare>,
    /// What is done if they do, ...
    pub then: Vec<TxnOp>,
    /// ... and if not.
    pub otherwise: Vec<TxnOp>,
}

/// One operation of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnOp {
    /// A change; a set without a condition.
    Write(KvCommand),
    /// Reads a key.
    Get {
        /// The key.
        key: Bytes,
    },
}

/// Something that must hold: what is found of `subject`, in `relation` to what is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// Of what.
    pub subject: Subject,
    /// How it must be to what is given.
    pub relation: Relation,
    /// What is given.
    pub given: Given,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A key.
    Key(Bytes),
    /// Every key of a range.
    Range {
        /// Inclusive.
        start: Bytes,
        /// Exclusive; `None`: to the last key of the bucket.
        end: Option<Bytes>,
    },
    /// A lock of the same shard.
    Lock(Bytes),
}

/// How what is found must be to what is given. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Relation {
    /// `=`
    Equal = 0,
    /// `!=`
    NotEqual = 1,
    /// `<`
    Less = 2,
    /// `<=`
    LessOrEqual = 3,
    /// `>`
    Greater = 4,
    /// `>=`
    GreaterOrEqual = 5,
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The key, or any key of the range, is there.
    Exists(bool),
    /// A value.
    Value(Bytes),
    /// How often the key was set since it was created.
    Version(u64),
    /// The revision that created the key.
    CreateRevision(Revision),
    /// The revision of the key's last change.
    Revision(Revision),
    /// How many keys the range has.
    Count(u64),
    /// The token of the lock's holder; 0: nobody's.
    Fence(u64),
}

/// Why a transaction cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnProblem {
    /// It has so many compares and operations.
    TooLong(usize),
    /// A branch writes this key more than once.
    WrittenTwice(Bytes),
    /// A set in a branch has a condition.
    HasCondition,
    /// The compare with this place asks what cannot be asked of its subject.
    Misfit(usize),
}

impl Relation {
    /// Every relation, by its number.
    pub const ALL: [Self; 6] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
    ];

    /// True if `found` is so to `given`.
    pub fn holds<T: Ord + ?Sized>(self, found: &T, given: &T) -> bool {
        match self {
            Self::Equal => found == given,
            Self::NotEqual => found != given,
            Self::Less => found < given,
            Self::LessOrEqual => found <= given,
            Self::Greater => found > given,
            Self::GreaterOrEqual => found >= given,
        }
    }
}

impl Compare {
    /// True if it holds for a key's record. A key that is not there has numbers of 0 and
    /// no value, and one that is softly expired has no value: no relation holds for that.
    pub fn holds_for(&self, record: Option<&Record>) -> bool {
        let number =
            |of: fn(&Record) -> u64, given: u64| self.relation.holds(&record.map_or(0, of), &given);
        match &self.given {
            Given::Exists(given) => record.is_some() == *given,
            Given::Value(given) => record
                .and_then(|record| record.value.as_ref())
                .is_some_and(|found| self.relation.holds(found, given)),
            Given::Version(given) => number(|record| record.version, *given),
            Given::CreateRevision(given) => number(|record| record.create_revision.0, given.0),
            Given::Revision(given) => number(|record| record.revision.0, given.0),
            Given::Count(_) | Given::Fence(_) => false,
        }
    }

    fn fits(&self) -> bool {
        let fits = match (&self.subject, &self.given) {
            (Subject::Lock(_), given) => matches!(given, Given::Fence(_)),
            (Subject::Range { .. }, given) => !matches!(given, Given::Fence(_)),
            (Subject::Key(_), given) => !matches!(given, Given::Fence(_) | Given::Count(_)),
        };
        let is_equal = self.relation == Relation::Equal;
        fits && (is_equal || !matches!(self.given, Given::Exists(_)))
    }
}

impl Transaction {
    /// Makes sure that the machine can apply it.
    ///
    /// # Errors
    /// The first problem.
    pub fn check(&self) -> Result<(), TxnProblem> {
        let length = self.compares.len() + self.then.len() + self.otherwise.len();
        if length > TXN_OPS_MAX {
            return Err(TxnProblem::TooLong(length));
        }
        if let Some(misfit) = self.compares.iter().position(|compare| !compare.fits()) {
            return Err(TxnProblem::Misfit(misfit));
        }
        check_branch(&self.then)?;
        check_branch(&self.otherwise)
    }

    /// Bytes it takes in a log entry, at most about.
    pub fn weight(&self) -> usize {
        let compares = self.compares.iter().map(|compare| {
            let subject = match &compare.subject {
                Subject::Key(key) | Subject::Lock(key) => key.len(),
                Subject::Range { start, end } => start.len() + end.as_ref().map_or(0, Bytes::len),
            };
            let given = match &compare.given {
                Given::Value(value) => value.len(),
                _ => 0,
            };
            64 + subject + given
        });
        let ops = self.then.iter().chain(&self.otherwise).map(|op| match op {
            TxnOp::Write(command) => command.weight(),
            TxnOp::Get { key } => 64 + key.len(),
        });
        compares.chain(ops).sum()
    }

    /// True if a lock must be looked at.
    pub fn looks_at_locks(&self) -> bool {
        let is_lock = |compare: &Compare| matches!(compare.subject, Subject::Lock(_));
        self.compares.iter().any(is_lock)
    }

    /// Changes the writes of both branches.
    pub(super) fn writes_mut(&mut self, change: impl Fn(&mut KvCommand)) {
        for op in self.then.iter_mut().chain(&mut self.otherwise) {
            if let TxnOp::Write(command) = op {
                change(command);
            }
        }
    }
}

/// Errs if a key is written more than once: as a key, or by being in a range.
fn check_branch(ops: &[TxnOp]) -> Result<(), TxnProblem> {
    let mut keys = Vec::new();
    let mut ranges = Vec::new();
    for op in ops {
        match op {
            TxnOp::Get { .. } => {}
            TxnOp::Write(KvCommand::DeleteRange { start, end }) => {
                let is_empty = end.as_ref().is_some_and(|end| end <= start);
                ranges.extend((!is_empty).then_some((start, end.as_ref())));
            }
            TxnOp::Write(KvCommand::Set(set)) if set.condition.is_some() => {
                return Err(TxnProblem::HasCondition);
            }
            TxnOp::Write(command) => {
                keys.push(command.key().expect("only a delete has a range"));
            }
        }
    }
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(TxnProblem::WrittenTwice(twice[0].clone()));
    }
    ranges.sort_unstable();
    for (place, (start, end)) in ranges.iter().enumerate() {
        let reaches = |key: &&Bytes| end.is_none_or(|end| *key < end);
        let next_range = ranges.get(place + 1).map(|(next, _)| *next);
        let next_key = keys.get(keys.partition_point(|key| key < start)).copied();
        if let Some(twice) = next_range.into_iter().chain(next_key).find(reaches) {
            return Err(TxnProblem::WrittenTwice(twice.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
