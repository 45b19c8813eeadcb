//! A leader that tells members how far the log is committed waits a little with that alone:
//! mostly the next entry comes within that time, and takes it along.
//!
//! Without it every entry costs each member two messages and two answers, and a set from one
//! client after the other costs half as much again of everybody's processor. Who reads at a
//! member does not wait longer: the round that confirms the read tells it the same.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::Fuse;
use futures_util::{FutureExt, Stream, StreamExt};
use openraft::raft::AppendEntriesRequest;
use tokio::time::{Instant, Sleep, sleep};

use super::types::Types;

/// How long. Above the time in which a quorum confirms an entry, and far below a heartbeat.
const HELD: Duration = Duration::from_millis(2);

/// The requests of `input`, without those that the next one makes needless.
pub(super) struct Held<S> {
    input: Fuse<S>,
    held: Option<AppendEntriesRequest<Types>>,
    until: Pin<Box<Sleep>>,
    /// The first request of a pipeline asks where the member is: it never waits.
    is_first: bool,
}

impl<S: Stream<Item = AppendEntriesRequest<Types>>> Held<S> {
    pub(super) fn new(input: S) -> Self {
        Self {
            input: input.fuse(),
            held: None,
            until: Box::pin(sleep(HELD)),
            is_first: true,
        }
    }
}

impl<S: Stream<Item = AppendEntriesRequest<Types>> + Unpin> Stream for Held<S> {
    type Item = AppendEntriesRequest<Types>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.input.poll_next_unpin(context) {
                Poll::Ready(Some(request)) => {
                    if std::mem::take(&mut this.is_first) || !request.entries.is_empty() {
                        this.held = None;
                        return Poll::Ready(Some(request));
                    }
                    if this.held.replace(request).is_none() {
                        this.until.as_mut().reset(Instant::now() + HELD);
                    }
                }
                Poll::Ready(None) => return Poll::Ready(this.held.take()),
                Poll::Pending if this.held.is_none() => return Poll::Pending,
                Poll::Pending => {
                    ready!(this.until.poll_unpin(context));
                    return Poll::Ready(this.held.take());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use openraft::Vote;
    use openraft::entry::RaftEntry;
    use tokio::sync::mpsc;

    use super::*;
    use crate::base::types::NodeId;
    use crate::raft::types::{Entry, LogId};

    fn request(committed: u64, entries: u64) -> AppendEntriesRequest<Types> {
        let entry = |index| Entry::new_blank(LogId::new_term_index(1, index));
        AppendEntriesRequest {
            vote: Vote::new_committed(1, NodeId([1; 16])),
            prev_log_id: None,
            entries: (0..entries).map(entry).collect(),
            leader_commit: Some(LogId::new_term_index(1, committed)),
        }
    }

    fn told(request: Option<AppendEntriesRequest<Types>>) -> Option<(u64, usize)> {
        let request = request?;
        Some((request.leader_commit?.index(), request.entries.len()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_goes_with_the_next_entry_or_a_little_later() {
        let (send, mut sent) = mpsc::unbounded_channel();
        let input = stream::poll_fn(move |context| sent.poll_recv(context));
        let mut held = Held::new(input);
        let began = Instant::now();
        for request in [request(1, 0), request(2, 0), request(3, 0), request(4, 2)] {
            send.send(request).unwrap();
        }
        assert_eq!(told(held.next().await), Some((1, 0)), "the first one");
        assert_eq!(
            told(held.next().await),
            Some((4, 2)),
            "with the others' news"
        );
        assert_eq!(began.elapsed(), Duration::ZERO);
        send.send(request(5, 0)).unwrap();
        assert!(held.next().now_or_never().is_none(), "it waits");
        send.send(request(6, 0)).unwrap();
        assert_eq!(told(held.next().await), Some((6, 0)));
        assert_eq!(began.elapsed(), HELD, "however many come meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_not_lost_at_the_end() {
        let requests = [request(1, 1), request(2, 0)];
        let mut held = Held::new(stream::iter(requests));
        assert_eq!(told(held.next().await), Some((1, 1)));
        assert_eq!(told(held.next().await), Some((2, 0)));
        assert_eq!(told(held.next().await), None);
        assert_eq!(told(held.next().await), None);
    }
}
