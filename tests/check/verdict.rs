//! What a checker says.

use std::fmt;

use super::history::Operation;

/// What a history breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
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

/// One thing that cannot be, and the operations that show it.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) message: String,
    pub(crate) operations: Vec<Operation>,
}

impl Violation {
    pub(crate) fn new(rule: Rule, message: impl Into<String>, involved: &[&Operation]) -> Self {
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
