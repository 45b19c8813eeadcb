//! How background work stops the node: a failed write is never retried.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Raised once, by whoever first finds that the node must not go on.
#[derive(Clone)]
pub struct Fatal {
    reason: Arc<Mutex<watch::Sender<Option<String>>>>,
}

impl Fatal {
    /// Nothing has happened yet.
    #[allow(
        clippy::new_without_default,
        reason = "an event, not a value with a default"
    )]
    pub fn new() -> Self {
        Self {
            reason: Arc::new(Mutex::new(watch::Sender::new(None))),
        }
    }

    /// Stops the node; the first reason stands.
    pub fn raise(&self, reason: &str) {
        self.reason.lock().send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason.to_owned());
            }
            first
        });
    }

    /// Why the node must stop, if it must.
    pub fn reason(&self) -> Option<String> {
        self.reason.lock().borrow().clone()
    }

    /// Resolves with the reason once there is one.
    pub async fn raised(&self) -> String {
        let mut watching = self.reason.lock().subscribe();
        let reason = watching.wait_for(Option::is_some).await;
        reason.map_or_else(
            |_| String::new(),
            |reason| reason.clone().unwrap_or_default(),
        )
    }
}
