//! Frames of one link that wait for the network.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Small frames go out together, in messages of about so many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Frames in one message: well below the fields that the decoder allows.
const BATCH_FRAMES_MAX: usize = 4_096;

/// What a frame takes besides its bytes, so that empty ones are bounded too.
const FRAME_OVERHEAD_BYTES: usize = 64;

/// A queue bounded by bytes, filled without waiting and emptied by one task. Closed, it
/// holds nothing.
pub(super) struct Queue {
    bytes_max: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
    is_closed: bool,
}

impl Queue {
    /// Room for `bytes_max` bytes of frames.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Appends a frame. False, and nothing is kept, if there is no room for it or the
    /// queue is closed.
    pub(super) fn push(&self, frame: Bytes) -> bool {
        let cost = cost(&frame);
        {
            let mut state = self.state.lock();
            if state.is_closed || state.bytes.saturating_add(cost) > self.bytes_max {
                return false;
            }
            state.bytes += cost;
            state.frames.push_back(frame);
        }
        self.changed.notify_one();
        true
    }

    /// Waits for frames, and takes as many as one message should have, in order. None
    /// once the queue is closed.
    pub(super) async fn take(&self) -> Option<Vec<Bytes>> {
        loop {
            match self.try_take() {
                Some(frames) if frames.is_empty() => self.changed.notified().await,
                taken => return taken,
            }
        }
    }

    /// Drops what waits, and whatever comes. Returns how many frames that were.
    pub(super) fn close(&self) -> usize {
        let waiting = {
            let mut state = self.state.lock();
            state.is_closed = true;
            state.bytes = 0;
            std::mem::take(&mut state.frames)
        };
        self.changed.notify_one();
        waiting.len()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    fn try_take(&self) -> Option<Vec<Bytes>> {
        let mut state = self.state.lock();
        if state.is_closed {
            return None;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(next) = state.frames.front() {
            let is_full = bytes + next.len() > BATCH_BYTES || taken.len() == BATCH_FRAMES_MAX;
            if is_full && !taken.is_empty() {
                break;
            }
            bytes += next.len();
            taken.extend(state.frames.pop_front());
        }
        state.bytes -= taken.iter().map(cost).sum::<usize>();
        Some(taken)
    }
}

fn cost(frame: &Bytes) -> usize {
    frame.len() + FRAME_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Bytes {
        Bytes::from(vec![7; length])
    }

    #[tokio::test]
    async fn frames_go_out_together_in_order_and_large_ones_alone() {
        let queue = Queue::new(16 << 20);
        for length in [1, 2, 0, 3 << 20, 4, BATCH_BYTES - 4, 5] {
            assert!(queue.push(frame(length)));
        }
        let mut messages = Vec::new();
        while queue.bytes() > 0 {
            let frames = queue.take().await.unwrap();
            messages.push(frames.iter().map(Bytes::len).collect::<Vec<_>>());
        }
        let expected = [
            vec![1, 2, 0],
            vec![3 << 20],
            vec![4, BATCH_BYTES - 4],
            vec![5],
        ];
        assert_eq!(messages, expected);
    }

    #[tokio::test]
    async fn a_message_has_a_bounded_number_of_frames() {
        let queue = Queue::new(16 << 20);
        for _ in 0..=BATCH_FRAMES_MAX {
            assert!(queue.push(Bytes::new()));
        }
        assert_eq!(queue.take().await.unwrap().len(), BATCH_FRAMES_MAX);
        assert_eq!(queue.take().await.unwrap().len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_empty_frames_take_room_too() {
        let queue = Queue::new(10 * (FRAME_OVERHEAD_BYTES + 10));
        assert!(!queue.push(frame(10 * (FRAME_OVERHEAD_BYTES + 10))));
        let taken = (0..1_000).filter(|_| queue.push(frame(10))).count();
        assert_eq!(taken, 10);
        assert!(!queue.push(Bytes::new()));
    }

    #[tokio::test]
    async fn a_closed_queue_keeps_nothing_and_wakes_its_taker() {
        let queue = Queue::new(1_000);
        assert!(queue.push(frame(10)));
        let mut taking = Box::pin(async {
            queue.take().await.unwrap();
            queue.take().await
        });
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(taking.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        assert_eq!(queue.close(), 0);
        assert!(taking.await.is_none());
        assert!(!queue.push(frame(10)));
        assert_eq!(queue.bytes(), 0);
    }
}
