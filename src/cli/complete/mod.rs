//! Completion: what may be typed next, with the names that a server knows.
//!
//! Invariant: whoever presses Tab waits a moment at most, sees no error, and changes nothing: a
//! server that does not answer, or that is not there, has no names.

mod answer;
mod asking;
mod kinds;
mod scripts;
mod typed;

pub(crate) use answer::{HIDDEN_WORD, answer, sifted};
pub(crate) use asking::{CANDIDATES_MAX, goes_on, names};
pub(crate) use kinds::{Asker, Kind, attach};
pub(crate) use scripts::script;
