//! How old an answer may be: what a client asks for, and what it is told.

use std::time::Duration;

use crate::base::types::Revision;
use crate::proto::v1;

/// How fresh reads must be. Writes are not concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consistency {
    /// A read sees every write that was confirmed before it began.
    #[default]
    Linearizable,
    /// A read answers at once from what one node has, which may be behind, and later ones
    /// may go to a node that is further behind. Asks any node, so it works, and says how
    /// old its answer is, where no leader can be reached. A local shard is never stale.
    Stale,
}

/// How fresh an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It has everything that was confirmed before the question.
    Current,
    /// It may lack what came later than this.
    Stale {
        /// How long before the answer its node last heard from the leader; `None`: not
        /// since it started.
        age: Option<Duration>,
    },
}

/// What was read, and of when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T> {
    /// What was read.
    pub value: T,
    /// The revision of the shard it reflects.
    pub revision: Revision,
    /// How fresh it is.
    pub freshness: Freshness,
}

impl Freshness {
    pub(super) fn of(header: &v1::Header) -> Self {
        match header.stale {
            false => Self::Current,
            true => Self::Stale {
                age: header.age_ms.map(Duration::from_millis),
            },
        }
    }

    /// True if a stale answer was asked for and given.
    pub fn is_stale(self) -> bool {
        self != Self::Current
    }

    /// Of two answers that belong together.
    #[must_use]
    pub(super) fn or_older(self, other: Self) -> Self {
        match (self, other) {
            (Self::Current, other) => other,
            (this, Self::Current) => this,
            (Self::Stale { age: one }, Self::Stale { age: other }) => Self::Stale {
                // Unknown is older than anything.
                age: one.zip(other).map(|(one, other)| one.max(other)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_answers_that_belong_together_the_oldest_counts() {
        let stale = |ms: Option<u64>| Freshness::Stale {
            age: ms.map(Duration::from_millis),
        };
        let current = Freshness::Current;
        for (one, other, both) in [
            (current, current, current),
            (current, stale(Some(1)), stale(Some(1))),
            (stale(Some(1)), stale(Some(7)), stale(Some(7))),
            (stale(None), stale(Some(7)), stale(None)),
        ] {
            assert_eq!(one.or_older(other), both);
            assert_eq!(other.or_older(one), both);
        }
    }
}
