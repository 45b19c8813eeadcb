//! What clients asked, what they were told, and when: one line of JSON for each operation.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// One call of one client, from its invocation to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    /// Who asked: one operation at a time.
    pub(crate) client: u32,
    /// Who was asked; `any` if the client chose by itself.
    pub(crate) node: String,
    /// On the one clock of the recorder.
    pub(crate) invoked_ns: u64,
    /// When the answer was there, or the client gave up.
    pub(crate) returned_ns: u64,
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
}

/// What was asked for. Every set of a history has a value of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Get {
        key: String,
        consistency: Consistency,
    },
    Set {
        key: String,
        value: String,
        condition: Option<Condition>,
        fence: Option<Fence>,
    },
    Delete {
        key: String,
        fence: Option<Fence>,
    },
    Acquire {
        lock: String,
        /// Fresh for each acquisition.
        owner: String,
        /// 0: until released.
        ttl_ms: u64,
        /// Whether it queued: the lock may have been passed on to it.
        waits: bool,
    },
    Renew {
        lock: String,
        owner: String,
        ttl_ms: u64,
    },
    Release {
        lock: String,
        owner: String,
    },
    /// Something that others judge: here it only counts that it takes one revision if it is
    /// written.
    Other {
        what: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Consistency {
    Linearizable,
    Stale,
}

/// Under which a set takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Absent,
    Present,
    Value(String),
    /// The key was last changed at this revision, which a read had shown to have brought `value`.
    Unchanged {
        revision: u64,
        value: String,
    },
}

/// The lock a write stands under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fence {
    pub(crate) lock: String,
    pub(crate) token: u64,
}

/// What became of it, as far as the client knows. `revision` is that of the reply, where the
/// client could see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Read {
        found: Option<Found>,
        revision: Option<u64>,
    },
    Written {
        revision: u64,
    },
    /// The condition did not hold.
    NotWritten {
        revision: Option<u64>,
    },
    Deleted {
        revision: u64,
    },
    /// There was no such key.
    NotDeleted {
        revision: Option<u64>,
    },
    Acquired {
        fence: u64,
    },
    NotAcquired {
        revision: Option<u64>,
    },
    Renewed {
        fence: u64,
        revision: Option<u64>,
    },
    NotRenewed {
        revision: Option<u64>,
    },
    /// The owner does not hold the lock any more, if it ever did.
    Released {
        revision: Option<u64>,
    },
    NotReleased {
        revision: Option<u64>,
    },
    /// Refused: the fence is not that of the holder.
    FenceStale,
    /// It changed nothing, for sure.
    Failed {
        why: String,
    },
    /// It may have taken place, may take place later, or never.
    Unknown {
        why: String,
    },
}

/// A key as a read showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) value: String,
    /// Of the write that brought the value.
    pub(crate) revision: u64,
}

impl Operation {
    /// True if nobody knows what became of it.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown { .. })
    }

    /// The key it is about, if it is about one.
    pub(crate) fn key(&self) -> Option<&str> {
        match &self.action {
            Action::Get { key, .. } | Action::Set { key, .. } | Action::Delete { key, .. } => {
                Some(key)
            }
            _ => None,
        }
    }

    /// True for a read that may answer from the past.
    pub(crate) fn is_stale_read(&self) -> bool {
        let stale = Consistency::Stale;
        matches!(&self.action, Action::Get { consistency, .. } if *consistency == stale)
    }

    /// The lock a write stands under, if any.
    pub(crate) fn fence(&self) -> Option<&Fence> {
        match &self.action {
            Action::Set { fence, .. } | Action::Delete { fence, .. } => fence.as_ref(),
            _ => None,
        }
    }
}

/// Collects operations of many clients on one clock.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    operations: Mutex<Vec<Operation>>,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
            operations: Mutex::default(),
        }
    }

    /// The moment, on the clock of this history.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).expect("a run takes less than 500 years")
    }

    pub(crate) fn record(&self, operation: Operation) {
        let operations = self.operations.lock();
        let mut operations = operations.unwrap_or_else(PoisonError::into_inner);
        operations.push(operation);
    }

    /// How many operations ended so far.
    pub(crate) fn len(&self) -> usize {
        let operations = self.operations.lock();
        operations.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Everything that was recorded, by invocation.
    pub(crate) fn history(&self) -> Vec<Operation> {
        let operations = self.operations.lock();
        let mut history = operations.unwrap_or_else(PoisonError::into_inner).clone();
        history.sort_by_key(|operation| (operation.invoked_ns, operation.client));
        history
    }
}

/// Writes a history, a line for each operation.
pub(crate) fn save(history: &[Operation], path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for operation in history {
        serde_json::to_writer(&mut file, operation)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Reads what [`save`] wrote.
pub(crate) fn load(path: &Path) -> io::Result<Vec<Operation>> {
    let lines = BufReader::new(File::open(path)?).lines();
    lines
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}
