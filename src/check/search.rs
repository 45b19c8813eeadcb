//! The check that trusts no revision: for each key, is there any order of its operations that
//! keeps real time and explains every answer?
//!
//! Wing and Gong's search ("Testing and verifying concurrent objects", 1993) in Lowe's form
//! ("Testing for linearizability", 2017), key by key, as porcupine does it: the history is
//! walked event by event with the set of all configurations that explain it so far, and an
//! operation takes effect as late as its answer allows. What keeps the set small: equal
//! configurations are one; an operation that changes nothing takes effect as soon as it can; writes
//! without an answer whose values nobody saw are told apart by their conditions only, and a
//! configuration that used fewer of them makes others superfluous.

mod config;
mod key;

use std::collections::BTreeMap;

use crate::check::history::{Action, Operation, Outcome};
use crate::check::verdict::{Rule, Violation};
use config::Configs;
use key::{Event, KeyHistory};

/// Configurations to look at, beyond which a key is given up as undecided: some seconds.
const CONFIGS_MAX: usize = 2_000_000;
/// The same of all keys together, and of each key once they are used up: most need far fewer.
const CONFIGS_MAX_TOGETHER: usize = 20_000_000;
const CONFIGS_MAX_AFTERWARDS: usize = 20_000;

/// What the search found.
#[derive(Debug, Default)]
pub struct Searched {
    /// At most one for each key: the first answer that nothing explains.
    pub violations: Vec<Violation>,
    /// Keys that were looked at.
    pub keys: usize,
    /// Keys that would have taken too long: neither legal nor illegal.
    pub undecided: Vec<String>,
    /// Operations that were looked at.
    pub operations: usize,
}

/// Searches every key of a history, which were not there when it began. Stale reads, locks, and
/// what failed for sure are left out. A key is given up as undecided rather than searched for long.
///
/// # Panics
/// For a history that [`form::check`](crate::check::form::check) refuses.
#[must_use]
pub fn check(history: &[Operation]) -> Searched {
    let mut keys: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history.iter().filter(|it| counts(it)) {
        if let Some(key) = operation.key() {
            keys.entry(key).or_default().push(operation);
        }
    }
    let mut searched = Searched::default();
    let mut left = CONFIGS_MAX_TOGETHER;
    for (key, operations) in keys {
        searched.keys += 1;
        searched.operations += operations.len();
        let most = left.clamp(CONFIGS_MAX_AFTERWARDS, CONFIGS_MAX);
        let looked_at = search(key, &operations, most, &mut searched);
        left = left.saturating_sub(looked_at);
    }
    searched
}

fn counts(operation: &Operation) -> bool {
    let failed = matches!(
        operation.outcome,
        Outcome::Failed { .. } | Outcome::FenceStale
    );
    let asked_in_vain = operation.is_unknown() && matches!(operation.action, Action::Get { .. });
    !failed && !asked_in_vain && !operation.is_stale_read()
}

/// Searches one key, and says how many configurations it looked at.
fn search(key: &str, operations: &[&Operation], most: usize, searched: &mut Searched) -> usize {
    let Some(history) = KeyHistory::new(operations) else {
        searched.undecided.push(key.to_owned());
        return 0;
    };
    let mut configs = Configs::new(&history);
    let mut looked_at = 0;
    for event in history.events() {
        let at = match event {
            Event::Invoked(at) => {
                configs.invoke(at);
                continue;
            }
            Event::Returned(at) => at,
        };
        looked_at += configs.finish(at, most - looked_at);
        if configs.is_too_many() {
            searched.undecided.push(key.to_owned());
            break;
        }
        if configs.is_empty() {
            let involved = around(operations, at);
            let message = format!("no order of the operations on `{key}` explains this");
            let violation = Violation::new(Rule::NoOrder, message, &involved);
            searched.violations.push(violation);
            break;
        }
    }
    looked_at
}

/// The operation that cannot be explained, and those just before it, for people to look at.
fn around<'a>(operations: &[&'a Operation], at: usize) -> Vec<&'a Operation> {
    const BEFORE: usize = 6;
    let end = operations[at].returned_ns;
    let mut before: Vec<&Operation> = operations
        .iter()
        .copied()
        .filter(|it| it.invoked_ns < end && !std::ptr::eq(*it, operations[at]))
        .collect();
    before.sort_by_key(|it| std::cmp::Reverse(it.returned_ns.min(end)));
    let mut around = vec![operations[at]];
    around.extend(before.into_iter().take(BEFORE));
    around
}
