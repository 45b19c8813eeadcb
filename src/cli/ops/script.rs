//! What was written, in either form.

use bytes::Bytes;

use super::{json, text};
use crate::base::Result;
use crate::client::{Compare, Op};

/// One operation with what its outcome is told of.
pub(crate) struct Named {
    /// What it does.
    pub(crate) op: Op,
    /// Its word.
    pub(crate) name: &'static str,
    /// Its key, or the prefix of a range.
    pub(crate) key: Bytes,
}

/// A transaction as it was written.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) compares: Vec<Compare>,
    pub(crate) then: Vec<Named>,
    pub(crate) otherwise: Vec<Named>,
}

/// Reads a transaction, in either form.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn transaction(input: &[u8]) -> Result<Script> {
    if is_json(input) {
        json::transaction(input)
    } else {
        text::transaction(input)
    }
}

/// Reads a batch, in either form.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn batch(input: &[u8]) -> Result<Vec<Named>> {
    if is_json(input) {
        json::batch(input)
    } else {
        text::batch(input)
    }
}

fn is_json(input: &[u8]) -> bool {
    let first = input.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}
