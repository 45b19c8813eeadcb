//! What is recorded of a transaction, and what a checker says of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One transaction of one client, from its first read to the end of its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// Who asked: one transaction at a time.
    pub(crate) client: u32,
    /// On the one clock of the recorder.
    pub(crate) invoked_ns: u64,
    pub(crate) returned_ns: u64,
    pub(crate) steps: Vec<Step>,
    /// When it took place, on the shard's count, if the client was told.
    pub(crate) revision: Option<u64>,
    pub(crate) end: End,
}

/// What a transaction read, and what it did if it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// A list, as it was.
    Read { list: String, elements: Vec<u64> },
    /// No element is ever appended twice.
    Append { list: String, element: u64 },
    /// All accounts at once.
    Balances { all: BTreeMap<String, i64> },
    /// From one account to another.
    Moved {
        from: String,
        to: String,
        amount: i64,
    },
    /// Two keys of which one at most may be there.
    Pair {
        pair: String,
        left: Option<String>,
        right: Option<String>,
    },
    /// One of them was set, or removed.
    Posted {
        pair: String,
        is_left: bool,
        is_there: bool,
    },
    /// More than nothing was added; `now`: what it was told to have come to.
    Added {
        counter: String,
        by: i64,
        now: Option<i64>,
    },
    /// A counter, read.
    Counted { counter: String, value: i64 },
    /// A key that nobody else writes, in a bucket of its own: set, or removed.
    Put {
        bucket: String,
        key: String,
        value: Option<String>,
    },
    /// The same, read.
    Got {
        bucket: String,
        key: String,
        value: Option<String>,
    },
    /// The bucket was made, or was there.
    Made { bucket: String },
    /// It was dropped, with its keys.
    Dropped { bucket: String },
    /// A read or a write was told that there is no such bucket.
    NoBucket { bucket: String },
}

/// How a transaction ended, as far as its client knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Committed,
    /// It changed nothing, for sure.
    Aborted {
        why: String,
    },
    /// It may have taken place, may take place later, or never.
    Unknown {
        why: String,
    },
}

/// What cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An element that nobody appended.
    Invented,
    /// An element of a transaction that was aborted (G1a).
    AbortedRead,
    /// The state in the middle of a transaction (G1b).
    IntermediateRead,
    /// What was appended only after it was read.
    Future,
    /// An element is in a list twice.
    Duplicated,
    /// Two reads of a list of which neither continues the other.
    TwoOrders,
    /// What was committed is not there.
    Lost,
    /// A transaction does not see what it did itself.
    Internal,
    /// Transactions that each must come before the next, all round.
    Cycle,
    /// The sum of all accounts is another.
    Sum,
    /// An account has less than nothing.
    Overdrawn,
    /// Both of two keys are there.
    Skew,
    /// A counter that has less than was confirmed, or more than was asked for.
    Count,
    /// Two additions came to the same, or a counter went back.
    Backwards,
    /// A client does not see its own write.
    OwnWrite,
}

/// One thing that cannot be, and the transactions that show it.
#[derive(Debug, Clone)]
pub(crate) struct Anomaly {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) transactions: Vec<Transaction>,
}

impl Transaction {
    pub(crate) fn is_committed(&self) -> bool {
        self.end == End::Committed
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.end, End::Unknown { .. })
    }

    /// True if it changes something, once it is committed.
    pub(crate) fn changes(&self) -> bool {
        self.steps.iter().any(|step| {
            !matches!(
                step,
                Step::Read { .. }
                    | Step::Balances { .. }
                    | Step::Pair { .. }
                    | Step::Counted { .. }
                    | Step::Got { .. }
                    | Step::NoBucket { .. }
            )
        })
    }
}

impl Anomaly {
    pub(crate) fn new(kind: Kind, message: impl Into<String>, involved: &[&Transaction]) -> Self {
        Self {
            kind,
            message: message.into(),
            transactions: involved.iter().map(|&it| it.clone()).collect(),
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)?;
        for transaction in &self.transactions {
            let json = serde_json::to_string(transaction).map_err(|_| fmt::Error)?;
            write!(f, "\n    {json}")?;
        }
        Ok(())
    }
}

/// What all checkers say of a history.
pub(crate) fn judge(history: &[Transaction]) -> Vec<Anomaly> {
    let mut anomalies = super::lists::check(history);
    anomalies.extend(super::bank::check(history));
    anomalies.extend(super::skew::check(history));
    anomalies.extend(super::sums::check(history));
    anomalies.extend(super::lane::check(history));
    anomalies
}
