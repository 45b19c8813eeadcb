//! Whether a connection has open requests, and since when it has none.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

/// The requests of a connection.
pub(super) struct Requests {
    began: Instant,
    open: AtomicUsize,
    /// Since `began`: when the last one ended.
    ended_ms: AtomicU64,
}

/// A request that is open for as long as this lives.
pub(super) struct Open(Arc<Requests>);

impl Requests {
    /// Of a connection that begins now.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            open: AtomicUsize::new(0),
            ended_ms: AtomicU64::new(0),
        })
    }

    /// Begins one.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// Since when none is open; nothing while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        // The time is written before the number.
        let is_idle = self.open.load(Ordering::Acquire) == 0;
        let ended_ms = self.ended_ms.load(Ordering::Relaxed);
        is_idle.then(|| self.began + Duration::from_millis(ended_ms))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let requests = &self.0;
        let since_ms = requests.began.elapsed().as_millis();
        let since_ms = u64::try_from(since_ms).unwrap_or(u64::MAX);
        requests.ended_ms.fetch_max(since_ms, Ordering::Relaxed);
        requests.open.fetch_sub(1, Ordering::Release);
    }
}

/// The body of an answer; with its end the request ends.
pub(super) struct Answer {
    body: Body,
    _open: Open,
}

impl Answer {
    pub(super) fn new(body: Body, open: Open) -> Self {
        Self { body, _open: open }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_the_end_of_its_last_request() {
        let second = Duration::from_secs(1);
        let (began, requests) = (Instant::now(), Requests::new());
        assert_eq!(requests.idle_since(), Some(began));
        let (first, second_one) = (requests.open(), requests.open());
        tokio::time::advance(second).await;
        drop(second_one);
        assert_eq!(requests.idle_since(), None);
        tokio::time::advance(second).await;
        drop(first);
        tokio::time::advance(second).await;
        assert_eq!(requests.idle_since(), Some(began + 2 * second));
    }
}
