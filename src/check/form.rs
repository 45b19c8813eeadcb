//! What a history must be like to be judged: what no recorder writes is refused before a checker
//! draws conclusions from it.

use std::collections::HashSet;

use crate::base::{Error, Result};
use crate::check::history::{Action, Operation, Outcome};

/// No counter of a shard comes so far.
const REVISION_MAX: u64 = 1 << 62;

/// Makes sure that both checkers can judge a history: nothing returned before it was invoked,
/// every answer is one to its question, and every set has a value of its own.
///
/// # Errors
/// `Invalid`, naming the operation by its line in a file, from 1.
pub fn check(history: &[Operation]) -> Result<()> {
    let mut values = HashSet::new();
    for (line, operation) in (1..).zip(history) {
        let refuse = |why: &str| {
            Err(Error::invalid(format!(
                "line {line} is nothing that a client can have recorded: {why}"
            )))
        };
        if operation.returned_ns < operation.invoked_ns {
            return refuse("it returned before it was invoked");
        }
        if !answers(operation) {
            return refuse("the outcome is no answer to the action");
        }
        if revisions(&operation.outcome).any(|it| it > REVISION_MAX) {
            return refuse("a shard has not so many revisions");
        }
        if let Action::Set { value, .. } = &operation.action
            && !values.insert(value.as_str())
        {
            return refuse(
                "another set has the same value, so that readers cannot tell them apart",
            );
        }
    }
    Ok(())
}

/// Whether the outcome is one that the action can have.
fn answers(operation: &Operation) -> bool {
    let always = matches!(
        operation.outcome,
        Outcome::Failed { .. } | Outcome::Unknown { .. }
    );
    let fitting = match (&operation.action, &operation.outcome) {
        (Action::Get { .. }, Outcome::Read { .. })
        | (Action::Set { .. }, Outcome::Written { .. } | Outcome::FenceStale)
        | (
            Action::Delete { .. },
            Outcome::Deleted { .. } | Outcome::NotDeleted { .. } | Outcome::FenceStale,
        )
        | (Action::Acquire { .. }, Outcome::Acquired { .. } | Outcome::NotAcquired { .. })
        | (Action::Renew { .. }, Outcome::Renewed { .. } | Outcome::NotRenewed { .. })
        | (Action::Release { .. }, Outcome::Released { .. } | Outcome::NotReleased { .. })
        | (Action::Other { .. }, Outcome::Written { .. } | Outcome::NotWritten { .. }) => true,
        (Action::Set { condition, .. }, Outcome::NotWritten { .. }) => condition.is_some(),
        _ => false,
    };
    always || fitting
}

/// Every revision that an outcome names.
fn revisions(outcome: &Outcome) -> impl Iterator<Item = u64> {
    let (one, other) = match outcome {
        Outcome::Read { found, revision } => (found.as_ref().map(|it| it.revision), *revision),
        Outcome::Written { revision } | Outcome::Deleted { revision } => (Some(*revision), None),
        Outcome::Acquired { fence } => (Some(*fence), None),
        Outcome::Renewed { fence, revision } => (Some(*fence), *revision),
        Outcome::NotWritten { revision }
        | Outcome::NotDeleted { revision }
        | Outcome::NotAcquired { revision }
        | Outcome::NotRenewed { revision }
        | Outcome::Released { revision }
        | Outcome::NotReleased { revision } => (*revision, None),
        Outcome::FenceStale | Outcome::Failed { .. } | Outcome::Unknown { .. } => (None, None),
    };
    one.into_iter().chain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: &str, outcome: Outcome) -> Operation {
        Operation {
            client: 1,
            node: "any".to_owned(),
            invoked_ns: 10,
            returned_ns: 20,
            action: Action::Set {
                key: "a".to_owned(),
                value: value.to_owned(),
                condition: None,
                fence: None,
            },
            outcome,
        }
    }

    #[track_caller]
    fn refused(history: &[Operation], about: &str) {
        let error = check(history).unwrap_err();
        assert!(error.message().contains(about), "{error}");
    }

    #[test]
    fn what_cannot_have_been_recorded_is_named() {
        let good = set("x", Outcome::Written { revision: 1 });
        check(std::slice::from_ref(&good)).unwrap();
        refused(&[good.clone(), good.clone()], "line 2");
        let early = Operation {
            returned_ns: 5,
            ..good.clone()
        };
        refused(&[early], "before it was invoked");
        let unasked = set("x", Outcome::NotWritten { revision: None });
        refused(&[unasked], "no answer to the action");
        refused(&[set("x", Outcome::Acquired { fence: 1 })], "no answer");
        let endless = set("x", Outcome::Written { revision: u64::MAX });
        refused(&[endless], "so many revisions");
    }
}
