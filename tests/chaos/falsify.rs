//! A liar between the clients and the record: one answer is changed, and the checkers must see it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::check::history::{Action, Found, Outcome};

/// What is said instead of the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A read shows what the key held before.
    OldValue,
    /// A read shows nothing where there is something.
    Nothing,
    /// A conditional set that failed is said to have taken place.
    Written,
    /// A lock that is held is said to be granted.
    Granted,
    /// A delete that found nothing is said to have removed something.
    Deleted,
}

/// Tells one lie, after so many truths.
#[derive(Debug)]
pub(crate) struct Liar {
    lie: Lie,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    truths_left: u32,
    told: bool,
    /// What reads showed last, by key.
    seen: HashMap<String, Found>,
}

impl Liar {
    pub(crate) fn new(lie: Lie, after: u32) -> Self {
        let state = State {
            truths_left: after,
            told: false,
            seen: HashMap::new(),
        };
        Self {
            lie,
            state: Mutex::new(state),
        }
    }

    /// True once the lie was told.
    pub(crate) fn has_lied(&self) -> bool {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).told
    }

    /// What is recorded of an answer.
    pub(crate) fn pass(&self, action: &Action, outcome: Outcome) -> Outcome {
        let state = self.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let before = remember(&mut state, action, &outcome);
        if state.told || !fits(self.lie, &outcome, before.as_ref()) {
            return outcome;
        }
        if state.truths_left > 0 {
            state.truths_left -= 1;
            return outcome;
        }
        state.told = true;
        match (self.lie, outcome) {
            (Lie::OldValue, Outcome::Read { revision, .. }) => Outcome::Read {
                found: before,
                revision,
            },
            (Lie::Nothing, Outcome::Read { revision, .. }) => Outcome::Read {
                found: None,
                revision,
            },
            (Lie::Written, Outcome::NotWritten { revision }) => Outcome::Written {
                revision: revision.unwrap_or_default() + 1,
            },
            (Lie::Granted, Outcome::NotAcquired { revision }) => Outcome::Acquired {
                fence: revision.unwrap_or_default() + 1,
            },
            (Lie::Deleted, Outcome::NotDeleted { revision }) => Outcome::Deleted {
                revision: revision.unwrap_or_default() + 1,
            },
            (_, outcome) => outcome,
        }
    }
}

fn remember(state: &mut State, action: &Action, outcome: &Outcome) -> Option<Found> {
    match (action, outcome) {
        (
            Action::Get { key, .. },
            Outcome::Read {
                found: Some(found), ..
            },
        ) => state.seen.insert(key.clone(), found.clone()),
        _ => None,
    }
}

/// Whether an answer is one that can be lied about, so that it shows.
fn fits(lie: Lie, outcome: &Outcome, before: Option<&Found>) -> bool {
    match (lie, outcome) {
        (Lie::OldValue, Outcome::Read { found, revision }) => {
            // Reads overlap: the older of two is old only where the reply says it is.
            let is_older =
                |old: &Found| found.as_ref().is_some_and(|it| it.revision > old.revision);
            revision.is_some() && before.is_some_and(is_older)
        }
        (Lie::Nothing, Outcome::Read { found, revision }) => revision.is_some() && found.is_some(),
        (Lie::Written, Outcome::NotWritten { .. }) => true,
        (Lie::Granted, Outcome::NotAcquired { revision }) => revision.is_some(),
        (Lie::Deleted, Outcome::NotDeleted { .. }) => true,
        _ => false,
    }
}
