//! News of one group, for those who wait for it.

use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::metrics::RaftServerMetrics;
use openraft::type_config::alias::WatchReceiverOf;

use super::types::Types;
use super::watch;

/// Waits for changes of a group.
pub struct Changes {
    pub(super) server: WatchReceiverOf<Types, RaftServerMetrics<Types>>,
    pub(super) term: watch::Receiver<u64>,
}

impl Changes {
    /// Resolves at the next change of who leads or of the members, and when the first entry
    /// of a leader is applied; never, once the group has stopped.
    pub async fn next(&mut self) {
        let changed = tokio::select! {
            biased;
            changed = self.server.changed() => changed.is_ok(),
            changed = self.term.has_changed() => changed,
        };
        if !changed {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for changes of who leads.
pub struct LeaderChanges {
    pub(super) server: WatchReceiverOf<Types, RaftServerMetrics<Types>>,
}

impl LeaderChanges {
    /// Resolves at the next change; never, once the group has stopped.
    pub async fn next(&mut self) {
        if self.server.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
