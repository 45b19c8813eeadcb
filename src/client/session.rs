//! One stream that carries the calls of many callers: the hot path.
//!
//! A call puts its frame into a shared queue and waits in a slot; the stream takes
//! everything queued as one message, and one reply message wakes many callers. No
//! task and no channel per call.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::desk::{Desk, Failure, MESSAGE_FRAMES, Outcome};
use super::waiting::Call;
use crate::base::host::Clock;
use crate::base::limits;
use crate::proto::v1::session_client::SessionClient;
use crate::proto::v1::{Replies, RequestFrame, Requests};

/// Room for what a message adds around the largest request.
const MESSAGE_SLACK_BYTES: usize = 1 << 20;

/// A stream that is up; dropping it ends the stream once what is queued is sent.
pub(super) struct Session {
    desk: Arc<Desk>,
}

impl Session {
    /// Opens a stream on `channel`. Must be called within a tokio runtime.
    pub(super) async fn open(
        channel: Channel,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, tonic::Status> {
        let desk = Arc::new(Desk::new(clock));
        // Made first: should opening fail, dropping it ends the request stream.
        let session = Self {
            desk: Arc::clone(&desk),
        };
        let message_bytes_max = limits::REQUEST_BYTES_MAX + MESSAGE_SLACK_BYTES;
        let replies = SessionClient::new(channel)
            .max_decoding_message_size(message_bytes_max)
            .max_encoding_message_size(message_bytes_max)
            .open(Outgoing {
                desk: Arc::clone(&desk),
                lingered: false,
            })
            .await?
            .into_inner();
        tokio::spawn(drive(desk, replies));
        Ok(session)
    }

    /// False once the stream has ended.
    pub(super) fn is_up(&self) -> bool {
        self.desk.is_up()
    }

    /// Sends one request and waits for its reply, until `deadline_ms` of the boot
    /// clock. Dropping the future gives the call up; its answer is then ignored.
    pub(super) async fn call(&self, frame: RequestFrame, deadline_ms: u64) -> Outcome {
        // The permit is held until the call is over.
        let _permit = match self.desk.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let left_ms = deadline_ms.saturating_sub(self.desk.clock.boot_ms());
                let waiting = self.desk.permits.acquire();
                match tokio::time::timeout(Duration::from_millis(left_ms), waiting).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(_)) => return Err(self.desk.broken_unsent()),
                    Err(_) => return Err(Failure::Expired { sent: false }),
                }
            }
        };
        Call::new(&self.desk, frame, deadline_ms).await
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.desk.under_way()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.desk.leave();
    }
}

/// The request side of the stream, polled by the connection itself.
struct Outgoing {
    desk: Arc<Desk>,
    lingered: bool,
}

impl Stream for Outgoing {
    type Item = Requests;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Requests>> {
        let this = &mut *self;
        let mut state = this.desk.state.lock();
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
async fn drive(desk: Arc<Desk>, mut replies: Streaming<Replies>) {
    const FAR: Duration = Duration::from_secs(24 * 3_600);
    let mut wakers = Vec::new();
    let mut alarm = std::pin::pin!(tokio::time::sleep(FAR));
    let why = loop {
        tokio::select! {
            biased;
            // First: however much comes, whoever waits for too long is told so.
            () = alarm.as_mut() => {
                let due_ms = desk.expire(&mut wakers);
                alarm.as_mut().reset(wake_at(&*desk.clock, due_ms, FAR));
            }
            message = replies.message() => match message {
                Ok(Some(message)) => desk.deliver(message, &mut wakers),
                Ok(None) => break "the server closed it".into(),
                Err(status) => break status.message().into(),
            },
            () = desk.nearer.notified() => {
                let Some(due_ms) = desk.due_ms() else {
                    break "nobody uses it any more".into();
                };
                alarm.as_mut().reset(wake_at(&*desk.clock, due_ms, FAR));
            }
        }
    };
    desk.close(why);
}

fn wake_at(clock: &dyn Clock, due_ms: u64, far: Duration) -> tokio::time::Instant {
    let left = Duration::from_millis(due_ms.saturating_sub(clock.boot_ms()));
    tokio::time::Instant::now() + left.min(far)
}
