//! Batches and transactions as people write them: lines of words, or one JSON document.
//!
//! Invariant: what is read is checked for its shape only; what it means is up to the
//! server. Every refusal names the line, or the place in the document.

mod json;
mod outcome;
mod script;
mod text;
mod words;

pub(crate) use outcome::outcome_row;
pub(crate) use script::{Named, batch, transaction};
