//! Which revision each change took: its reply says so, or a read that shows its value.

use std::collections::{BTreeMap, HashMap};

use crate::check::history::{Action, Found, Operation, Outcome};
use crate::check::verdict::{Rule, Violation};

/// The revision of each operation that is known to have changed something, by position.
pub(super) type Placed = Vec<Option<u64>>;

pub(super) fn place(history: &[Operation], findings: &mut Vec<Violation>) -> Placed {
    let mut placed: Placed = history.iter().map(confirmed).collect();
    let writers = writers(history);
    for read in history {
        let Outcome::Read {
            found: Some(found),
            revision,
        } = &read.outcome
        else {
            continue;
        };
        if revision.is_some_and(|revision| revision < found.revision) {
            let message = "a read shows a change that is later than the read";
            findings.push(Violation::new(Rule::Future, message, &[read]));
        }
        match writers.get(found.value.as_str()) {
            Some(&at) if history[at].key() == read.key() => {
                seen(read, found, &history[at], &mut placed[at], findings);
            }
            _ => {
                let message = format!("nobody ever wrote `{}` to this key", found.value);
                findings.push(Violation::new(Rule::Invented, message, &[read]));
            }
        }
    }
    twice(history, &placed, findings);
    placed
}

/// What a reply says about the revision of a change.
fn confirmed(operation: &Operation) -> Option<u64> {
    match &operation.outcome {
        Outcome::Written { revision } | Outcome::Deleted { revision } => Some(*revision),
        Outcome::Acquired { fence } => Some(*fence),
        Outcome::Renewed { revision, .. } => *revision,
        // A release of what was over already changes nothing, and its reply looks the same.
        _ => None,
    }
}

fn writers(history: &[Operation]) -> HashMap<&str, usize> {
    let mut writers = HashMap::new();
    for (at, operation) in history.iter().enumerate() {
        if let Action::Set { value, .. } = &operation.action {
            let earlier = writers.insert(value.as_str(), at);
            assert!(
                earlier.is_none(),
                "two sets of `{value}`: values are unique"
            );
        }
    }
    writers
}

/// A read shows what `writer` wrote.
fn seen(
    read: &Operation,
    found: &Found,
    writer: &Operation,
    placed: &mut Option<u64>,
    findings: &mut Vec<Violation>,
) {
    let mut complain = |rule, message: String| {
        findings.push(Violation::new(rule, message, &[writer, read]));
    };
    if writer.invoked_ns > read.returned_ns {
        let message = format!("`{}` was read before anybody wrote it", found.value);
        complain(Rule::Future, message);
    }
    match &writer.outcome {
        Outcome::Written { .. } | Outcome::Unknown { .. } => {}
        Outcome::NotWritten { .. } => {
            let message = format!("`{}` is there, though its condition failed", found.value);
            complain(Rule::FailedButThere, message);
            return;
        }
        Outcome::FenceStale => {
            let message = format!("`{}` is there, though its fence was stale", found.value);
            complain(Rule::FailedButThere, message);
            return;
        }
        _ => {
            let message = format!("`{}` is there, though its set failed for sure", found.value);
            complain(Rule::FailedButThere, message);
            return;
        }
    }
    match *placed {
        Some(revision) if revision != found.revision => {
            let message = format!(
                "`{}` was written at {revision} and again at {}",
                found.value, found.revision
            );
            complain(Rule::AppliedTwice, message);
        }
        _ => *placed = Some(found.revision),
    }
}

/// A revision is taken by one change. (An owner that asks again for a lock it holds is told its
/// fence again.)
fn twice(history: &[Operation], placed: &Placed, findings: &mut Vec<Violation>) {
    let mut taken: BTreeMap<u64, &Operation> = BTreeMap::new();
    for (operation, revision) in history.iter().zip(placed) {
        let Some(revision) = revision else { continue };
        if let Some(other) = taken.insert(*revision, operation)
            && !is_same_grant(operation, other)
        {
            let grants = matches!(
                (&operation.outcome, &other.outcome),
                (Outcome::Acquired { .. }, Outcome::Acquired { .. })
            );
            let rule = if grants {
                Rule::Fence
            } else {
                Rule::RevisionTwice
            };
            let message = format!("two changes at the revision {revision}");
            findings.push(Violation::new(rule, message, &[other, operation]));
        }
    }
}

fn is_same_grant(one: &Operation, other: &Operation) -> bool {
    match (&one.action, &other.action) {
        (
            Action::Acquire { lock, owner, .. },
            Action::Acquire {
                lock: other_lock,
                owner: other_owner,
                ..
            },
        ) => lock == other_lock && owner == other_owner,
        _ => false,
    }
}
