//! What a node needs to know to start, validated. Where each setting came from is
//! `config.rs`'s business.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::base::types::ShardId;
use crate::base::{Error, limits};
pub use crate::store::Durability;

/// Everything `dkv serve` was told.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Client addresses: gRPC on each.
    pub listen: Vec<ListenAddress>,
    /// What clients are told instead of the first of them.
    pub advertise: Option<String>,
    /// The shards to have.
    pub shards: Vec<ShardSpec>,
    /// This member's name.
    pub node_id: Option<String>,
    /// Everything the node keeps.
    pub data_dir: PathBuf,
    /// When local shards acknowledge.
    pub durability: Durability,
    /// For requests that name no deadline.
    pub request_timeout: Duration,
    /// The largest value, bytes.
    pub value_bytes_max: usize,
    /// Commands between checkpoints, and ...
    pub snapshot_entries: u64,
    /// ... bytes of log between them: whichever comes first.
    pub snapshot_bytes: u64,
    /// A log segment, bytes.
    pub wal_segment_bytes: u64,
}

impl Default for ServeConfig {
    fn default() -> Self {
        let shard = |id, kind| ShardSpec { id: ShardId(id), kind, engine: EngineKind::Memory };
        Self {
            listen: vec![ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))],
            advertise: None,
            shards: vec![shard(100, ShardKind::Lstore), shard(200, ShardKind::LockmgrLstore)],
            node_id: None,
            data_dir: PathBuf::from("data"),
            durability: Durability::Fsync,
            request_timeout: Duration::from_secs(5),
            value_bytes_max: limits::VALUE_BYTES_MAX,
            snapshot_entries: 100_000,
            snapshot_bytes: 256 << 20,
            wal_segment_bytes: limits::WAL_SEGMENT_BYTES,
        }
    }
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A shard to have: `ID=TYPE` or `ID:TYPE`, TYPE optionally with `/ENGINE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardSpec {
    /// Its id.
    pub id: ShardId,
    /// What it exposes, and what orders it.
    pub kind: ShardKind,
    /// What keeps its rows.
    pub engine: EngineKind,
}

/// The four types of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardKind {
    /// Local: keys and locks of this node only.
    Lstore,
    /// Replicated: keys and locks.
    Dstore,
    /// Local, locks only.
    LockmgrLstore,
    /// Replicated, locks only.
    LockmgrDstore,
}

/// What keeps a shard's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// In memory, with checkpoints.
    Memory,
    /// On disk.
    Redb,
}

impl ShardKind {
    /// False for lock managers.
    pub fn holds_keys(self) -> bool {
        matches!(self, Self::Lstore | Self::Dstore)
    }

    /// True for the types that Raft orders.
    pub fn is_replicated(self) -> bool {
        matches!(self, Self::Dstore | Self::LockmgrDstore)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lstore => "lstore",
            Self::Dstore => "dstore",
            Self::LockmgrLstore => "lockmgr(lstore)",
            Self::LockmgrDstore => "lockmgr(dstore)",
        }
    }
}

impl fmt::Display for ShardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ShardKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Lstore, Self::Dstore, Self::LockmgrLstore, Self::LockmgrDstore];
        all.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            Error::invalid(format!(
                "`{text}` is not a shard type: choose lstore, dstore, lockmgr(lstore) or \
                 lockmgr(dstore)"
            ))
        })
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Redb => "redb",
        })
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "memory" => Ok(Self::Memory),
            "redb" => Ok(Self::Redb),
            _ => Err(Error::invalid(format!("`{text}` is not an engine: choose memory or redb"))),
        }
    }
}
