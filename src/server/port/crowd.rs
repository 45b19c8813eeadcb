//! How many requests all connections of an address have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::base::{Error, limits};

/// The requests of one address that are open beyond the shares of its connections.
pub(super) struct Crowd {
    open: AtomicUsize,
    max: usize,
    /// Of all addresses.
    refused: Arc<AtomicU64>,
}

/// A request's place in the crowd, for as long as it is open.
pub(super) struct InCrowd(Arc<Crowd>);

/// Put into a request that came when its address had too many open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowded;

impl Crowd {
    /// So many, and what is refused is counted there, too.
    pub(super) fn new(max: usize, refused: &Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            max,
            refused: Arc::clone(refused),
        })
    }

    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>) -> Option<InCrowd> {
        let enter = |open: usize| (open < self.max).then_some(open + 1);
        let entered = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter);
        if entered.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(InCrowd(Arc::clone(self)))
    }
}

impl Drop for InCrowd {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Crowded {
    /// What whoever sent it is told.
    pub(super) fn refusal() -> Error {
        Error::too_busy(format!(
            "the connections from this address have too many requests open (more than {} beyond \
             {} for each connection): nothing was done; ask again when some have ended",
            limits::ADDRESS_STREAMS_MAX,
            limits::CONNECTION_STREAMS_SHARE
        ))
    }
}
