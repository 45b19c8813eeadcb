//! SIGHUP asks a node to read its certificates anew, and never ends one.

use tokio::signal::unix::{SignalKind, signal};

use crate::base::{Error, Result};

/// From now on the process outlives SIGHUP, whether or not somebody listens for it yet.
///
/// # Errors
/// `Internal` without signals.
pub(super) fn outlive(has_tls: bool) -> Result<()> {
    let asked = signal(SignalKind::hangup());
    // A signal that was taken once is taken until the process ends, also if this is dropped.
    let mut asked =
        asked.map_err(|error| Error::internal("signals cannot be received").with_source(error))?;
    if !has_tls {
        tokio::spawn(async move {
            while asked.recv().await.is_some() {
                tracing::info!(
                    "SIGHUP was received: this node speaks no TLS, so there is nothing to read anew"
                );
            }
        });
    }
    Ok(())
}
