//! Was what clients saw legal? Histories of operations, and two checkers that share no idea.
//!
//! [`replay`] trusts the revisions of replies and checks the whole history in one pass: writes,
//! reads, conditions, locks and fences. [`search`] trusts nothing but real time and looks, key by
//! key, for any order that explains the answers. [`txn`] judges what was read and written together,
//! by what transactions saw of each other; [`watched`] what watchers were told.
//!
//! Invariant: a checker never condemns a legal history. Where something cannot be known, such as
//! whether a write without an answer took place, it takes the kinder view. Nothing here knows
//! dkv: a history is all there is.
#![allow(
    dead_code,
    reason = "shared by several test crates, none of which needs everything"
)]

pub(crate) mod client;
pub(crate) mod dice;

pub(crate) mod history;
pub(crate) mod verdict;

pub(crate) mod replay;
pub(crate) mod search;

pub(crate) mod txn;
pub(crate) mod watched;
