//! Write skew: transactions that each look whether the other of two keys is there, and set theirs
//! if not, must never both succeed. (Berenson et al., "A critique of ANSI SQL isolation levels",
//! 1995, A5B.)

use std::collections::{BTreeMap, BTreeSet};

use super::told::{Anomaly, Kind, Step, Transaction};

/// A change to one side of a pair.
#[derive(Clone, Copy)]
struct Change<'a> {
    is_left: bool,
    is_there: bool,
    transaction: &'a Transaction,
}

/// See the module.
pub(crate) fn check(history: &[Transaction]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    // By pair and revision.
    let mut changes: BTreeMap<(&str, u64), Change<'_>> = BTreeMap::new();
    // Sides that somebody may have cleared who never heard of it, and maybe much later.
    let mut perhaps_cleared: BTreeSet<(&str, bool)> = BTreeSet::new();
    for transaction in history {
        for step in &transaction.steps {
            match step {
                Step::Pair {
                    pair,
                    left: Some(left),
                    right: Some(right),
                } if transaction.is_committed() => {
                    let message = format!("{pair} has both `{left}` and `{right}`");
                    anomalies.push(Anomaly::new(Kind::Skew, message, &[transaction]));
                }
                Step::Posted {
                    pair,
                    is_left,
                    is_there,
                } => {
                    if transaction.is_unknown() && !is_there {
                        perhaps_cleared.insert((pair, *is_left));
                    }
                    let committed = transaction.is_committed();
                    if let Some(revision) = transaction.revision.filter(|_| committed) {
                        let (is_left, is_there) = (*is_left, *is_there);
                        let change = Change {
                            is_left,
                            is_there,
                            transaction,
                        };
                        changes.insert((pair, revision), change);
                    }
                }
                _ => {}
            }
        }
    }
    let mut there: BTreeMap<(&str, bool), Change<'_>> = BTreeMap::new();
    for ((pair, revision), change) in changes {
        there.remove(&(pair, change.is_left));
        if !change.is_there {
            continue;
        }
        let other = there.get(&(pair, !change.is_left));
        if let Some(other) = other.filter(|_| !perhaps_cleared.contains(&(pair, !change.is_left))) {
            let message = format!("one side of {pair} was set at {revision}, the other was there");
            let involved = [other.transaction, change.transaction];
            anomalies.push(Anomaly::new(Kind::Skew, message, &involved));
        }
        there.insert((pair, change.is_left), change);
    }
    anomalies
}
