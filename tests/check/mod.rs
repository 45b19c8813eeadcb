//! Was what clients saw legal? Histories of operations, and two checkers that share no idea.
//!
//! The product has them, with what a client asks for, in `dkv::check`: `replay` and `search`. Here
//! are those that only tests need: [`txn`] judges what was read and written together, by what
//! transactions saw of each other; [`watched`] what watchers were told.
//!
//! Invariant: a checker never condemns a legal history. Where something cannot be known, such as
//! whether a write without an answer took place, it takes the kinder view. Nothing here knows
//! dkv: a history is all there is.
#![allow(
    dead_code,
    unused_imports,
    reason = "shared by several test crates, none of which needs everything"
)]

pub(crate) use dkv::check::{dice, knowledge as client, replay, search, verdict};

pub(crate) mod history;

pub(crate) mod txn;
pub(crate) mod watched;
