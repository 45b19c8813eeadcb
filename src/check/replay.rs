//! The check that trusts revisions: every reply claims a place in one order of all changes, so
//! the order is known, and what remains is to replay it.
//!
//! If nothing is found, the order of revisions, with each read after the change it names, is
//! itself the proof that the history is strictly serializable (Papadimitriou, "The
//! serializability of concurrent database updates", 1979; Herlihy and Wing, "Linearizability",
//! 1990, for real time): a witness needs no search. If something is found, the server contradicts
//! itself.

mod gaps;
mod keys;
mod locks;
mod order;
mod placed;

use crate::check::history::Operation;
use crate::check::verdict::Violation;

/// Checks a history that has everything that changed a shard since the revision `begins_at`, when
/// it had no keys and no locks. Every revision must have been taken by something in it.
///
/// # Panics
/// For a history that [`form::check`](crate::check::form::check) refuses.
#[must_use]
pub fn check(history: &[Operation], begins_at: u64) -> Vec<Violation> {
    let mut findings = Vec::new();
    let (placed, bounds) = replay(history, &mut findings);
    gaps::check(history, &placed, &bounds, begins_at, &mut findings);
    findings
}

/// Checks a history of some keys and some locks of a shard that others write to as well: nobody
/// else touches these, which were not there when it began.
///
/// The revisions between those of the history belong to others. A change that took a second
/// revision, of which no answer shows anything, is therefore not seen here; all else that
/// [`check`] finds is found.
///
/// # Panics
/// As [`check`].
#[must_use]
pub fn check_among_others(history: &[Operation]) -> Vec<Violation> {
    let mut findings = Vec::new();
    replay(history, &mut findings);
    findings
}

/// What both checks share: the places of changes, and where each operation can have taken place.
fn replay(
    history: &[Operation],
    findings: &mut Vec<Violation>,
) -> (placed::Placed, Vec<order::Bound>) {
    let placed = placed::place(history, findings);
    let bounds = order::bounds(history, &placed, findings);
    keys::check(history, &placed, &bounds, findings);
    locks::check(history, &bounds, findings);
    (placed, bounds)
}
