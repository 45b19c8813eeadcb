//! Ctrl-C, as a shell hears it from its first command to its last.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::base::{Error, Result};

/// What was heard. Clones hear the same, and each Ctrl-C is for one of them: for whoever waits,
/// or else for who asks next. Those that nobody asked for yet count as one.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
    heard: Arc<Notify>,
}

impl Interrupts {
    /// Listens from now on, as long as this event loop runs. Ctrl-C does not end the process
    /// any more.
    ///
    /// # Errors
    /// `Internal` if the operating system does not allow it.
    pub(super) fn listen() -> Result<Self> {
        let mut interrupted = signal(SignalKind::interrupt()).map_err(|error| {
            Error::internal(format!("cannot listen for signals: {error}")).with_source(error)
        })?;
        let interrupts = Self {
            heard: Arc::default(),
        };
        let heard = Arc::clone(&interrupts.heard);
        tokio::spawn(async move {
            while interrupted.recv().await.is_some() {
                heard.notify_one();
            }
        });
        Ok(interrupts)
    }

    /// Resolves at the next Ctrl-C, or at once if one came that nobody asked for.
    pub(crate) async fn next(&self) {
        self.heard.notified().await;
    }

    /// Whether one came that nobody asked for yet.
    pub(crate) fn came(&self) -> bool {
        self.heard.notified().now_or_never().is_some()
    }
}
