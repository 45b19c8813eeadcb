//! What a checker says.

use std::fmt;

use crate::check::history::Operation;

/// What a history breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Two changes claim one revision.
    RevisionTwice,
    /// An operation that began after another had ended has not the greater revision, or saw
    /// less than was confirmed before it began.
    Order,
    /// An answer that is not the state at its revision.
    State,
    /// A value that nobody wrote.
    Invented,
    /// A value that was read before it was written.
    Future,
    /// One write at two revisions.
    AppliedTwice,
    /// A write that failed for sure, and is there.
    FailedButThere,
    /// A conditional write that should have failed.
    Condition,
    /// A revision that no operation can have taken.
    Unexplained,
    /// Two owners of one lock at once.
    TwoHolders,
    /// A fence that was given before, or that does not grow.
    Fence,
    /// A write under a fence that was over.
    StaleFence,
    /// A lock or a fenced write that was refused without a reason.
    Refused,
    /// No order of the operations on one key explains what was answered.
    NoOrder,
}

impl Rule {
    /// What it means for whoever uses the store.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::RevisionTwice => "two changes have the same revision",
            Self::Order => "an answer is older than what was known before it was asked for",
            Self::State => "an answer is not the state at its revision",
            Self::Invented => "a value was read that nobody wrote",
            Self::Future => "a value was read before it was written",
            Self::AppliedTwice => "one write took place twice",
            Self::FailedButThere => "a write was refused and took place",
            Self::Condition => "a conditional write took place though its condition did not hold",
            Self::Unexplained => "something changed that nobody asked for",
            Self::TwoHolders => "two held one lock at once",
            Self::Fence => "a fence did not grow",
            Self::StaleFence => "a write took place under a fence that was over",
            Self::Refused => "a lock or a fenced write was refused without a reason",
            Self::NoOrder => "no order of the operations on a key explains the answers",
        }
    }
}

/// One thing that cannot be, and the operations that show it.
#[derive(Debug, Clone)]
pub struct Violation {
    /// What is broken.
    pub rule: Rule,
    /// In a sentence, for people.
    pub message: String,
    /// The operations that show it; none for a revision that nothing can have taken.
    pub operations: Vec<Operation>,
}

impl Violation {
    pub(super) fn new(rule: Rule, message: impl Into<String>, involved: &[&Operation]) -> Self {
        Self {
            rule,
            message: message.into(),
            operations: involved.iter().map(|&it| it.clone()).collect(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.message)?;
        for operation in &self.operations {
            let json = serde_json::to_string(operation).map_err(|_| fmt::Error)?;
            write!(f, "\n    {json}")?;
        }
        Ok(())
    }
}
