//! The replay of keys: every answer must be what the state at its revision gives.
//!
//! A write without an answer whose value nobody saw has no place of its own. It is held back until
//! an answer cannot be explained without it.

use std::collections::HashMap;

use crate::check::history::{Action, Condition, Operation, Outcome};
use crate::check::replay::order::{Bound, answered_at};
use crate::check::replay::placed::Placed;
use crate::check::verdict::{Rule, Violation};

/// What a key holds between two revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell<'a> {
    Absent,
    Holds {
        value: &'a str,
        revision: u64,
    },
    /// What somebody wrote who never heard of it, and nobody read.
    Unseen,
}

/// What an answer says a key must have held.
#[derive(Debug, Clone, Copy)]
enum Want<'a> {
    Absent,
    Present,
    Value(&'a str, Option<u64>),
    NotValue(&'a str),
}

#[derive(Debug, Default)]
struct Key<'a> {
    /// What it held from a revision on, ascending.
    timeline: Vec<(u64, Cell<'a>)>,
    /// Writes that may have taken place, and the revision each of them is above.
    unplaced: Vec<(u64, &'a Action)>,
    /// Those among them that had to explain an answer: somewhere at or below the revision of it.
    spent: Vec<(u64, &'a Action)>,
}

pub(super) fn check(
    history: &[Operation],
    placed: &Placed,
    bounds: &[Bound],
    findings: &mut Vec<Violation>,
) {
    let mut keys = unplaced(history, placed, bounds);
    for (at, is_change, operation) in in_order(history, placed) {
        let Some(key) = operation.key() else { continue };
        let key = keys.entry(key).or_default();
        let last = key.timeline.last().map_or(0, |(from, _)| *from);
        let before = key.cell();
        let satisfied = wants(operation, is_change).is_none_or(|want| key.demand(want, at));
        if !satisfied {
            findings.push(complaint(operation, is_change, at, before, last));
        }
        if is_change {
            key.timeline.push((at, after(operation, at)));
        }
    }
    for (operation, bound) in history.iter().zip(bounds) {
        let Some(key) = operation.key().filter(|_| answered_at(operation).is_none()) else {
            continue;
        };
        if let Some(want) = wants(operation, false)
            && !keys.entry(key).or_default().could(want, *bound)
        {
            let message = format!(
                "nowhere between the revisions {} and {} is this the answer",
                bound.low, bound.high
            );
            findings.push(Violation::new(Rule::State, message, &[operation]));
        }
    }
}

/// Changes, and answers after the change at their revision.
fn in_order<'a>(history: &'a [Operation], placed: &Placed) -> Vec<(u64, bool, &'a Operation)> {
    let mut events = Vec::new();
    for (operation, placed) in history.iter().zip(placed) {
        let is_write = matches!(operation.action, Action::Set { .. } | Action::Delete { .. });
        match placed {
            Some(at) if is_write => events.push((*at, true, operation)),
            _ => events.extend(answered_at(operation).map(|at| (at, false, operation))),
        }
    }
    events.sort_by_key(|(at, is_change, operation)| (*at, !is_change, operation.invoked_ns));
    events
}

fn unplaced<'a>(
    history: &'a [Operation],
    placed: &Placed,
    bounds: &[Bound],
) -> HashMap<&'a str, Key<'a>> {
    let mut keys: HashMap<&str, Key<'_>> = HashMap::new();
    for (at, operation) in history.iter().enumerate() {
        if let Some(key) = operation.key()
            && operation.is_unknown()
            && placed[at].is_none()
        {
            let unplaced = &mut keys.entry(key).or_default().unplaced;
            unplaced.push((bounds[at].low, &operation.action));
        }
    }
    keys
}

/// What must have held: just before a change, or where an answer was given.
fn wants(operation: &Operation, is_change: bool) -> Option<Want<'_>> {
    match (&operation.action, &operation.outcome) {
        (Action::Set { condition, .. }, _) if is_change => match condition.as_ref()? {
            Condition::Absent => Some(Want::Absent),
            Condition::Present => Some(Want::Present),
            Condition::Value(value) => Some(Want::Value(value, None)),
            Condition::Unchanged { revision, value } => Some(Want::Value(value, Some(*revision))),
        },
        (Action::Set { condition, .. }, Outcome::NotWritten { .. }) => match condition.as_ref()? {
            Condition::Absent => Some(Want::Present),
            Condition::Present => Some(Want::Absent),
            Condition::Value(value) | Condition::Unchanged { value, .. } => {
                Some(Want::NotValue(value))
            }
        },
        (Action::Delete { .. }, Outcome::Deleted { .. }) if is_change => Some(Want::Present),
        (Action::Delete { .. }, Outcome::NotDeleted { .. }) => Some(Want::Absent),
        (Action::Get { .. }, Outcome::Read { found, .. }) => match found {
            Some(found) => Some(Want::Value(&found.value, Some(found.revision))),
            None => Some(Want::Absent),
        },
        _ => None,
    }
}

fn after(operation: &Operation, at: u64) -> Cell<'_> {
    match &operation.action {
        Action::Set { value, .. } => Cell::Holds {
            value,
            revision: at,
        },
        _ => Cell::Absent,
    }
}

fn complaint(
    operation: &Operation,
    is_change: bool,
    at: u64,
    held: Cell<'_>,
    since: u64,
) -> Violation {
    let rule = if is_change {
        Rule::Condition
    } else {
        Rule::State
    };
    let held = match held {
        Cell::Absent => "was not there".to_owned(),
        Cell::Holds { value, .. } => format!("held `{value}`"),
        Cell::Unseen => "held something".to_owned(),
    };
    let message = format!("at {at} this cannot be: since {since} the key {held}");
    Violation::new(rule, message, &[operation])
}

impl<'a> Key<'a> {
    fn cell(&self) -> Cell<'a> {
        self.timeline.last().map_or(Cell::Absent, |(_, cell)| *cell)
    }

    /// True if the key can have held what is wanted at the revision `at`, which is not below any
    /// asked for before. Takes an unplaced write for it, if it has to: which of those that do
    /// is no matter, as all of them stay possible for ever.
    fn demand(&mut self, want: Want<'a>, at: u64) -> bool {
        if Self::fits(self.cell(), want) {
            return true;
        }
        let found = self
            .unplaced
            .iter()
            .position(|(above, action)| *above < at && gives(action, want).is_some());
        let Some(found) = found else { return false };
        let (above, action) = self.unplaced.swap_remove(found);
        self.spent.push((above, action));
        let cell = gives(action, want).expect("it was chosen because it does");
        self.timeline.push((at, cell));
        true
    }

    /// True if the key can have held what is wanted somewhere between two revisions.
    fn could(&self, want: Want<'a>, bound: Bound) -> bool {
        let starts = std::iter::once((0, Cell::Absent)).chain(self.timeline.iter().copied());
        let ends = self.timeline.iter().map(|(from, _)| from.saturating_sub(1));
        let held = starts.zip(ends.chain(std::iter::once(u64::MAX)));
        let mut within = held.filter(|((from, _), to)| *from <= bound.high && *to >= bound.low);
        within.any(|((_, cell), _)| Self::fits(cell, want))
            || self
                .unplaced
                .iter()
                .chain(&self.spent)
                .any(|(above, action)| *above < bound.high && gives(action, want).is_some())
    }

    fn fits(cell: Cell<'_>, want: Want<'_>) -> bool {
        match (want, cell) {
            (Want::Absent, Cell::Absent) => true,
            (Want::Absent, _) | (_, Cell::Absent) => matches!(want, Want::NotValue(_)),
            (Want::Present, _) => true,
            (
                Want::Value(value, revision),
                Cell::Holds {
                    value: held,
                    revision: at,
                },
            ) => value == held && revision.is_none_or(|revision| revision == at),
            // Whoever wrote it knows the value without having read it.
            (Want::Value(_, revision), Cell::Unseen) => revision.is_none(),
            (Want::NotValue(value), Cell::Holds { value: held, .. }) => value != held,
            (Want::NotValue(_), Cell::Unseen) => true,
        }
    }
}

/// What the key holds after a write of unknown outcome, if that is what is wanted.
fn gives<'a>(action: &Action, want: Want<'a>) -> Option<Cell<'a>> {
    match (action, want) {
        (Action::Delete { .. }, Want::Absent | Want::NotValue(_)) => Some(Cell::Absent),
        (Action::Set { .. }, Want::Present) => Some(Cell::Unseen),
        (Action::Set { value, .. }, Want::NotValue(other)) => {
            (value != other).then_some(Cell::Unseen)
        }
        (Action::Set { value, .. }, Want::Value(wanted, None)) => {
            (value == wanted).then_some(Cell::Unseen)
        }
        _ => None,
    }
}
