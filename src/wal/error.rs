//! What can go wrong with the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::record::GroupId;
use crate::base::host::is_no_room;
use crate::base::types::LogIndex;
use crate::base::{Error, ErrorKind, Limit};

/// A failure of the log. Cheap to clone: one failed batch answers many callers.
#[derive(Debug, Clone, Error)]
pub enum WalError {
    /// The file system failed while the log was being opened or replayed.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Something known to have been durable is damaged.
    #[error(
        "{}: damaged at byte {offset}: {what}; the log is not cut there, because that would lose \
         acknowledged writes: restore this node from a backup",
        path.display()
    )]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where in it, bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A segment was written by a newer dkv.
    #[error(
        "{}: written in log format {found}; this dkv reads up to {supported}: upgrade dkv",
        path.display()
    )]
    NewerFormat {
        /// The segment.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this build reads.
        supported: u32,
    },
    /// A segment belongs to another data directory.
    #[error(
        "{}: written by node {found}, but this is node {expected}: put back this node's own log",
        path.display()
    )]
    OtherNode {
        /// The segment.
        path: PathBuf,
        /// Who wrote it.
        found: crate::base::types::NodeId,
        /// Whose directory this is.
        expected: crate::base::types::NodeId,
    },
    /// The next segment could not be allocated. The log takes entries again by
    /// itself once there is room.
    #[error(
        "{}: no space left for the next log segment: free {needed_bytes} bytes; until then this \
         node is read-only",
        path.display()
    )]
    ReadOnly {
        /// The segment that could not be allocated.
        path: PathBuf,
        /// Bytes it takes.
        needed_bytes: u64,
    },
    /// A start found no room for the part of the log that it must write again.
    #[error(
        "{}: no space left to repair the log: free {needed_bytes} bytes and start again",
        path.display()
    )]
    OutOfSpace {
        /// The segment that could not be allocated.
        path: PathBuf,
        /// Bytes it takes.
        needed_bytes: u64,
    },
    /// Too much is waiting for the disk: come back later.
    #[error("{queued_bytes} bytes wait for the disk already: retry later")]
    QueueFull {
        /// Bytes waiting.
        queued_bytes: u64,
    },
    /// One append is larger than a batch may be, or the states of all groups
    /// together are larger than what the head of a segment holds.
    #[error("{what} of {bytes} bytes is too large for the log: the limit is {bytes_max}")]
    TooLarge {
        /// Of what there is too much.
        what: &'static str,
        /// How much.
        bytes: u64,
        /// How much there may be.
        bytes_max: u64,
    },
    /// A write or fsync failed, now or earlier. Nothing is retried: the node must
    /// stop, and what was not acknowledged may or may not be in the log.
    #[error("the log stopped after a failure: {0}")]
    Poisoned(Arc<str>),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// A group was to be read back that the log keeps no index of.
    #[error("group {group} was not opened for reading: name it in the log's options")]
    NotIndexed {
        /// The group.
        group: GroupId,
    },
    /// Entries are missing between two that are there: whoever wrote them left some out
    /// and did not purge what was before.
    #[error("the log of group {group} goes on at entry {next} after entry {last}")]
    Hole {
        /// The group.
        group: GroupId,
        /// The last entry before the hole.
        last: LogIndex,
        /// The first after it.
        next: LogIndex,
    },
    /// The options make no log.
    #[error("{0}")]
    Options(String),
}

impl WalError {
    pub(super) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            action,
            source: Arc::new(source),
        }
    }

    pub(super) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            offset,
            what: what.into(),
        }
    }

    /// True when the file system had no room; everything else poisons.
    pub(super) fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if is_no_room(source))
    }
}

impl From<WalError> for Error {
    fn from(error: WalError) -> Self {
        let kind = match &error {
            WalError::Corrupt { .. } | WalError::Hole { .. } => ErrorKind::Corrupt,
            // Nothing is damaged: this log and this program, or node, do not belong together.
            WalError::NewerFormat { .. } | WalError::OtherNode { .. } => ErrorKind::Invalid,
            WalError::ReadOnly { .. }
            | WalError::OutOfSpace { .. }
            | WalError::QueueFull { .. }
            | WalError::TooLarge { .. } => ErrorKind::LimitExceeded,
            WalError::Options(_) => ErrorKind::Invalid,
            WalError::Closed => ErrorKind::Unavailable,
            // After the log was given a record, its outcome is unknown.
            WalError::Poisoned(_) => ErrorKind::Timeout,
            WalError::Io { .. } | WalError::NotIndexed { .. } => ErrorKind::Internal,
        };
        let limit = match &error {
            WalError::ReadOnly { .. } | WalError::OutOfSpace { .. } => Limit::Room,
            WalError::QueueFull { .. } => Limit::Rate,
            _ => Limit::Size,
        };
        Error::new(kind, error.to_string())
            .with_limit(limit)
            .with_source(error)
    }
}
