//! Flags that several lock commands share.

use std::time::Duration;

use clap::Args;

use crate::base::duration;

/// The lease of a lock.
#[derive(Debug, Args)]
pub(super) struct LeaseArgs {
    /// Hold the lock for this long, unless renewed; 0 is until released
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub(super) ttl: Duration,
}

impl LeaseArgs {
    /// `None`: until released.
    pub(super) fn ttl(&self) -> Option<Duration> {
        Some(self.ttl).filter(|ttl| !ttl.is_zero())
    }
}

/// How long to queue for a lock.
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// Wait this long for the lock, first come, first served
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration::parse)]
    #[arg(hide_default_value = true)]
    pub(super) wait: Duration,
}
