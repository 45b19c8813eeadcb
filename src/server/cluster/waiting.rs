//! What a node that starts is waiting for.

use std::sync::Arc;

use parking_lot::RwLock;

/// Why a node has not started yet, for its log and for whoever asks whether it is ready.
/// Clones are the same.
#[derive(Clone, Default)]
pub(in crate::server) struct Waiting {
    why: Arc<RwLock<Option<String>>>,
}

impl Waiting {
    /// It waits: said once in the log, until it waits for something else.
    pub(in crate::server) fn for_others(&self, why: String) {
        let mut said = self.why.write();
        if said.as_ref() != Some(&why) {
            tracing::info!("{why}");
            *said = Some(why);
        }
    }

    /// What it waited for is there.
    pub(super) fn is_over(&self) {
        *self.why.write() = None;
    }

    /// What it waits for, if it does.
    pub(in crate::server) fn why(&self) -> Option<String> {
        self.why.read().clone()
    }
}
