//! The snapshot that is being sent, kept for a while after the last use of it, so that a
//! transfer that broke off need not begin anew.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Outgoing;
use crate::base::types::LogIndex;
use crate::raft::codec::index_or_zero;

/// How long a snapshot is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(60);

/// At most one snapshot.
#[derive(Default)]
pub(in crate::raft) struct Shelf {
    kept: Mutex<Option<(Arc<Outgoing>, Instant)>>,
}

impl Shelf {
    /// The snapshot, if it is still kept.
    pub(in crate::raft) fn take_up(&self) -> Option<Arc<Outgoing>> {
        let mut kept = self.kept.lock();
        expire(&mut kept);
        let (outgoing, used) = kept.as_mut()?;
        *used = Instant::now();
        Some(outgoing.clone())
    }

    pub(in crate::raft) fn put(&self, outgoing: Arc<Outgoing>) {
        *self.kept.lock() = Some((outgoing, Instant::now()));
    }

    /// Entries behind this one must stay in the log: whoever gets the snapshot needs
    /// them next.
    pub(in crate::raft) fn pins(&self) -> Option<LogIndex> {
        let mut kept = self.kept.lock();
        expire(&mut kept);
        let (outgoing, _) = kept.as_ref()?;
        Some(index_or_zero(outgoing.meta().last_log_id.as_ref()))
    }
}

fn expire(kept: &mut Option<(Arc<Outgoing>, Instant)>) {
    // Whoever sends it holds it, too.
    let is_over = kept
        .as_ref()
        .is_some_and(|(outgoing, used)| Arc::strong_count(outgoing) == 1 && used.elapsed() > KEPT);
    if is_over {
        *kept = None;
    }
}
