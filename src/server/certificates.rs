//! The node's certificates while it runs: read at its start, and again when they change.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::base::{Error, Result};
use crate::tls::{Kept, Moment};

/// How often the files are looked at. A certificate that was taken back is out so soon.
const LOOK: Duration = Duration::from_secs(2);

/// From so many days before its end on, a certificate is spoken of once a day.
const WARNED_DAYS: i64 = 30;

/// Reads the files again whenever they have changed, or SIGHUP asks for it, until the node
/// stops. Connections stay open; those of whom is not trusted any more end.
pub(super) struct Follower {
    kept: Arc<Kept>,
    asked: Signal,
    /// What was wrong with the files when they were read last.
    wrong: String,
    /// The day of the last warning, counted from the end.
    warned: Option<i64>,
}

impl Follower {
    /// From now on.
    ///
    /// # Errors
    /// `Internal` if signals cannot be received.
    pub(super) fn new(kept: Arc<Kept>) -> Result<Self> {
        let asked = signal(SignalKind::hangup())
            .map_err(|error| Error::internal("signals cannot be received").with_source(error))?;
        Ok(Self {
            kept,
            asked,
            wrong: String::new(),
            warned: None,
        })
    }

    /// Until `stopping` holds true or its sender is gone.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            self.warn(Moment::now());
            let is_asked = tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                _ = self.asked.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            self.reload(is_asked).await;
        }
    }

    async fn reload(&mut self, is_asked: bool) {
        match self.kept.reload().await {
            Ok(is_new) => {
                if is_new {
                    let material = self.kept.current();
                    let leaf = &material.credentials.leaf;
                    tracing::info!(
                        certificate = %leaf.identity,
                        until = %leaf.not_after,
                        "certificates were read anew"
                    );
                } else if is_asked {
                    tracing::info!("certificates are as they were");
                }
                self.wrong.clear();
            }
            Err(error) => {
                let wrong = error.to_string();
                if is_asked || wrong != self.wrong {
                    tracing::warn!("certificates stay as they were: {wrong}");
                }
                self.wrong = wrong;
            }
        }
    }

    fn warn(&mut self, now: Moment) {
        let material = self.kept.current();
        let leaf = &material.credentials.leaf;
        let days = leaf.not_after.days_since(now);
        if days >= WARNED_DAYS || self.warned == Some(days) {
            return;
        }
        self.warned = Some(days);
        let cert = self.kept.files().cert.display();
        match days {
            0.. => tracing::warn!(
                "the certificate {cert} expires at {}: `dkv cert rotate {cert}` issues it anew",
                leaf.not_after
            ),
            _ => tracing::error!(
                "the certificate {cert} expired at {}, and nobody is let in with it: `dkv cert \
                 rotate {cert}` issues it anew",
                leaf.not_after
            ),
        }
    }
}
