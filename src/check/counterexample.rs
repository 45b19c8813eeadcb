//! Of everything that is wrong with a history, the little that shows it best.

use crate::check::history::{Action, Found, Operation, Outcome};
use crate::check::verdict::{Rule, Violation};

/// Operations that one person can look through.
const SHOWN_MAX: usize = 8;

/// A violation among the operations around it.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// What is broken.
    pub rule: Rule,
    /// In a sentence, for people.
    pub message: String,
    /// The operations that contradict each other, and those on the same key or lock that one
    /// must know of to see it: by time, at least one, at most a few.
    pub operations: Vec<Operation>,
}

impl Counterexample {
    /// The clearest of some violations of a history; none if there are none.
    pub(super) fn of(history: &[Operation], violations: &[Violation]) -> Option<Self> {
        let clearest = violations.iter().min_by_key(|it| unclearness(it))?;
        Some(Self {
            rule: clearest.rule,
            message: clearest.message.clone(),
            operations: around(history, &clearest.operations),
        })
    }
}

/// Less is clearer: a sentence about operations on one key, that were all answered, and few of
/// them.
fn unclearness(violation: &Violation) -> (bool, bool, bool, usize) {
    let operations = &violation.operations;
    let subject = operations.first().and_then(subject);
    let is_of_many = operations.iter().any(|it| self::subject(it) != subject);
    let is_doubtful = operations.iter().any(Operation::is_unknown);
    (
        operations.is_empty(),
        is_of_many,
        is_doubtful || violation.rule == Rule::NoOrder,
        operations.len(),
    )
}

/// The key or the lock an operation is about.
fn subject(operation: &Operation) -> Option<(bool, &str)> {
    match &operation.action {
        Action::Get { key, .. } | Action::Set { key, .. } | Action::Delete { key, .. } => {
            Some((true, key))
        }
        Action::Acquire { lock, .. }
        | Action::Renew { lock, .. }
        | Action::Release { lock, .. } => Some((false, lock)),
        Action::Other { .. } => None,
    }
}

/// What is involved, with whoever wrote the values that are read, and the last changes of the
/// same key or lock before.
fn around(history: &[Operation], involved: &[Operation]) -> Vec<Operation> {
    let mut shown: Vec<&Operation> = involved.iter().collect();
    let Some(last) = involved.iter().max_by_key(|it| it.invoked_ns) else {
        return Vec::new();
    };
    let writers = history
        .iter()
        .filter(|it| involved.iter().any(|read| has_read(read, it)));
    let subjects: Vec<_> = involved.iter().filter_map(subject).collect();
    let mut changes: Vec<&Operation> = history
        .iter()
        .filter(|it| subject(it).is_some_and(|subject| subjects.contains(&subject)))
        .filter(|it| it.invoked_ns < last.returned_ns && may_have_changed(it))
        .collect();
    changes.sort_by_key(|it| std::cmp::Reverse(it.returned_ns));
    for operation in writers.chain(changes) {
        if shown.len() < SHOWN_MAX && !shown.contains(&operation) {
            shown.push(operation);
        }
    }
    shown.sort_by_key(|it| (it.invoked_ns, it.returned_ns));
    shown.into_iter().cloned().collect()
}

fn has_read(read: &Operation, writer: &Operation) -> bool {
    let Outcome::Read {
        found: Some(Found { value: read, .. }),
        ..
    } = &read.outcome
    else {
        return false;
    };
    matches!(&writer.action, Action::Set { value, .. } if value == read)
}

fn may_have_changed(operation: &Operation) -> bool {
    match operation.outcome {
        Outcome::Written { .. }
        | Outcome::Deleted { .. }
        | Outcome::Acquired { .. }
        | Outcome::Renewed { .. }
        | Outcome::Released { .. } => true,
        Outcome::Unknown { .. } => !matches!(operation.action, Action::Get { .. }),
        _ => false,
    }
}
