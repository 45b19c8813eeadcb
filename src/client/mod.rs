//! The library programs use to talk to dkv: typed calls over a few streams, with
//! deadlines, retries, failover and locks that are kept. The same calls go to a node in
//! the same process, if a higher room gives the client one.
//!
//! Invariant: a write is applied at most once however often it is repeated, and an
//! error never claims to know more than is known: `Unavailable` only if nothing was
//! applied, else `Timeout`. Nothing here knows how a server works: `proto`, `base`
//! and `tls` are all it imports.

mod freshness;
mod handle;
mod options;

mod bucket;
mod kv;
mod past;
mod revert;
mod scan;
mod txn;
mod types;

mod guard;
mod lock;

mod call;
mod outcome;
mod sequence;

mod dial;
mod endpoint;
mod heard;
mod node;
mod resident;
mod route;
#[doc(hidden)]
pub mod simulated;
mod tls;

mod desk;
mod session;
mod slots;
mod waiting;

mod cluster;
mod figures;

mod watch;

mod convert;
mod error;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use dial::Dial;
pub(crate) use error::from_status;
pub(crate) use resident::Resident;

pub use crate::tls::Pem;
pub use bucket::{BucketDropped, BucketInfo, BucketList, BucketSettings};
pub use cluster::{
    Cluster, ClusterMember, ClusterOverview, ClusterShard, ClusterStatus, JoinToken, MemberView,
    PeerProgress, Role, ShardSnapshot,
};
pub use figures::{
    ClassSample, Figures, HealthCheck, HeldLock, HotKey, MemberLag, Sample, ShardFigures,
    ShardGroup,
};
pub use freshness::{Consistency, Dated, Freshness};
pub use guard::{LockGuard, LockOptions};
pub use handle::Client;
pub use lock::LockList;
pub use options::ClientOptions;
pub use past::{At, Change, ChangeKind, HistoryOptions, HistoryPage};
pub use revert::Reverted;
pub use scan::{Scan, ScanOptions};
pub use tls::TlsOptions;
pub use txn::{
    BatchOutcome, Compare, Op, OpOutcome, Relation, Transaction, TransactionOptions, Txn,
    TxnOutcome,
};
pub use types::{
    Changed, Condition, Counted, Deleted, Description, Fence, IncrOptions, KeyRange, LockInfo,
    Record, SetOptions, SetOutcome, ShardDescription, prefix_range,
};
pub use watch::{EventKind, Watch, WatchBatch, WatchEvent, WatchOptions, Watched};
