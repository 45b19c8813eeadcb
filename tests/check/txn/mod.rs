//! Were transactions what they claim to be? What clients read and wrote together, and checkers of
//! it that know nothing of revisions but what a reply says.
//!
//! [`player`] decides what a client asks, [`told`] is what is recorded of it, and each checker
//! looks at one kind of step: [`lists`] at appends and reads of lists (a cycle of dependencies),
//! [`bank`] at a sum that must stay the same, [`skew`] at two keys of which one at most may be
//! there, [`sums`] at additions that must count exactly once, [`lane`] at what a client sees of its
//! own writes.
//!
//! Invariant: no legal history is condemned. A transaction without an answer may have taken
//! place, may take place later, or never.

pub(crate) mod asked;
pub(crate) mod player;
pub(crate) mod told;

pub(crate) mod bank;
pub(crate) mod lane;
pub(crate) mod lists;
pub(crate) mod skew;
pub(crate) mod sums;

mod cycle;
mod graph;
mod workload;
