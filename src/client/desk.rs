//! Where calls are queued and their outcomes put down, shared by the callers and the
//! stream.
//!
//! Invariant: a frame that was not sent can be taken back, and one that was sent says
//! so: that is the difference between an error and an unknown outcome.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use super::slots::Slots;
use crate::base::host::Clock;
use crate::base::limits;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::{Error as WireError, Replies, RequestFrame, Requests};

/// A message is closed at these, so that the server starts early and answers soon.
const MESSAGE_BYTES: usize = 1 << 20;
pub(super) const MESSAGE_FRAMES: usize = 1_024;

/// What became of one call.
pub(super) type Outcome = Result<Reply, Failure>;

/// Why a call has no reply.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The server answered with an error.
    Refused(WireError),
    /// The server answered with nothing this client knows.
    Unintelligible,
    /// The stream ended; if `sent`, the call may have taken place.
    Broken { sent: bool, why: Arc<str> },
    /// The deadline passed; if `sent`, the call may have taken place.
    Expired { sent: bool },
}

/// See the module.
pub(super) struct Desk {
    pub(super) state: Mutex<State>,
    /// One for each call under way: the server reads no further than this.
    pub(super) permits: Semaphore,
    /// The earliest deadline came nearer, or everybody left.
    pub(super) nearer: Notify,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) struct State {
    /// Frames not yet taken by the stream, in the order of their calls.
    pub(super) queued: VecDeque<RequestFrame>,
    slots: Slots,
    /// Outcomes put down and not yet taken: callers who are about to run.
    pub(super) woken: usize,
    /// The stream, waiting for frames.
    pub(super) writer: Option<Waker>,
    /// The earliest deadline anybody has asked to be woken for, ms.
    armed_ms: u64,
    /// Nobody will call any more.
    pub(super) closing: bool,
    /// The stream has ended, and why.
    pub(super) broken: Option<Arc<str>>,
}

impl Desk {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::new(State {
                queued: VecDeque::new(),
                slots: Slots::default(),
                woken: 0,
                writer: None,
                armed_ms: u64::MAX,
                closing: false,
                broken: None,
            }),
            permits: Semaphore::new(limits::SESSION_FRAMES_MAX),
            nearer: Notify::new(),
            clock,
        }
    }

    /// Queues a request and takes a slot for its outcome.
    pub(super) fn queue(
        &self,
        mut frame: RequestFrame,
        deadline_ms: u64,
        waker: &Waker,
    ) -> Result<u64, Failure> {
        let mut state = self.state.lock();
        if let Some(why) = state.broken.clone() {
            return Err(Failure::Broken { sent: false, why });
        }
        let id = state.slots.insert(deadline_ms, waker.clone());
        frame.id = id;
        state.queued.push_back(frame);
        let writer = state.writer.take();
        let nearer = deadline_ms < state.armed_ms;
        if nearer {
            state.armed_ms = deadline_ms;
        }
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        if nearer {
            self.nearer.notify_one();
        }
        Ok(id)
    }

    /// Takes the outcome of a call, or leaves word whom to wake.
    pub(super) fn poll_outcome(&self, id: u64, waker: &Waker) -> Poll<Outcome> {
        let mut state = self.state.lock();
        let slot = state
            .slots
            .get_mut(id)
            .expect("a slot is freed by its own call alone");
        let Some(outcome) = slot.outcome.take() else {
            match &mut slot.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return Poll::Pending;
        };
        state.slots.remove(id);
        state.woken -= 1;
        Poll::Ready(outcome)
    }

    /// Frees the slot of a call nobody waits for; takes it back if it was not sent.
    pub(super) fn give_up(&self, id: u64) {
        let mut state = self.state.lock();
        let Some(slot) = state.slots.remove(id) else {
            return;
        };
        if slot.outcome.is_some() {
            state.woken -= 1;
        }
        if !slot.sent {
            state.unqueue(id);
        }
    }

    /// Nobody will call any more: ends the stream.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        self.nearer.notify_one();
    }

    /// False once the stream has ended.
    pub(super) fn is_up(&self) -> bool {
        self.state.lock().broken.is_none()
    }

    /// The earliest deadline, ms; nothing once nobody will call any more.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let state = self.state.lock();
        (!state.closing).then_some(state.armed_ms)
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.state.lock().slots.len()
    }

    pub(super) fn broken_unsent(&self) -> Failure {
        let broken = self.state.lock().broken.clone();
        Failure::Broken {
            sent: false,
            why: broken.unwrap_or_else(|| "the stream ended".into()),
        }
    }

    /// Puts down the outcomes of one message and wakes who waits for them.
    pub(super) fn deliver(&self, replies: Replies, wakers: &mut Vec<Waker>) {
        let mut state = self.state.lock();
        for frame in replies.frames {
            let outcome = match frame.reply {
                Some(Reply::Error(error)) => Err(Failure::Refused(error)),
                Some(reply) => Ok(reply),
                None => Err(Failure::Unintelligible),
            };
            state.put_down(frame.id, outcome, wakers);
        }
        drop(state);
        wakers.drain(..).for_each(Waker::wake);
    }

    /// Gives up the calls that are due; says when the next one is.
    pub(super) fn expire(&self, wakers: &mut Vec<Waker>) -> u64 {
        let now_ms = self.clock.boot_ms();
        let mut state = self.state.lock();
        let mut next_ms = u64::MAX;
        let mut due = Vec::new();
        for (id, slot) in state.slots.waiting_mut() {
            if slot.deadline_ms <= now_ms {
                due.push((id, slot.sent));
            } else {
                next_ms = next_ms.min(slot.deadline_ms);
            }
        }
        for (id, sent) in due {
            state.put_down(id, Err(Failure::Expired { sent }), wakers);
            state.unqueue(id);
        }
        state.armed_ms = next_ms;
        drop(state);
        wakers.drain(..).for_each(Waker::wake);
        next_ms
    }

    /// Ends every call under way.
    pub(super) fn close(&self, why: Arc<str>) {
        let mut wakers = Vec::new();
        let mut state = self.state.lock();
        state.queued.clear();
        let under_way: Vec<_> = state
            .slots
            .waiting_mut()
            .map(|(id, slot)| (id, slot.sent))
            .collect();
        for (id, sent) in under_way {
            let why = Arc::clone(&why);
            state.put_down(id, Err(Failure::Broken { sent, why }), &mut wakers);
        }
        state.broken = Some(why);
        wakers.extend(state.writer.take());
        drop(state);
        self.permits.close();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn put_down(&mut self, id: u64, outcome: Outcome, wakers: &mut Vec<Waker>) {
        // Nobody there: the caller gave up, or the server answered twice.
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        if slot.outcome.is_some() {
            return;
        }
        slot.outcome = Some(outcome);
        wakers.extend(slot.waker.take());
        self.woken += 1;
    }

    /// Takes back a frame that was not sent.
    fn unqueue(&mut self, id: u64) {
        if let Some(place) = self.queued.iter().position(|frame| frame.id == id) {
            self.queued.remove(place);
        }
    }

    /// The next message: what is queued, up to the limits of a message.
    pub(super) fn take_message(&mut self) -> Requests {
        let mut bytes = 0;
        let mut taken = 0;
        for frame in self.queued.iter().take(MESSAGE_FRAMES) {
            bytes += request_bytes(frame.request.as_ref());
            if taken > 0 && bytes > MESSAGE_BYTES {
                break;
            }
            taken += 1;
        }
        let frames: Vec<_> = self.queued.drain(..taken).collect();
        for frame in &frames {
            if let Some(slot) = self.slots.get_mut(frame.id) {
                slot.sent = true;
            }
        }
        Requests { frames }
    }
}

/// Bytes a request takes by itself; the message adds a few around it.
pub(super) fn request_bytes(request: Option<&Request>) -> usize {
    request.map_or(0, Request::encoded_len)
}
