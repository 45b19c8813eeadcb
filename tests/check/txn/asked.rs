//! What a player asks of a store, in words that each test crate translates, and what it hears.

use std::collections::BTreeMap;

use crate::check::history::Found;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Reads keys at once, in a transaction.
    Look {
        keys: Vec<String>,
    },
    /// Reads keys at one revision, without a transaction.
    Many {
        keys: Vec<String>,
    },
    /// Reads all keys that begin so, in a scan.
    Scan {
        prefix: String,
    },
    /// Changes keys if each of `unchanged` was last changed at its revision; 0: is not there.
    Commit {
        unchanged: Vec<(String, u64)>,
        /// `None`: removes it.
        puts: Vec<(String, Option<String>)>,
        adds: Vec<(String, i64)>,
    },
    Add {
        key: String,
        by: i64,
    },
    /// Several additions in one request.
    Batch {
        adds: Vec<(String, i64)>,
    },
    Get {
        bucket: String,
        key: String,
    },
    Put {
        bucket: String,
        key: String,
        value: Option<String>,
    },
    /// Makes a bucket, or drops it.
    Make {
        bucket: String,
    },
    Drop {
        bucket: String,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// What was there, of whatever reads.
    Seen {
        found: BTreeMap<String, Found>,
        revision: u64,
    },
    /// It took place.
    Done {
        revision: u64,
    },
    /// It was so already.
    NothingToDo {
        revision: u64,
    },
    /// A key was not unchanged: nothing was done.
    Refused {
        revision: u64,
    },
    /// An addition, or each of a batch.
    Added(Vec<Each>),
    NoBucket,
    /// It changed nothing, for sure.
    Failed {
        why: String,
    },
    /// Nobody knows.
    Unknown {
        why: String,
    },
}

/// What became of one addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Each {
    Added { now: i64, revision: u64 },
    Failed { why: String },
    Unknown { why: String },
}

impl Ask {
    /// True if it may change something.
    pub(crate) fn is_write(&self) -> bool {
        self.changes() > 0
    }

    /// How many revisions it takes at most.
    pub(crate) fn changes(&self) -> usize {
        match self {
            Self::Look { .. } | Self::Many { .. } | Self::Scan { .. } | Self::Get { .. } => 0,
            Self::Batch { adds } => adds.len(),
            _ => 1,
        }
    }
}
