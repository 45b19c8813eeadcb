//! The closed set of error kinds, and the one error type callers branch on.

use std::error::Error as StdError;
use std::fmt;

use crate::base::types::Revision;

/// The result of everything that can fail above the pure rooms.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of error it is, and so what the caller should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong: fix it.
    Invalid,
    /// No such shard or bucket: fix the name.
    NotFound,
    /// A condition failed where that was asked to be an error: read again, retry.
    Conflict,
    /// The fence is stale: stop, the lock was lost.
    FenceStale,
    /// Over a limit: send less, or later.
    LimitExceeded,
    /// The revision is gone: start from the floor the error names.
    Compacted,
    /// No or wrong credentials: get others.
    Unauthenticated,
    /// Not allowed with these credentials: get others.
    Denied,
    /// This node does not lead: retry at the leader. Nothing was applied.
    NotLeader,
    /// The node cannot serve now: retry elsewhere. Nothing was applied.
    Unavailable,
    /// The outcome is unknown: retry with the same request id.
    Timeout,
    /// Stored data is damaged: look at the log, restore, report.
    Corrupt,
    /// A defect of dkv: look at the log, report.
    Internal,
}

impl ErrorKind {
    /// Every kind, for exhaustive tables and tests.
    pub const ALL: [Self; 13] = [
        Self::Invalid,
        Self::NotFound,
        Self::Conflict,
        Self::FenceStale,
        Self::LimitExceeded,
        Self::Compacted,
        Self::Unauthenticated,
        Self::Denied,
        Self::NotLeader,
        Self::Unavailable,
        Self::Timeout,
        Self::Corrupt,
        Self::Internal,
    ];
}

/// Which limit `LimitExceeded` means, and so whether it helps to send less or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// What was sent or asked for is too large: send less.
    Size,
    /// Too much is under way: send it later.
    Rate,
    /// There is no room to keep more: make some.
    Room,
}

/// An error a caller can act on: a kind to branch on, a message that says what
/// was wrong with which value and what would be right, a source to debug.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    compacted_floor: Option<Revision>,
    leader: Option<String>,
    limit: Limit,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that reads as `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            compacted_floor: None,
            leader: None,
            limit: Limit::Size,
            source: None,
        }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Adds the first revision that is still there (`Compacted`).
    #[must_use]
    pub fn with_compacted_floor(mut self, floor: Revision) -> Self {
        self.compacted_floor = Some(floor);
        self
    }

    /// Adds where the leader takes requests (`NotLeader`).
    #[must_use]
    pub fn with_leader(mut self, leader: impl Into<String>) -> Self {
        self.leader = Some(leader.into());
        self
    }

    /// Says which limit it is (`LimitExceeded`); without it, of the size.
    #[must_use]
    pub fn with_limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// What the caller should branch on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a person should read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The first revision that is still there, for `Compacted`.
    pub fn compacted_floor(&self) -> Option<Revision> {
        self.compacted_floor
    }

    /// Where the leader takes requests, for `NotLeader`, if known.
    pub fn leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    /// Which limit it is, for `LimitExceeded`.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Shorthand for [`ErrorKind::Invalid`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Shorthand for [`ErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// Shorthand for [`ErrorKind::Timeout`].
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Timeout, message)
    }

    /// Shorthand for [`ErrorKind::LimitExceeded`].
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, message)
    }

    /// [`ErrorKind::LimitExceeded`]: too much is under way.
    pub fn too_busy(message: impl Into<String>) -> Self {
        Self::limit_exceeded(message).with_limit(Limit::Rate)
    }

    /// [`ErrorKind::LimitExceeded`]: there is no room to keep more.
    pub fn no_room(message: impl Into<String>) -> Self {
        Self::limit_exceeded(message).with_limit(Limit::Room)
    }

    /// Shorthand for [`ErrorKind::Corrupt`].
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Shorthand for [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
