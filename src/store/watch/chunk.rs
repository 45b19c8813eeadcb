//! Reading the history a piece at a time.

use std::sync::Arc;

use super::mailbox::weight;
use crate::base::types::Revision;
use crate::base::{Result, mutant};
use crate::machine::{Event, Machine};

/// Events in one chunk, about: what is read under the machine's lock at once, ...
const EVENTS: usize = 1_024;

/// ... their bytes, about, ...
const BYTES: usize = 1 << 20;

/// ... and how many are looked at for them: writers wait meanwhile.
const LOOKED_AT: usize = 4 * EVENTS;

/// Events of whole revisions.
pub(super) struct Chunk {
    pub(super) events: Vec<Arc<Event>>,
    /// All that was wanted up to this revision is here.
    pub(super) through: Revision,
    /// Nothing was applied after that, when it was read.
    pub(super) is_last: bool,
}

/// The events after a revision that `wants` takes, as many as one look gives: of one
/// revision at least.
///
/// # Errors
/// `Compacted` if some of them are gone.
pub(super) fn read(
    machine: &Machine,
    after: Revision,
    wants: impl Fn(&Event) -> bool,
) -> Result<Chunk> {
    let mut chunk = Chunk {
        events: Vec::new(),
        through: after,
        is_last: false,
    };
    let mut bytes = 0;
    let first = match mutant::is_on("resumption-skips-one") {
        true => after.next().next(),
        false => after.next(),
    };
    let from = machine.history().events_from(first)?;
    for (looked_at, event) in from.enumerate() {
        let is_enough = chunk.events.len() >= EVENTS || bytes >= BYTES || looked_at >= LOOKED_AT;
        if is_enough && event.revision > chunk.through {
            return Ok(chunk);
        }
        chunk.through = event.revision;
        if wants(event) {
            bytes += weight(event);
            chunk.events.push(event.clone());
        }
    }
    // The last revisions may have changed no key.
    chunk.through = machine.state().revision.max(after);
    chunk.is_last = true;
    Ok(chunk)
}
