//! Whether a connection has open requests, how many, and since when it has none.

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

use super::crowd::{Crowd, InCrowd};
use crate::base::limits;

/// The requests of a connection.
pub(super) struct Requests {
    began: Instant,
    open: AtomicUsize,
    /// Of those, the ones in its own share.
    own: AtomicUsize,
    /// Where the others are counted.
    crowd: Arc<Crowd>,
    /// Since `began`: when the last one ended.
    ended_ms: AtomicU64,
}

/// A request that is open for as long as this lives.
pub(super) struct Open {
    of: Arc<Requests>,
    place: Place,
}

/// Where an open request is counted.
enum Place {
    Own,
    Crowd(#[expect(dead_code, reason = "it counts for as long as it lives")] InCrowd),
    /// There is room nowhere: it is refused.
    Nowhere,
}

impl Requests {
    /// Of a connection that begins now.
    pub(super) fn new(crowd: &Arc<Crowd>) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            open: AtomicUsize::new(0),
            own: AtomicUsize::new(0),
            crowd: Arc::clone(crowd),
            ended_ms: AtomicU64::new(0),
        })
    }

    /// Begins one.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open {
            place: self.place(),
            of: Arc::clone(self),
        }
    }

    fn place(&self) -> Place {
        let take = |own: usize| (own < limits::CONNECTION_STREAMS_SHARE).then_some(own + 1);
        let own = &self.own;
        match own.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Place::Own,
            Err(_) => self.crowd.enter().map_or(Place::Nowhere, Place::Crowd),
        }
    }

    /// Since when none is open; nothing while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        // The time is written before the number.
        let is_idle = self.open.load(Ordering::Acquire) == 0;
        let ended_ms = self.ended_ms.load(Ordering::Relaxed);
        is_idle.then(|| self.began + Duration::from_millis(ended_ms))
    }
}

impl Open {
    /// True if there was no room for it.
    pub(super) fn is_too_many(&self) -> bool {
        matches!(self.place, Place::Nowhere)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let requests = &self.of;
        if matches!(self.place, Place::Own) {
            requests.own.fetch_sub(1, Ordering::Relaxed);
        }
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
        let (began, requests) = (
            Instant::now(),
            Requests::new(&Crowd::new(2, &Arc::default())),
        );
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

    /// Each connection was bounded, and so many of one address were not.
    #[test]
    fn an_address_has_so_many_open_beyond_the_shares_of_its_connections() {
        let refused = Arc::default();
        let crowd = Crowd::new(2, &refused);
        let [one, other] = [(); 2].map(|()| Requests::new(&crowd));
        let share = limits::CONNECTION_STREAMS_SHARE;
        let mut open: Vec<_> = (0..share + 2).map(|_| one.open()).collect();
        assert!(open.iter().all(|it| !it.is_too_many()));
        assert!(
            one.open().is_too_many(),
            "that of a refused one is no place"
        );
        assert!(one.open().is_too_many());
        let theirs: Vec<_> = (0..share).map(|_| other.open()).collect();
        assert!(theirs.iter().all(|it| !it.is_too_many()), "nobody takes it");
        assert!(other.open().is_too_many());
        assert_eq!(refused.load(Ordering::Relaxed), 3);
        open.pop();
        assert!(!other.open().is_too_many());
        drop(open.remove(0));
        assert!(!one.open().is_too_many(), "its own share again");
    }
}
