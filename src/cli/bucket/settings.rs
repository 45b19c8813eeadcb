//! The settings of a bucket as words.

use std::time::Duration;

use clap::Args;

use crate::base::duration;
use crate::client::BucketSettings;
use crate::config::text;

/// How a bucket is kept.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Delete keys that are set without timers after this long; 0 is never
    #[arg(long, visible_alias = "ttl", value_name = "DURATION", value_parser = duration::parse)]
    delete_in: Option<Duration>,
    /// Drop the values of such keys after this long; 0 is never
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    expire_in: Option<Duration>,
    /// Refuse what makes keys and values take more than this, such as 64MiB; 0 is no limit
    #[arg(long, value_name = "SIZE", value_parser = text::size)]
    quota: Option<u64>,
    /// Refuse more keys than this; 0 is no limit
    #[arg(long, value_name = "N")]
    quota_keys: Option<u64>,
}

impl SettingsArgs {
    /// The settings, where they say something; the others as they are.
    pub(super) fn over(&self, settings: BucketSettings) -> BucketSettings {
        BucketSettings {
            expire_in: self.expire_in.unwrap_or(settings.expire_in),
            delete_in: self.delete_in.unwrap_or(settings.delete_in),
            no_history: settings.no_history,
            quota_bytes: self.quota.unwrap_or(settings.quota_bytes),
            quota_keys: self.quota_keys.unwrap_or(settings.quota_keys),
        }
    }
}
