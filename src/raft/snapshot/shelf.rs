//! The snapshot that is being sent, kept for a while after the last use of it, so that a
//! transfer that broke off need not begin anew.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::Outgoing;
use crate::base::types::LogIndex;
use crate::raft::codec::index_or_zero;

/// How long a snapshot is kept that nobody takes in: a follower that is down must not hold
/// the leader's log for ever, however often it is tried.
const KEPT: Duration = Duration::from_secs(60);

/// At most one snapshot.
#[derive(Default)]
pub(in crate::raft) struct Shelf {
    kept: Mutex<Option<Arc<Outgoing>>>,
}

impl Shelf {
    /// The snapshot, if it is still kept.
    pub(in crate::raft) fn take_up(&self) -> Option<Arc<Outgoing>> {
        let mut kept = self.kept.lock();
        kept.take_if(|outgoing| outgoing.used.lock().elapsed() > KEPT);
        kept.clone()
    }

    pub(in crate::raft) fn put(&self, outgoing: Arc<Outgoing>) {
        *self.kept.lock() = Some(outgoing);
    }

    /// Entries behind this one must stay in the log: whoever gets the snapshot needs
    /// them next.
    pub(in crate::raft) fn pins(&self) -> Option<LogIndex> {
        let outgoing = self.take_up()?;
        Some(index_or_zero(outgoing.meta().last_log_id.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::log::tests::TestReplica;
    use crate::raft::types::SnapshotMeta;
    use crate::raft::{Frozen, Replica};

    async fn frozen() -> Arc<Outgoing> {
        let Frozen { view, .. } = TestReplica::in_memory().freeze().await.unwrap();
        Arc::new(Outgoing::new(SnapshotMeta::default(), view))
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_follower_takes_in_pins_the_log_for_a_minute_however_often_it_is_tried() {
        let shelf = Shelf::default();
        shelf.put(frozen().await);
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(700)).await;
            let _tried = shelf.take_up();
        }
        assert_eq!(shelf.pins(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_follower_takes_in_stays() {
        let shelf = Shelf::default();
        let outgoing = frozen().await;
        shelf.put(outgoing.clone());
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(700)).await;
            outgoing.note_use();
        }
        assert!(shelf.pins().is_some());
    }
}
