//! The numbers that make repeating a write safe (architecture: at most once).

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::base::limits;
use crate::base::types::ClientId;
use crate::proto::v1;

/// Hands out the sequences of one client id, and knows which are still open.
///
/// Invariant: open sequences span at most `SESSION_OUTCOMES_MAX`, so that the
/// server still has the outcome of every write that may be repeated.
pub(super) struct Sequences {
    client: Bytes,
    window: Mutex<Window>,
    room: Notify,
}

struct Window {
    /// The lowest sequence that is open, or the next one to be handed out.
    lowest: u64,
    /// Whether `lowest`, `lowest + 1`, ... are finished.
    finished: VecDeque<bool>,
    /// Somebody waits for room.
    awaited: bool,
}

/// One open sequence, or several in a row; dropping it says that nobody will repeat the
/// writes.
pub(super) struct Sequence<'a> {
    of: &'a Sequences,
    /// The first one.
    number: u64,
    count: usize,
}

impl Sequences {
    /// None handed out yet.
    pub(super) fn new(client: ClientId) -> Self {
        Self {
            client: Bytes::copy_from_slice(&client.0),
            window: Mutex::new(Window {
                lowest: 1,
                finished: VecDeque::new(),
                awaited: false,
            }),
            room: Notify::new(),
        }
    }

    /// The next `count` sequences; waits while the oldest open one is too far behind.
    pub(super) async fn begin(&self, count: usize) -> Sequence<'_> {
        loop {
            // Armed before looking, or a sequence finished in between goes unnoticed.
            let mut room = std::pin::pin!(self.room.notified());
            if let Some(sequence) = self.try_begin(count) {
                return sequence;
            }
            room.as_mut().enable();
            if let Some(sequence) = self.try_begin(count) {
                return sequence;
            }
            room.await;
        }
    }

    /// The next `count` sequences, if there is room.
    pub(super) fn try_begin(&self, count: usize) -> Option<Sequence<'_>> {
        let mut window = self.window.lock();
        if window.finished.len() + count > limits::SESSION_OUTCOMES_MAX {
            window.awaited = true;
            return None;
        }
        let number = window.lowest + window.finished.len() as u64;
        let open = window.finished.len() + count;
        window.finished.resize(open, false);
        let of = self;
        Some(Sequence { of, number, count })
    }

    fn finish(&self, number: u64, count: usize) {
        let mut window = self.window.lock();
        let place = (number - window.lowest) as usize;
        window
            .finished
            .range_mut(place..place + count)
            .for_each(|finished| *finished = true);
        while window.finished.front() == Some(&true) {
            window.finished.pop_front();
            window.lowest += 1;
        }
        let full = window.finished.len() >= limits::SESSION_OUTCOMES_MAX;
        let wake = window.awaited && !full;
        if wake {
            window.awaited = false;
        }
        drop(window);
        if wake {
            self.room.notify_waiters();
        }
    }
}

impl Sequence<'_> {
    /// The request id of a try, after `attempt` tries whose outcome is unknown.
    pub(super) fn request_id(&self, attempt: u32) -> v1::RequestId {
        v1::RequestId {
            client: self.of.client.clone(),
            sequence: self.number,
            acked_below: self.of.window.lock().lowest,
            attempt,
        }
    }
}

impl Drop for Sequence<'_> {
    fn drop(&mut self) {
        self.of.finish(self.number, self.count);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn sequences() -> Sequences {
        Sequences::new(ClientId([7; 16]))
    }

    #[test]
    fn acked_below_is_the_lowest_open_sequence() {
        let sequences = sequences();
        let one = sequences.try_begin(1).unwrap();
        let two = sequences.try_begin(1).unwrap();
        let three = sequences.try_begin(1).unwrap();
        assert_eq!((one.number, two.number, three.number), (1, 2, 3));
        assert_eq!(three.request_id(0).acked_below, 1);
        drop(two);
        assert_eq!(three.request_id(0).acked_below, 1, "1 is still open");
        drop(one);
        assert_eq!(three.request_id(0).acked_below, 3);
        drop(three);
        let four = sequences.try_begin(1).unwrap();
        let id = four.request_id(2);
        assert_eq!((id.sequence, id.acked_below, id.attempt), (4, 4, 2));
        assert_eq!(id.client.as_ref(), [7; 16]);
    }

    #[tokio::test]
    async fn the_window_never_grows_past_what_the_server_keeps() {
        let sequences = Arc::new(sequences());
        let oldest = sequences.try_begin(1).unwrap();
        for _ in 1..limits::SESSION_OUTCOMES_MAX {
            drop(sequences.try_begin(1).unwrap());
        }
        assert!(sequences.try_begin(1).is_none(), "the oldest is still open");
        let waiting = tokio::spawn({
            let sequences = Arc::clone(&sequences);
            async move { sequences.begin(1).await.number }
        });
        tokio::task::yield_now().await;
        drop(oldest);
        let number = tokio::time::timeout(Duration::from_secs(5), waiting).await;
        assert_eq!(
            number.unwrap().unwrap(),
            limits::SESSION_OUTCOMES_MAX as u64 + 1
        );
    }
}
