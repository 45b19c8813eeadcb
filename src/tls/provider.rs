//! What every configuration shares: the cryptography, and the clock.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use super::moment::Moment;

/// The one provider, given wherever rustls wants one: never a process-wide default that
/// another crate may have set.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The wall clock of `base::host`.
#[derive(Debug)]
pub(crate) struct HostTime;

impl TimeProvider for HostTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(Moment::now()))
    }
}

/// A moment as rustls has it; the start of 1970 for what is before.
pub(crate) fn unix_time(moment: Moment) -> UnixTime {
    let seconds = u64::try_from(moment.0).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
