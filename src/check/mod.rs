//! Was what clients saw legal? Histories of operations, and two checkers that share no idea.
//!
//! [`replay`] trusts the revisions of replies and checks the whole history in one pass: writes,
//! reads, conditions, locks and fences. [`search`] trusts nothing but real time and looks, key by
//! key, for any order that explains the answers. [`judge`](judge()) asks both. [`knowledge`] is
//! what a client asks for so that its answers are worth being judged.
//!
//! Invariant: a checker never condemns a legal history. Where something cannot be known, such as
//! whether a write without an answer took place, it takes the kinder view. Nothing here knows
//! how dkv works: a history is all there is.

pub mod form;
pub mod history;
pub mod verdict;

pub mod replay;
pub mod search;

mod counterexample;
mod judge;

pub mod dice;
pub mod knowledge;

pub use counterexample::Counterexample;
pub use judge::{Judged, judge};
