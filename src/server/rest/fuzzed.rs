//! Doors for fuzzing alone: what stands in heads and paths.

use super::event::Mark;
use super::percent;
use crate::base::Result;

/// Reads where a reader of events goes on.
///
/// # Errors
/// Why it is refused.
///
/// # Panics
/// If it is another when it was written again.
pub fn mark(text: &str) -> Result<()> {
    let mark = Mark::parse(text)?;
    assert_eq!(Mark::parse(&mark.to_string())?, mark);
    Ok(())
}

/// Decodes a part of a path, and of a query.
///
/// # Errors
/// Why it is refused.
pub fn percent(text: &str) -> Result<()> {
    percent::decode(text)
        .and(percent::decode_query(text))
        .map(drop)
}
