//! How background work stops the node: a failed write is never retried.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::base::{Error, ErrorKind};

/// Raised once, by whoever first finds that the node must not go on.
#[derive(Clone)]
pub struct Fatal {
    raised: Arc<Mutex<watch::Sender<Option<Raised>>>>,
}

#[derive(Clone)]
struct Raised {
    kind: ErrorKind,
    reason: String,
}

impl Fatal {
    /// Nothing has happened yet.
    #[allow(
        clippy::new_without_default,
        reason = "an event, not a value with a default"
    )]
    pub fn new() -> Self {
        Self {
            raised: Arc::new(Mutex::new(watch::Sender::new(None))),
        }
    }

    /// Stops the node; the first reason stands.
    pub fn raise(&self, reason: &str) {
        self.raise_as(ErrorKind::Internal, reason);
    }

    /// The same, because what the node holds is not to be trusted.
    pub fn raise_corrupt(&self, reason: &str) {
        self.raise_as(ErrorKind::Corrupt, reason);
    }

    fn raise_as(&self, kind: ErrorKind, reason: &str) {
        self.raised.lock().send_if_modified(|current| {
            let first = current.is_none();
            if first {
                let reason = reason.to_owned();
                *current = Some(Raised { kind, reason });
            }
            first
        });
    }

    /// Why the node must stop, if it must.
    pub fn reason(&self) -> Option<String> {
        let raised = self.raised.lock();
        let raised = raised.borrow();
        raised.as_ref().map(|raised| raised.reason.clone())
    }

    /// Resolves with what ends the node once there is something: `Corrupt` or `Internal`.
    pub async fn raised(&self) -> Error {
        let mut watching = self.raised.lock().subscribe();
        let raised = watching.wait_for(Option::is_some).await;
        match raised.as_deref() {
            Ok(Some(raised)) => Error::new(raised.kind, raised.reason.clone()),
            Ok(None) | Err(_) => Error::internal("the node must stop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stands_with_its_kind() {
        let fatal = Fatal::new();
        assert_eq!(fatal.reason(), None);
        fatal.raise_corrupt("another state");
        fatal.raise("a disk");
        assert_eq!(fatal.reason().as_deref(), Some("another state"));
        let error = fatal.raised().await;
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(error.message(), "another state");
    }
}
