//! Reads that wait together for a barrier of their shard.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::base::Result;
use crate::base::types::ShardId;
use crate::server::service::{Consistency, Service};

/// Reads by shard that wait for the next round, and the rounds under way. Bounded: a
/// session has at most `SESSION_FRAMES_MAX` frames under way.
pub(super) struct Rounds<T> {
    open: HashMap<ShardId, (Vec<T>, Instant)>,
    under_way: FuturesUnordered<BoxFuture<'static, (Vec<T>, Result<()>)>>,
}

impl<T> Default for Rounds<T> {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            under_way: FuturesUnordered::new(),
        }
    }
}

impl<T: Send + 'static> Rounds<T> {
    /// Adds a read to the next round of its shard.
    pub(super) fn add(&mut self, shard: ShardId, read: T, due: Instant) {
        let (reads, last_due) = self.open.entry(shard).or_insert_with(|| (Vec::new(), due));
        *last_due = due.max(*last_due);
        reads.push(read);
    }

    /// Begins a round for each shard that has reads. They all came before it, so that it
    /// confirms them all.
    pub(super) fn begin(&mut self, service: &Service) {
        for (id, (reads, due)) in self.open.drain() {
            let barrier = service
                .shard(id)
                .map(|shard| service.barrier(shard, Consistency::Linearizable, due));
            self.under_way.push(Box::pin(async move {
                let confirmed = match barrier {
                    Ok(Some(barrier)) => barrier.await,
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                (reads, confirmed)
            }));
        }
    }

    /// True while a round is under way.
    pub(super) fn is_waiting(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// The next round that has ended; `None` while there is none.
    pub(super) async fn next(&mut self) -> Option<(Vec<T>, Result<()>)> {
        self.under_way.next().await
    }
}
