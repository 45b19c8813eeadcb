//! Doors for fuzzing alone: files that are imported, and what people type.

use super::{ops, shell, transfer};

pub use shell::fuzzed::{statement_words, translated};
pub use transfer::fuzzed::{csv, json_line};

/// Reads a transaction, in either form; whether it is one.
pub fn transaction(input: &[u8]) -> bool {
    ops::transaction(input).is_ok()
}

/// Reads a batch, in either form; whether it is one.
pub fn batch(input: &[u8]) -> bool {
    ops::batch(input).is_ok()
}
