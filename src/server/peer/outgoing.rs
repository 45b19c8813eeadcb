//! One lane's way to one peer: open or not.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::counters::{LaneFigures, PeerCounters};
use super::lane;
use super::queue::Queue;
use crate::base::limits;
use crate::raft::Lane;

/// Takes frames while a link is open, and drops them at once while none is: whoever sends
/// repeats what matters, and what waited for a link would be out of date.
pub(super) struct Outgoing {
    pub(super) lane: Lane,
    counters: Arc<PeerCounters>,
    queue: Mutex<Option<Arc<Queue>>>,
}

/// An open link; dropped, it is closed.
pub(super) struct Open<'a> {
    outgoing: &'a Outgoing,
    queue: Arc<Queue>,
}

impl Outgoing {
    pub(super) fn new(lane: Lane, counters: Arc<PeerCounters>) -> Self {
        Self {
            lane,
            counters,
            queue: Mutex::new(None),
        }
    }

    /// Sends a frame, or drops it and counts that. Never waits.
    pub(super) fn send(&self, frame: Bytes) {
        let bytes = frame.len();
        let is_taken = match &*self.queue.lock() {
            Some(queue) if bytes <= limits::PEER_FRAME_BYTES_MAX => queue.push(frame),
            _ => false,
        };
        if !is_taken {
            self.dropped(1);
            let bytes_max = limits::PEER_FRAME_BYTES_MAX.min(lane::queue_bytes_max(self.lane));
            if bytes > bytes_max {
                let lane = lane::name(self.lane);
                tracing::error!(
                    lane,
                    bytes,
                    bytes_max,
                    "a frame is too large to be ever sent"
                );
            }
        }
    }

    /// A queue for the next link. Nothing can be in it before [`Outgoing::open`].
    pub(super) fn queue(&self) -> Arc<Queue> {
        Arc::new(Queue::new(lane::queue_bytes_max(self.lane)))
    }

    /// The peer has accepted the link that empties `queue`.
    pub(super) fn open(&self, queue: Arc<Queue>) -> Open<'_> {
        self.counters.lane(self.lane).accepted();
        *self.queue.lock() = Some(queue.clone());
        Open {
            outgoing: self,
            queue,
        }
    }

    /// True while the peer takes what is sent.
    pub(super) fn is_connected(&self) -> bool {
        self.queue.lock().is_some()
    }

    /// Frames that left.
    pub(super) fn sent(&self, frames: &[Bytes]) {
        self.counters.lane(self.lane).sent(frames);
    }

    pub(super) fn figures(&self) -> LaneFigures {
        let queue = self.queue.lock().clone();
        LaneFigures {
            is_connected: queue.is_some(),
            queued_bytes: queue.map_or(0, |queue| queue.bytes()),
            ..self.counters.lane(self.lane).figures(self.lane)
        }
    }

    fn dropped(&self, frames: usize) {
        self.counters.lane(self.lane).dropped(frames);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        *self.outgoing.queue.lock() = None;
        self.outgoing.dropped(self.queue.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_link_that_ends_drops_what_waits_and_counts_it() {
        let outgoing = Outgoing::new(Lane::Data, Arc::default());
        outgoing.send(Bytes::from_static(b"there is no link"));
        let queue = outgoing.queue();
        let open = outgoing.open(queue.clone());
        outgoing.send(Bytes::from_static(b"waits"));
        assert!(outgoing.figures().is_connected && queue.bytes() > 0);
        drop(open);
        assert!(queue.take().await.is_none(), "nothing may go out any more");
        outgoing.send(Bytes::from_static(b"there is no link"));
        let figures = outgoing.figures();
        assert!(!figures.is_connected && figures.queued_bytes == 0);
        assert_eq!((figures.frames_dropped, figures.frames_sent), (3, 0));
    }
}
