//! `dkv cluster verify`: clients that record everything, against a live server, and a verdict on
//! what they saw.
//!
//! Invariant: what is not known is recorded as unknown, and a run in which nothing succeeded is
//! never called sound. Everything happens in a bucket that was made for it, and under locks that
//! are named after that bucket; both are gone afterwards. The rules are those of `check`.

mod command;
mod kept;
mod run;

mod bucket;
mod members;

mod asker;
mod load;

mod counts;
mod told;
mod words;

#[cfg(test)]
mod tests;

pub(super) use command::{VerifyArgs, run};
