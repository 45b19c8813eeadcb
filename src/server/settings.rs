//! The settings a node runs with, resolved: plain values, nothing left to parse.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::limits;
use crate::base::types::ShardId;
pub use crate::machine::HistoryLimits;
pub use crate::store::Durability;
use crate::tls::{ClientAuth, Files};

/// Everything `dkv serve` needs to know before it starts.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where clients connect; at least one.
    pub listen: Vec<ListenAddress>,
    /// What clients are told instead of the first listen address.
    pub advertise: Option<String>,
    /// The shards to serve, by ascending id; at least one.
    pub shards: Vec<WantedShard>,
    /// Nobody asked for these: a member's directory keeps to the shards of its cluster.
    pub shards_by_default: bool,
    /// This member's name.
    pub node_id: Option<String>,
    /// Everything the node keeps.
    pub data_dir: PathBuf,
    /// When a write of a local shard counts as done.
    pub durability: Durability,
    /// Given to a request that names no deadline, and the most one may take.
    pub request_timeout: Duration,
    /// The largest value, bytes.
    pub value_bytes_max: usize,
    /// Commands between two snapshots of a shard.
    pub snapshot_entries: u64,
    /// Bytes of log between two snapshots of a shard.
    pub snapshot_bytes: u64,
    /// How connections are encrypted; `None`: they are not.
    pub tls: Option<TlsConfig>,
    /// How many connections clients may have, and how fast each may ask.
    pub connections: ConnectionLimits,
    /// Listening beyond loopback without TLS and authentication is wanted.
    pub insecure: bool,
    /// Gets one line, then end of file, when the node is ready.
    pub ready_fd: Option<i32>,
    /// The least serious events to log.
    pub log_level: LogLevel,
    /// How log lines look.
    pub log_format: LogFormat,
    /// The length of a log segment, bytes.
    pub wal_segment_bytes: u64,
    /// How engines on disk are run.
    pub disk_engine: DiskEngineConfig,
    /// How much of the past each shard keeps.
    pub history: HistoryLimits,
    /// How replicated shards are run; without any it means nothing.
    pub cluster: ClusterConfig,
}

/// How connections are encrypted, and who may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The node's certificate and key, and whom it trusts.
    pub files: Files,
    /// What clients must show. Members always show a certificate.
    pub client_auth: ClientAuth,
    /// The directory that has them, as `dkv cert` writes it. With the authority's key in it
    /// this node signs for new ones.
    pub certs: Option<PathBuf>,
    /// Where the token stands that a node without a certificate gets one for. It is kept in
    /// `certs`.
    pub join_token: Option<PathBuf>,
}

/// How many connections clients may have, and how fast each may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionLimits {
    /// At once, at least one for each address to listen on; `None`: as many as the process
    /// may have files open for.
    pub max: Option<usize>,
    /// From one address; `None`: `limits::CONNECTIONS_PER_ADDRESS_MAX` from other machines, and
    /// from this one no bound of its own.
    pub per_address_max: Option<usize>,
    /// Requests of one connection in a second; `None`: as many as come.
    pub rate: Option<NonZeroU32>,
}

/// How the members of a cluster find and watch each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where the other members connect.
    pub peer_listen: SocketAddr,
    /// What they are told instead: HOST:PORT.
    pub peer_advertise: Option<String>,
    /// The members of a cluster that is founded together: name and HOST:PORT of each,
    /// this one among them. Later only a hint where they are.
    pub members: Vec<(String, String)>,
    /// HOST:PORT of any member of the cluster to join.
    pub join: Option<String>,
    /// Between two signs of life of a leader.
    pub heartbeat: Duration,
    /// A follower stands for election 1.5 to 2 times this after the last of them.
    pub election_timeout: Duration,
    /// Commands of the log that are kept behind a snapshot, for members that lag.
    pub compaction_overhead: u64,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            peer_listen: SocketAddr::from(([127, 0, 0, 1], 63_001)),
            peer_advertise: None,
            members: Vec::new(),
            join: None,
            heartbeat: Duration::from_millis(50),
            election_timeout: Duration::from_millis(500),
            compaction_overhead: 5_000,
        }
    }
}

/// How the engines are run that keep their rows on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskEngineConfig {
    /// Memory of a shard for pages of its file, bytes.
    pub cache_bytes: usize,
    /// What a shard may hold in memory only, bytes: beyond it writers wait.
    pub unflushed_bytes_max: u64,
    /// A file below this is never written anew, bytes.
    pub rewrite_bytes_min: u64,
    /// What one piece of writing anew copies, bytes.
    pub rewrite_step_bytes: usize,
}

impl Default for DiskEngineConfig {
    fn default() -> Self {
        Self {
            cache_bytes: limits::ENGINE_CACHE_BYTES,
            unflushed_bytes_max: limits::ENGINE_UNFLUSHED_BYTES_MAX,
            rewrite_bytes_min: limits::ENGINE_REWRITE_BYTES_MIN,
            rewrite_step_bytes: limits::ENGINE_REWRITE_STEP_BYTES,
        }
    }
}

impl Default for ServeConfig {
    /// What `dkv serve` does without any flag.
    fn default() -> Self {
        let shard = |id, kind| WantedShard {
            id: ShardId(id),
            kind,
            engine: None,
        };
        Self {
            listen: vec![ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))],
            advertise: None,
            shards: vec![
                shard(100, ShardKind::Lstore),
                shard(200, ShardKind::LockmgrLstore),
            ],
            shards_by_default: true,
            node_id: None,
            data_dir: PathBuf::from("data"),
            durability: Durability::Fsync,
            request_timeout: Duration::from_secs(5),
            value_bytes_max: limits::VALUE_BYTES_MAX,
            snapshot_entries: 100_000,
            snapshot_bytes: 256 << 20,
            tls: None,
            connections: ConnectionLimits::default(),
            insecure: false,
            ready_fd: None,
            log_level: LogLevel::Info,
            log_format: LogFormat::Text,
            wal_segment_bytes: limits::WAL_SEGMENT_BYTES,
            disk_engine: DiskEngineConfig::default(),
            history: HistoryLimits::default(),
            cluster: ClusterConfig::default(),
        }
    }
}

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// `127.0.0.1:8080`; port 0 lets the operating system choose.
    Tcp(SocketAddr),
    /// `unix:/run/dkv.sock`
    Unix(PathBuf),
}

impl ListenAddress {
    /// False if other machines can connect.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One shard, as `--shards` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedShard {
    /// Never 0: on the wire that is the default shard.
    pub id: ShardId,
    /// What it stores, and where.
    pub kind: ShardKind,
    /// What keeps its rows; `None`: what has kept them, and the default for a new shard.
    pub engine: Option<EngineKind>,
}

/// One shard of a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardSpec {
    /// Never 0: on the wire that is the default shard.
    pub id: ShardId,
    /// What it stores, and where.
    pub kind: ShardKind,
    /// What keeps its rows.
    pub engine: EngineKind,
}

/// The type of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardKind {
    /// Keys and locks on this node only.
    Lstore,
    /// Keys and locks, replicated.
    Dstore,
    /// Locks on this node only.
    LockmgrLstore,
    /// Locks, replicated.
    LockmgrDstore,
}

impl ShardKind {
    /// Every type, in the order the help names them.
    pub const ALL: [Self; 4] = [
        Self::Lstore,
        Self::Dstore,
        Self::LockmgrLstore,
        Self::LockmgrDstore,
    ];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lstore => "lstore",
            Self::Dstore => "dstore",
            Self::LockmgrLstore => "lockmgr(lstore)",
            Self::LockmgrDstore => "lockmgr(dstore)",
        }
    }

    /// True if the shard lives on more than this node.
    pub fn is_replicated(self) -> bool {
        matches!(self, Self::Dstore | Self::LockmgrDstore)
    }

    /// True if the shard exposes keys, not only locks.
    pub fn has_keys(self) -> bool {
        matches!(self, Self::Lstore | Self::Dstore)
    }
}

impl fmt::Display for ShardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What keeps the rows of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// In memory, with checkpoints on disk.
    Memory,
    /// On disk.
    Redb,
}

impl EngineKind {
    /// Every engine, in the order the help names them.
    pub const ALL: [Self; 2] = [Self::Memory, Self::Redb];

    /// What a shard gets that names none.
    pub const DEFAULT: Self = Self::Redb;

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redb => "redb",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The least serious events to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what ended something.
    Error,
    /// And what somebody should look at.
    Warn,
    /// And what happened.
    Info,
    /// And why.
    Debug,
    /// And every step.
    Trace,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
