//! What must hold for a transaction.

use bytes::Bytes;

use crate::base::types::{FenceToken, Revision};
use crate::client::convert::wire_range;
use crate::client::types::KeyRange;
use crate::proto::v1;
use crate::proto::v1::compare::{Given, Subject};

/// How what is found must be to what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same.
    Equal,
    /// Another.
    NotEqual,
    /// Less.
    Less,
    /// Less, or the same.
    LessOrEqual,
    /// More.
    Greater,
    /// More, or the same.
    GreaterOrEqual,
}

/// One compare of a transaction. A key that is not there has version and revisions 0, and
/// no value: no relation to a value holds for it, nor for a softly expired key.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    wire: v1::Compare,
}

impl Compare {
    /// The key is there; a softly expired key is there.
    pub fn exists(key: impl Into<Bytes>) -> Self {
        let given = Given::Exists(true);
        Self::new(Subject::Key(key.into()), Relation::Equal, given)
    }

    /// The key is not there.
    pub fn absent(key: impl Into<Bytes>) -> Self {
        let given = Given::Exists(false);
        Self::new(Subject::Key(key.into()), Relation::Equal, given)
    }

    /// The key's value, compared as bytes.
    pub fn value(key: impl Into<Bytes>, relation: Relation, value: impl Into<Bytes>) -> Self {
        let given = Given::Value(value.into());
        Self::new(Subject::Key(key.into()), relation, given)
    }

    /// How often the key was set since it was created.
    pub fn version(key: impl Into<Bytes>, relation: Relation, version: u64) -> Self {
        let given = Given::Version(version);
        Self::new(Subject::Key(key.into()), relation, given)
    }

    /// The revision that created the key.
    pub fn create_revision(key: impl Into<Bytes>, relation: Relation, revision: Revision) -> Self {
        let given = Given::CreateRevision(revision.0);
        Self::new(Subject::Key(key.into()), relation, given)
    }

    /// The revision of the key's last change.
    pub fn revision(key: impl Into<Bytes>, relation: Relation, revision: Revision) -> Self {
        let given = Given::Revision(revision.0);
        Self::new(Subject::Key(key.into()), relation, given)
    }

    /// How many keys a range has, softly expired ones included. All ranges of a transaction
    /// have at most 10,000 keys together.
    pub fn count(range: &KeyRange, relation: Relation, count: u64) -> Self {
        let given = Given::Count(count);
        Self::new(Subject::Range(wire_range(range)), relation, given)
    }

    /// The revision of the last change, of every key of a range. All ranges of a transaction
    /// have at most 10,000 keys together.
    pub fn every_revision(range: &KeyRange, relation: Relation, revision: Revision) -> Self {
        let given = Given::Revision(revision.0);
        Self::new(Subject::Range(wire_range(range)), relation, given)
    }

    /// The token of the lock's holder; `None`: nobody holds it. Equal or not.
    pub fn fence(lock: impl Into<Bytes>, relation: Relation, fence: Option<FenceToken>) -> Self {
        let given = Given::Fence(fence.map_or(0, |fence| fence.0));
        Self::new(Subject::Lock(lock.into()), relation, given)
    }

    pub(crate) fn new(subject: Subject, relation: Relation, given: Given) -> Self {
        use v1::compare::Relation as Wire;
        let relation = match relation {
            Relation::Equal => Wire::Equal,
            Relation::NotEqual => Wire::NotEqual,
            Relation::Less => Wire::Less,
            Relation::LessOrEqual => Wire::LessOrEqual,
            Relation::Greater => Wire::Greater,
            Relation::GreaterOrEqual => Wire::GreaterOrEqual,
        };
        Self {
            wire: v1::Compare {
                subject: Some(subject),
                relation: relation.into(),
                given: Some(given),
            },
        }
    }

    pub(super) fn wire(&self) -> v1::Compare {
        self.wire.clone()
    }
}
