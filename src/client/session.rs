//! One stream that carries the calls of many callers: the hot path.
//!
//! A call puts its frame into a shared queue and waits in a slot; the stream takes
//! everything queued as one message, and one reply message wakes many callers. No
//! task and no channel per call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::Stream;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tonic::Streaming;
use tonic::transport::Channel;

use super::slots::Slots;
use crate::base::host::Clock;
use crate::base::limits;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::session_client::SessionClient;
use crate::proto::v1::{Error as WireError, Replies, RequestFrame, Requests};

/// A message is closed at these, so that the server starts early and answers soon.
const MESSAGE_BYTES: usize = 1 << 20;
const MESSAGE_FRAMES: usize = 1_024;

/// Room for what a message adds around the largest request.
pub(super) const MESSAGE_SLACK_BYTES: usize = 1 << 20;

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

/// A stream that is up; dropping it ends the stream once what is queued is sent.
pub(super) struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// One for each call under way: the server reads no further than this.
    permits: Semaphore,
    /// The earliest deadline came nearer.
    nearer: Notify,
    clock: Arc<dyn Clock>,
}

struct State {
    /// Frames not yet taken by the stream, in the order of their calls.
    queued: VecDeque<RequestFrame>,
    slots: Slots,
    /// Outcomes put down and not yet taken: callers who are about to run.
    woken: usize,
    /// The stream, waiting for frames.
    writer: Option<Waker>,
    /// The earliest deadline anybody has asked to be woken for, ms.
    armed_ms: u64,
    /// Nobody will call any more.
    closing: bool,
    /// The stream has ended, and why.
    broken: Option<Arc<str>>,
}

impl Session {
    /// Opens a stream on `channel`. Must be called within a tokio runtime.
    pub(super) async fn open(
        channel: Channel,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, tonic::Status> {
        let shared = Arc::new(Shared {
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
        });
        // Made first: should opening fail, dropping it ends the request stream.
        let session = Self {
            shared: Arc::clone(&shared),
        };
        let message_bytes_max = limits::REQUEST_BYTES_MAX + MESSAGE_SLACK_BYTES;
        let replies = SessionClient::new(channel)
            .max_decoding_message_size(message_bytes_max)
            .max_encoding_message_size(message_bytes_max)
            .open(Outgoing {
                shared: Arc::clone(&shared),
                lingered: false,
            })
            .await?
            .into_inner();
        tokio::spawn(drive(shared, replies));
        Ok(session)
    }

    /// False once the stream has ended.
    pub(super) fn is_up(&self) -> bool {
        self.shared.state.lock().broken.is_none()
    }

    /// Sends one request and waits for its reply, until `deadline_ms` of the boot
    /// clock. Dropping the future gives the call up; its answer is then ignored.
    pub(super) async fn call(&self, frame: RequestFrame, deadline_ms: u64) -> Outcome {
        let _permit = match self.shared.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let left_ms = deadline_ms.saturating_sub(self.shared.clock.boot_ms());
                let waiting = self.shared.permits.acquire();
                match tokio::time::timeout(Duration::from_millis(left_ms), waiting).await {
                    Ok(Ok(permit)) => permit,
                    // Closed: the first poll below says why.
                    Ok(Err(_)) => return Err(self.shared.broken_unsent()),
                    Err(_) => return Err(Failure::Expired { sent: false }),
                }
            }
        };
        Call {
            shared: &self.shared,
            stage: Stage::New(Some(frame), deadline_ms),
        }
        .await
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.shared.state.lock().slots.len()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.closing = true;
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

impl Shared {
    fn broken_unsent(&self) -> Failure {
        let broken = self.state.lock().broken.clone();
        Failure::Broken {
            sent: false,
            why: broken.unwrap_or_else(|| "the stream ended".into()),
        }
    }

    /// Puts down the outcomes of one message and wakes who waits for them.
    fn deliver(&self, replies: Replies, wakers: &mut Vec<Waker>) {
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
    fn expire(&self, wakers: &mut Vec<Waker>) -> u64 {
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
    fn close(&self, why: Arc<str>) {
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
    fn take_message(&mut self) -> Requests {
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

/// Bytes a request takes in a message, at most about.
pub(super) fn request_bytes(request: Option<&Request>) -> usize {
    const AROUND: usize = 512;
    AROUND
        + match request {
            Some(Request::Set(set)) => {
                let compared = match set.condition.as_ref().and_then(|it| it.kind.as_ref()) {
                    Some(crate::proto::v1::condition::Kind::Value(value)) => value.len(),
                    _ => 0,
                };
                set.key.len() + set.value.len() + compared
            }
            // Keys and names: the server refuses long ones, so they are counted as
            // the longest that it takes.
            _ => 2 * limits::KEY_BYTES_MAX / 16,
        }
}

/// The request side of the stream, polled by the connection itself.
struct Outgoing {
    shared: Arc<Shared>,
    lingered: bool,
}

impl Stream for Outgoing {
    type Item = Requests;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Requests>> {
        let this = &mut *self;
        let mut state = this.shared.state.lock();
        if state.queued.is_empty() {
            this.lingered = false;
            if state.closing || state.broken.is_some() {
                return Poll::Ready(None);
            }
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // Callers who were just woken are about to ask again: letting them run first
        // makes one message of what would be many. Once only, and not when nobody is.
        if state.woken > 0 && !this.lingered && state.queued.len() < MESSAGE_FRAMES {
            this.lingered = true;
            drop(state);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.lingered = false;
        Poll::Ready(Some(state.take_message()))
    }
}

/// Takes replies and gives up what is due, until the stream ends.
async fn drive(shared: Arc<Shared>, mut replies: Streaming<Replies>) {
    const FAR: Duration = Duration::from_secs(24 * 3_600);
    let mut wakers = Vec::new();
    let mut alarm = std::pin::pin!(tokio::time::sleep(FAR));
    let why = loop {
        tokio::select! {
            message = replies.message() => match message {
                Ok(Some(message)) => shared.deliver(message, &mut wakers),
                Ok(None) => break "the server closed it".into(),
                Err(status) => break status.message().into(),
            },
            () = shared.nearer.notified() => {
                let due_ms = shared.state.lock().armed_ms;
                alarm.as_mut().reset(wake_at(&*shared.clock, due_ms, FAR));
            }
            () = alarm.as_mut() => {
                let due_ms = shared.expire(&mut wakers);
                alarm.as_mut().reset(wake_at(&*shared.clock, due_ms, FAR));
            }
        }
    };
    shared.close(why);
}

fn wake_at(clock: &dyn Clock, due_ms: u64, far: Duration) -> tokio::time::Instant {
    let left = Duration::from_millis(due_ms.saturating_sub(clock.boot_ms()));
    tokio::time::Instant::now() + left.min(far)
}

/// A call: queued at the first poll, freed when dropped.
struct Call<'a> {
    shared: &'a Shared,
    stage: Stage,
}

enum Stage {
    New(Option<RequestFrame>, u64),
    Waiting(u64),
    Done,
}

impl Future for Call<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        let shared = this.shared;
        match &mut this.stage {
            Stage::New(frame, deadline_ms) => {
                let deadline_ms = *deadline_ms;
                let mut frame = frame.take().expect("a call is queued once");
                let mut state = shared.state.lock();
                if let Some(why) = state.broken.clone() {
                    this.stage = Stage::Done;
                    return Poll::Ready(Err(Failure::Broken { sent: false, why }));
                }
                frame.id = state.slots.insert(deadline_ms, cx.waker().clone());
                this.stage = Stage::Waiting(frame.id);
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
                    shared.nearer.notify_one();
                }
                Poll::Pending
            }
            Stage::Waiting(id) => {
                let id = *id;
                let mut state = shared.state.lock();
                let slot = state
                    .slots
                    .get_mut(id)
                    .expect("a slot is freed by its own call alone");
                let Some(outcome) = slot.outcome.take() else {
                    match &mut slot.waker {
                        Some(waker) => waker.clone_from(cx.waker()),
                        none => *none = Some(cx.waker().clone()),
                    }
                    return Poll::Pending;
                };
                state.slots.remove(id);
                state.woken -= 1;
                this.stage = Stage::Done;
                Poll::Ready(outcome)
            }
            Stage::Done => panic!("a call was polled after it was done"),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let Stage::Waiting(id) = self.stage else {
            return;
        };
        let mut state = self.shared.state.lock();
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
}
