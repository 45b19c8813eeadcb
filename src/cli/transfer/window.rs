//! The writes that are under way at once: many, but never two of the same key.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::feed::Place;
use super::write::Refusal;
use crate::base::limits;

/// Writes under way.
///
/// Invariant: a key is in at most one of them, so that of two lines with one key the later
/// is written later, whatever becomes of the connection in between.
#[derive(Default)]
pub(super) struct Window {
    writes: FuturesUnordered<Pin<Box<dyn Future<Output = Done>>>>,
    keys: HashMap<Bytes, Place>,
    bytes: usize,
}

/// A write that is over.
pub(super) struct Done {
    pub(super) place: Place,
    pub(super) result: Result<(), Refusal>,
    key: Bytes,
    bytes: usize,
}

impl Window {
    /// True if a write of this key and so many bytes may begin.
    pub(super) fn admits(&self, key: &Bytes, bytes: usize) -> bool {
        self.keys.is_empty()
            || (self.keys.len() < limits::IMPORT_WRITES_MAX
                && self.bytes + bytes <= limits::IMPORT_BYTES_MAX
                && !self.keys.contains_key(key))
    }

    /// Begins a write that [`Self::admits`]. It goes on while [`Self::next`] is waited for.
    pub(super) fn push(
        &mut self,
        place: Place,
        key: Bytes,
        bytes: usize,
        write: impl Future<Output = Result<(), Refusal>> + 'static,
    ) {
        assert!(self.admits(&key, bytes), "callers ask before they push");
        self.keys.insert(key.clone(), place);
        self.bytes += bytes;
        self.writes.push(Box::pin(async move {
            Done {
                place,
                result: write.await,
                key,
                bytes,
            }
        }));
    }

    /// The next write that is over; `None` if none is under way.
    pub(super) async fn next(&mut self) -> Option<Done> {
        let done = self.writes.next().await?;
        self.keys.remove(&done.key);
        self.bytes -= done.bytes;
        Some(done)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The first place whose write is not over.
    pub(super) fn first(&self) -> Option<Place> {
        self.keys.values().min().copied()
    }
}
