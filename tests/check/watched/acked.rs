//! Is everything in the log that was confirmed to a client?

use super::log::Log;
use super::told::Kind;
use crate::check::history::{Action, Operation, Outcome};
use crate::check::txn::told::{Step, Transaction};

/// The first thing that was confirmed at a revision, and is not in the log there.
pub(crate) fn missing(history: &[Transaction], log: &Log) -> Option<String> {
    let committed = history.iter().filter(|it| it.is_committed());
    for transaction in committed {
        let Some(revision) = transaction.revision.filter(|it| *it >= log.from) else {
            continue;
        };
        for step in &transaction.steps {
            if !all_of(step).iter().all(|it| it.is_in(log, revision)) {
                return Some(format!(
                    "{step:?} was confirmed at {revision}, and is not there"
                ));
            }
        }
    }
    None
}

/// The same of what was written alone.
pub(crate) fn missing_write(history: &[Operation], log: &Log) -> Option<String> {
    history.iter().find_map(|operation| {
        let (change, revision) = match (&operation.action, &operation.outcome) {
            (Action::Set { key, value, .. }, Outcome::Written { revision }) => {
                (Change::set(key, value), *revision)
            }
            (Action::Delete { key, .. }, Outcome::Deleted { revision }) => {
                (Change::delete(key), *revision)
            }
            _ => return None,
        };
        let is_there = revision < log.from || change.is_in(log, revision);
        let action = &operation.action;
        let missing = || format!("{action:?} was confirmed at {revision}, and is not there");
        (!is_there).then(missing)
    })
}

/// How a key must have changed.
struct Change {
    key: String,
    kind: Kind,
    /// How its value ends, of a set.
    ending: String,
}

impl Change {
    fn set(key: impl Into<String>, ending: &impl ToString) -> Self {
        Self {
            key: key.into(),
            kind: Kind::Set,
            ending: ending.to_string(),
        }
    }

    fn delete(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            kind: Kind::Delete,
            ending: String::new(),
        }
    }

    fn is_in(&self, log: &Log, revision: u64) -> bool {
        let event = log.get(revision, &self.key);
        let event = event.filter(|it| it.kind == self.kind);
        event.is_some_and(|it| {
            it.value
                .as_deref()
                .unwrap_or_default()
                .ends_with(&self.ending)
        })
    }
}

fn all_of(step: &Step) -> Vec<Change> {
    match step {
        Step::Append { list, element } => vec![Change::set(list, element)],
        Step::Moved { from, to, .. } => vec![Change::set(from, &""), Change::set(to, &"")],
        Step::Added { counter, now, .. } => {
            let ending = now.map_or_else(String::new, |now| now.to_string());
            vec![Change::set(counter, &ending)]
        }
        Step::Posted {
            pair,
            is_left,
            is_there,
        } => {
            let side = if *is_left { "left" } else { "right" };
            let key = format!("{pair}-{side}");
            vec![match is_there {
                true => Change::set(key, &""),
                false => Change::delete(key),
            }]
        }
        // Keys of buckets are not watched, and reads change nothing.
        _ => Vec::new(),
    }
}
