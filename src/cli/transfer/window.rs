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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::base::host::{Rng, SeededRng};

    fn key(number: u64) -> Bytes {
        number.to_be_bytes().to_vec().into()
    }

    fn place(line: u64) -> Place {
        Place { file: 0, line }
    }

    /// A write that takes a random number of turns, as one does whose connection breaks.
    async fn slow(store: Arc<Mutex<HashMap<Bytes, u64>>>, key: Bytes, line: u64, turns: u64) {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        store.lock().insert(key, line);
    }

    #[tokio::test]
    async fn of_two_lines_with_one_key_the_later_one_wins_always() {
        for seed in 0..50 {
            let rng = SeededRng::new(seed);
            let store = Arc::new(Mutex::new(HashMap::new()));
            let mut expected = HashMap::new();
            let mut window = Window::default();
            for line in 1..=400 {
                let key = key(rng.below(20));
                expected.insert(key.clone(), line);
                while !window.admits(&key, 1) {
                    window.next().await.unwrap().result.unwrap();
                }
                let write = slow(Arc::clone(&store), key.clone(), line, rng.below(40));
                window.push(place(line), key, 1, async {
                    write.await;
                    Ok(())
                });
            }
            while window.next().await.is_some() {}
            assert_eq!(*store.lock(), expected, "seed {seed}");
        }
    }

    #[tokio::test]
    async fn writes_and_bytes_under_way_are_bounded_and_one_write_always_fits() {
        let mut window = Window::default();
        assert!(window.admits(&key(0), usize::MAX));
        for line in 1..=limits::IMPORT_WRITES_MAX as u64 {
            assert!(window.admits(&key(line), 1));
            window.push(place(line), key(line), 1, async { Ok(()) });
        }
        assert!(!window.admits(&key(0), 1));
        assert_eq!(window.first(), Some(place(1)));
        while window.next().await.is_some() {}
        window.push(place(1), key(1), limits::IMPORT_BYTES_MAX, async { Ok(()) });
        assert!(!window.admits(&key(2), 1));
        window.next().await.unwrap();
        assert!(window.is_empty() && window.admits(&key(2), 1));
    }
}
