//! Real time: what began after something had ended comes after it in the order of revisions.

use std::collections::HashSet;

use crate::check::history::{Action, Operation, Outcome};
use crate::check::replay::placed::Placed;
use crate::check::verdict::{Rule, Violation};

/// Where in the order of revisions an operation can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    /// The greatest revision that somebody knew of before it began.
    pub(super) low: u64,
    /// One less than the least revision of a change that began after it had ended.
    pub(super) high: u64,
}

/// The revision an answer was given at, where it says so. Changes are not asked.
pub(super) fn answered_at(operation: &Operation) -> Option<u64> {
    match &operation.outcome {
        Outcome::Read { revision, .. }
        | Outcome::NotWritten { revision }
        | Outcome::NotDeleted { revision }
        | Outcome::NotAcquired { revision }
        | Outcome::NotRenewed { revision }
        | Outcome::Released { revision }
        | Outcome::NotReleased { revision } => *revision,
        _ => None,
    }
}

/// The greatest revision an answer proves to exist.
fn witness(operation: &Operation, placed: Option<u64>) -> Option<u64> {
    match &operation.outcome {
        // A read may have placed it; whoever asked still knows nothing.
        Outcome::Unknown { .. } => None,
        Outcome::Read {
            found: Some(found),
            revision,
        } => (*revision).max(Some(found.revision)),
        Outcome::Renewed { fence, revision } => (*revision).max(Some(*fence)),
        _ => placed.max(answered_at(operation)),
    }
}

/// The bounds of every operation; complains about those that say they are elsewhere.
pub(super) fn bounds(
    history: &[Operation],
    placed: &Placed,
    findings: &mut Vec<Violation>,
) -> Vec<Bound> {
    let mut bounds = vec![
        Bound {
            low: 0,
            high: u64::MAX
        };
        history.len()
    ];
    let mut by_start: Vec<usize> = (0..history.len()).collect();
    by_start.sort_by_key(|&at| history[at].invoked_ns);
    let mut by_end = by_start.clone();
    by_end.sort_by_key(|&at| history[at].returned_ns);

    let mut asked = HashSet::new();
    let mut ended = by_end.iter().copied().peekable();
    let mut known: Option<(u64, usize)> = None;
    for &at in &by_start {
        while let Some(before) =
            ended.next_if(|&it| history[it].returned_ns < history[at].invoked_ns)
        {
            let witness = witness(&history[before], placed[before]);
            known = known.max(witness.map(|revision| (revision, before)));
        }
        // An owner that asks again for a lock it holds is told its old fence.
        let asks_again = match &history[at].action {
            Action::Acquire { lock, owner, .. } => !asked.insert((lock, owner)),
            _ => false,
        };
        if let Some((low, before)) = known {
            bounds[at].low = low;
            let placed = placed[at].filter(|_| !asks_again);
            too_low(&history[at], placed, low, &history[before], findings);
        }
    }

    let mut later = by_start.iter().rev().copied().peekable();
    let mut high = u64::MAX;
    for &at in by_end.iter().rev() {
        while let Some(after) =
            later.next_if(|&it| history[it].invoked_ns > history[at].returned_ns)
        {
            high = high.min(placed[after].map_or(u64::MAX, |revision| revision.saturating_sub(1)));
        }
        // What is unknown may take place after its client gave up.
        if !history[at].is_unknown() {
            bounds[at].high = high;
        }
    }
    bounds
}

fn too_low(
    operation: &Operation,
    placed: Option<u64>,
    low: u64,
    before: &Operation,
    findings: &mut Vec<Violation>,
) {
    if let Some(revision) = placed.filter(|revision| *revision <= low) {
        let message =
            format!("a change at {revision} began after somebody knew of the revision {low}");
        let rule = match operation.outcome {
            Outcome::Acquired { .. } => Rule::Fence,
            _ => Rule::Order,
        };
        findings.push(Violation::new(rule, message, &[before, operation]));
    }
    let answered = answered_at(operation).filter(|_| !operation.is_stale_read());
    if let Some(revision) = answered.filter(|revision| *revision < low) {
        let message = format!(
            "an answer as of {revision} was asked for after somebody knew of the revision {low}"
        );
        findings.push(Violation::new(Rule::Order, message, &[before, operation]));
    }
}
