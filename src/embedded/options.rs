//! What a store is told when it is opened.

use std::path::Path;
use std::time::Duration;

use super::{Durability, EngineKind};
use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};
use crate::client::ClientOptions;
use crate::server::settings::ServeConfig;

/// How to open a store. `..Default::default()` fills in the rest.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> dkv::base::Result<()> {
/// # let folder = tempfile::tempdir().expect("a directory for an example");
/// # let path = folder.path().join("data");
/// use dkv::LocalStore;
/// use dkv::embedded::{Durability, LocalStoreOptions};
///
/// let options = LocalStoreOptions {
///     durability: Durability::IntervalMs(50),
///     ..LocalStoreOptions::default()
/// };
/// let store = LocalStore::open_with(path, options).await?;
/// store.set("user:1", "alice").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalStoreOptions {
    /// When a write counts as done. Not kept in the directory: each start may choose.
    pub durability: Durability,
    /// What keeps the rows of a new directory (`None`: as `dkv serve` chooses). An existing
    /// directory keeps its engine, and is refused if another is named here.
    pub engine: Option<EngineKind>,
    /// Memory of a shard for pages of its file, bytes, with an engine on disk.
    pub cache_bytes: usize,
    /// The largest value, bytes.
    pub value_bytes_max: usize,
    /// Commands between two checkpoints of a shard, and ...
    pub snapshot_entries: u64,
    /// ... bytes of log between them, whichever comes first: what the next start reads.
    pub snapshot_bytes: u64,
    /// The length of a log segment, bytes: the log takes two of them from the start. At
    /// least four times the largest value, and a multiple of 4,096.
    pub wal_segment_bytes: u64,
    /// The shard that is asked, until
    /// [`Client::with_shard`](crate::Client::with_shard) says another. A new directory
    /// has 100 for keys and locks, and 200 for locks alone.
    pub shard: ShardId,
    /// The bucket; empty is the default bucket.
    pub bucket: String,
    /// How long a call may take. A lock's `wait` is added.
    pub timeout: Duration,
    /// How long to wait for a directory that is in use: whoever has just dropped a store
    /// is still putting it away.
    pub patience: Duration,
}

/// The longest write-behind, ms: as long as `dkv serve` allows.
const INTERVAL_MS_MAX: u64 = 60_000;

/// The smallest cache of an engine on disk, bytes: as small as `dkv serve` allows.
const CACHE_BYTES_MIN: usize = 1 << 20;

/// A write takes at most half a segment, and is not much longer than its value.
const SEGMENT_OVER_VALUE: u64 = 4;

impl Default for LocalStoreOptions {
    /// As `dkv serve` and `Client` have it.
    fn default() -> Self {
        let serve = ServeConfig::default();
        let client = ClientOptions::default();
        Self {
            durability: serve.durability,
            engine: None,
            cache_bytes: serve.disk_engine.cache_bytes,
            value_bytes_max: serve.value_bytes_max,
            snapshot_entries: serve.snapshot_entries,
            snapshot_bytes: serve.snapshot_bytes,
            wal_segment_bytes: serve.wal_segment_bytes,
            shard: client.shard,
            bucket: client.bucket,
            timeout: client.timeout,
            patience: Duration::from_secs(1),
        }
    }
}

impl LocalStoreOptions {
    /// The bounds that neither a client nor a node checks.
    pub(super) fn check(&self) -> Result<()> {
        if let Durability::IntervalMs(ms) = self.durability
            && !(1..=INTERVAL_MS_MAX).contains(&ms)
        {
            return Err(Error::invalid(format!(
                "the durability's interval is {ms} ms: choose 1 ms to 1 minute"
            )));
        }
        if !(1..=limits::VALUE_BYTES_MAX).contains(&self.value_bytes_max) {
            return Err(Error::invalid(format!(
                "value_bytes_max is {}: choose 1 to {}",
                self.value_bytes_max,
                limits::VALUE_BYTES_MAX
            )));
        }
        if self.cache_bytes < CACHE_BYTES_MIN {
            return Err(Error::invalid(format!(
                "cache_bytes is {}: choose at least {CACHE_BYTES_MIN}",
                self.cache_bytes
            )));
        }
        let least = SEGMENT_OVER_VALUE * self.value_bytes_max as u64;
        if self.wal_segment_bytes < least {
            return Err(Error::invalid(format!(
                "wal_segment_bytes is {}: with values of up to {} bytes (value_bytes_max) it must \
                 be at least {least}",
                self.wal_segment_bytes, self.value_bytes_max
            )));
        }
        if self.snapshot_entries == 0 || self.snapshot_bytes == 0 {
            return Err(Error::invalid(
                "snapshot_entries and snapshot_bytes must be at least 1: 0 would write \
                 checkpoints without end",
            ));
        }
        Ok(())
    }

    /// What the client of the store is told.
    pub(super) fn client(&self) -> ClientOptions {
        ClientOptions {
            shard: self.shard,
            bucket: self.bucket.clone(),
            timeout: self.timeout,
            ..ClientOptions::default()
        }
    }

    /// What the node of the store is told: the shards of `dkv serve` without a flag.
    pub(super) fn node(&self, dir: &Path) -> ServeConfig {
        let mut config = ServeConfig {
            listen: Vec::new(),
            data_dir: dir.to_owned(),
            durability: self.durability,
            value_bytes_max: self.value_bytes_max,
            snapshot_entries: self.snapshot_entries,
            snapshot_bytes: self.snapshot_bytes,
            wal_segment_bytes: self.wal_segment_bytes,
            request_timeout: self.timeout,
            ..ServeConfig::default()
        };
        for shard in &mut config.shards {
            shard.engine = self.engine;
        }
        config.disk_engine.cache_bytes = self.cache_bytes;
        config
    }
}
