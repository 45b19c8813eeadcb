//! Every revision was taken by something: a change that was confirmed, one whose outcome is
//! unknown, or the end of a lease. A revision that nothing can have taken is a write that was
//! applied twice, or that nobody asked for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use crate::check::history::{Action, Operation, Outcome};
use crate::check::replay::order::{Bound, answered_at};
use crate::check::replay::placed::Placed;
use crate::check::verdict::{Rule, Violation};

pub(super) fn check(
    history: &[Operation],
    placed: &Placed,
    bounds: &[Bound],
    begins_at: u64,
    findings: &mut Vec<Violation>,
) {
    let taken: BTreeSet<u64> = placed.iter().flatten().copied().collect();
    let answered = history.iter().filter_map(answered_at);
    let last = answered.chain(taken.last().copied()).max().unwrap_or(0);
    let mut floating = floating(history, placed, bounds);
    floating.sort_unstable();
    let mut next = floating.into_iter().peekable();
    // Points in ascending order, each given to the open interval that ends first: if any
    // assignment exists, this one is one.
    let mut open = BinaryHeap::new();
    for revision in (begins_at + 1..=last).filter(|revision| !taken.contains(revision)) {
        while let Some((_, high)) = next.next_if(|(low, _)| *low <= revision) {
            open.push(Reverse(high));
        }
        while open.peek().is_some_and(|Reverse(high)| *high < revision) {
            open.pop();
        }
        if open.pop().is_none() {
            let message = format!("no operation can have taken the revision {revision}");
            findings.push(Violation::new(Rule::Unexplained, message, &[]));
            return;
        }
    }
}

/// The revisions that are taken by something, nobody knows where: from and to, both included.
fn floating(history: &[Operation], placed: &Placed, bounds: &[Bound]) -> Vec<(u64, u64)> {
    let mut floating = ends_of_grants(history, bounds);
    for ((operation, placed), bound) in history.iter().zip(placed).zip(bounds) {
        let ever = (bound.low + 1, u64::MAX);
        let during = (bound.low + 1, bound.high);
        match (&operation.action, &operation.outcome) {
            // The grant and its end; and, had it waited, the claim of it.
            (Action::Acquire { waits, .. }, Outcome::Unknown { .. }) => {
                floating.extend([ever, ever]);
                floating.extend(waits.then_some(ever));
            }
            (Action::Acquire { waits: true, .. }, Outcome::Acquired { fence }) => {
                floating.push((fence + 1, bound.high));
            }
            // It may have been granted, and passed on before the caller claimed it.
            (Action::Acquire { waits: true, .. }, Outcome::NotAcquired { .. }) => {
                floating.extend([during, ever]);
            }
            (Action::Renew { .. }, Outcome::Renewed { revision: None, .. }) => {
                floating.push(during);
            }
            // A release is the end of a grant.
            (Action::Get { .. } | Action::Release { .. }, _) => {}
            (_, Outcome::Unknown { .. }) if placed.is_none() => floating.push(ever),
            _ => {}
        }
    }
    floating
}

/// Each grant ends once: before the lock is granted again, and before its owner hears that it
/// was released.
fn ends_of_grants(history: &[Operation], bounds: &[Bound]) -> Vec<(u64, u64)> {
    let mut grants: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    let mut released: HashMap<(&str, &str), u64> = HashMap::new();
    for (operation, bound) in history.iter().zip(bounds) {
        match (&operation.action, &operation.outcome) {
            (Action::Acquire { lock, owner, .. }, Outcome::Acquired { fence }) => {
                grants.insert((lock, *fence), owner);
            }
            (Action::Release { lock, owner }, Outcome::Released { revision }) => {
                let by = revision.unwrap_or(bound.high);
                let first = released.entry((lock, owner)).or_insert(by);
                *first = by.min(*first);
            }
            _ => {}
        }
    }
    let ends = grants.iter().map(|(&(lock, fence), &owner)| {
        let next = grants.range((lock, fence + 1)..(lock, u64::MAX)).next();
        let next = next.map_or(u64::MAX, |((_, fence), _)| *fence);
        let by = released.get(&(lock, owner)).copied().unwrap_or(u64::MAX);
        (fence + 1, next.min(by))
    });
    ends.collect()
}
