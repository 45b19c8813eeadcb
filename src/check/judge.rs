//! Both checkers on one history, and what they say together.

use crate::check::counterexample::Counterexample;
use crate::check::history::Operation;
use crate::check::verdict::Violation;
use crate::check::{replay, search};

/// What both checkers say of a history.
#[derive(Debug)]
pub struct Judged {
    /// What the replay found, then what the search found.
    pub violations: Vec<Violation>,
    /// The clearest of them, with what one needs to see it.
    pub counterexample: Option<Counterexample>,
    /// Keys that the search looked at.
    pub keys: usize,
    /// Those of them that it gave up: the replay alone vouches for them.
    pub undecided: Vec<String>,
}

/// Judges what some clients saw of keys and locks that were theirs alone, and were not there when
/// they began, in a shard that others write to as well.
///
/// Nothing found means: there is an order of all operations that explains every answer and that
/// keeps real time, by the word of the revisions, and again without it for every key that is not
/// undecided.
///
/// # Panics
/// For a history that [`form::check`](crate::check::form::check) refuses.
#[must_use]
pub fn judge(history: &[Operation]) -> Judged {
    let mut violations = replay::check_among_others(history);
    let searched = search::check(history);
    violations.extend(searched.violations);
    Judged {
        counterexample: Counterexample::of(history, &violations),
        violations,
        keys: searched.keys,
        undecided: searched.undecided,
    }
}
