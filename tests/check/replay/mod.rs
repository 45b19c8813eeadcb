//! The check that trusts revisions: every reply claims a place in one order of all changes, so
//! the order is known, and what remains is to replay it.
//!
//! If nothing is found, the order of revisions, with each read after the change it names, is
//! itself the proof that the history is strictly serializable. If something is found, the server
//! contradicts itself.

mod gaps;
mod keys;
mod locks;
mod order;
mod placed;

use super::history::Operation;
use super::verdict::Violation;

/// Checks a history that began when the shard was at the revision `begins_at`, with no keys and
/// no locks.
pub(crate) fn check(history: &[Operation], begins_at: u64) -> Vec<Violation> {
    let mut findings = Vec::new();
    let placed = placed::place(history, &mut findings);
    let bounds = order::bounds(history, &placed, &mut findings);
    keys::check(history, &placed, &bounds, &mut findings);
    locks::check(history, &bounds, &mut findings);
    gaps::check(history, &placed, &bounds, begins_at, &mut findings);
    findings
}
