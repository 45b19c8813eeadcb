//! The checkers of histories, checked: on histories with known verdicts, on random ones that are
//! legal by their making, and against a search without any cleverness.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these tests stand outside the product"
)]

#[path = "mod.rs"]
mod check;

mod among_others;
mod anomalies;
mod brute;
mod illegal;
mod legal;
mod random;
mod rehearsal;
mod simulated;
mod tale;
mod watchers;
