//! The future of one call.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::desk::{Desk, Outcome};
use crate::proto::v1::RequestFrame;

/// A call: queued at the first poll, given up when dropped.
pub(super) struct Call<'a> {
    desk: &'a Desk,
    deadline_ms: u64,
    /// Until the first poll.
    frame: Option<RequestFrame>,
    /// From the first poll until the outcome is taken.
    id: Option<u64>,
}

impl<'a> Call<'a> {
    pub(super) fn new(desk: &'a Desk, frame: RequestFrame, deadline_ms: u64) -> Self {
        Self {
            desk,
            deadline_ms,
            frame: Some(frame),
            id: None,
        }
    }
}

impl Future for Call<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(frame) = self.frame.take() {
            match self.desk.queue(frame, self.deadline_ms, cx.waker()) {
                Ok(id) => self.id = Some(id),
                Err(failure) => return Poll::Ready(Err(failure)),
            }
            return Poll::Pending;
        }
        let id = self.id.expect("a call is not polled after it is done");
        let outcome = self.desk.poll_outcome(id, cx.waker());
        if outcome.is_ready() {
            self.id = None;
        }
        outcome
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.desk.give_up(id);
        }
    }
}
