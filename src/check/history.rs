//! What clients asked, what they were told, and when: one line of JSON for each operation.

use std::io::{BufRead, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::base::host::{Clock, SystemClock};
use crate::base::{Error, Result};
use crate::check::form;

/// One call of one client, from its invocation to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who asked: one operation at a time.
    pub client: u32,
    /// Who was asked; `any` if the client chose by itself.
    pub node: String,
    /// On the one clock of the recorder.
    pub invoked_ns: u64,
    /// When the answer was there, or the client gave up.
    pub returned_ns: u64,
    /// What it asked for.
    pub action: Action,
    /// What became of that.
    pub outcome: Outcome,
}

/// What was asked for. Every set of a history has a value of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Reads a key.
    Get {
        /// Which.
        key: String,
        /// How fresh the answer must be.
        consistency: Consistency,
    },
    /// Sets a key.
    Set {
        /// Which.
        key: String,
        /// Unlike that of any other set.
        value: String,
        /// Under which it takes place, if any.
        condition: Option<Condition>,
        /// The lock it stands under, if any.
        fence: Option<Fence>,
    },
    /// Removes a key.
    Delete {
        /// Which.
        key: String,
        /// The lock it stands under, if any.
        fence: Option<Fence>,
    },
    /// Takes a lock.
    Acquire {
        /// Which.
        lock: String,
        /// Fresh for each acquisition.
        owner: String,
        /// 0: until released.
        ttl_ms: u64,
        /// Whether it queued: the lock may have been passed on to it.
        waits: bool,
    },
    /// Makes the lease of a lock last from now.
    Renew {
        /// Which.
        lock: String,
        /// Of the acquisition.
        owner: String,
        /// 0: until released.
        ttl_ms: u64,
    },
    /// Gives a lock up.
    Release {
        /// Which.
        lock: String,
        /// Of the acquisition.
        owner: String,
    },
    /// Something that others judge: here it only counts that it takes one revision if it is
    /// written.
    Other {
        /// For people.
        what: String,
    },
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// It sees every write that was done before it.
    Linearizable,
    /// It may be of the past.
    Stale,
}

/// What must hold for a set to take place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key holds this.
    Value(String),
    /// The key was last changed at this revision, which a read had shown to have brought `value`.
    Unchanged {
        /// Of the last change.
        revision: u64,
        /// What it brought.
        value: String,
    },
}

/// The lock a write stands under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Its name.
    pub lock: String,
    /// The fence of the grant.
    pub token: u64,
}

/// What became of it, as far as the client knows. `revision` is that of the reply, where the
/// client could see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A key was read.
    Read {
        /// `None`: it was not there.
        found: Option<Found>,
        /// Of the state that was read.
        revision: Option<u64>,
    },
    /// The key was set.
    Written {
        /// Of the change.
        revision: u64,
    },
    /// The condition did not hold.
    NotWritten {
        /// Of the state that was looked at.
        revision: Option<u64>,
    },
    /// The key was removed.
    Deleted {
        /// Of the change.
        revision: u64,
    },
    /// There was no such key.
    NotDeleted {
        /// Of the state that was looked at.
        revision: Option<u64>,
    },
    /// The lock was granted.
    Acquired {
        /// Of the grant: its revision.
        fence: u64,
    },
    /// Somebody else holds the lock.
    NotAcquired {
        /// Of the state that was looked at.
        revision: Option<u64>,
    },
    /// The lease lasts anew.
    Renewed {
        /// Of the grant.
        fence: u64,
        /// Of the change.
        revision: Option<u64>,
    },
    /// The owner does not hold the lock any more, if it ever did.
    NotRenewed {
        /// Of the state that was looked at.
        revision: Option<u64>,
    },
    /// The owner does not hold the lock any more.
    Released {
        /// Of the state after it.
        revision: Option<u64>,
    },
    /// Somebody else holds the lock.
    NotReleased {
        /// Of the state that was looked at.
        revision: Option<u64>,
    },
    /// Refused: the fence is not that of the holder.
    FenceStale,
    /// It changed nothing, for sure.
    Failed {
        /// For people.
        why: String,
    },
    /// It may have taken place, may take place later, or never.
    Unknown {
        /// For people.
        why: String,
    },
}

/// A key as a read showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it held.
    pub value: String,
    /// Of the write that brought the value.
    pub revision: u64,
}

impl Operation {
    /// True if nobody knows what became of it.
    pub fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown { .. })
    }

    /// The key it is about, if it is about one.
    pub fn key(&self) -> Option<&str> {
        match &self.action {
            Action::Get { key, .. } | Action::Set { key, .. } | Action::Delete { key, .. } => {
                Some(key)
            }
            _ => None,
        }
    }

    /// True for a read that may answer from the past.
    pub fn is_stale_read(&self) -> bool {
        let stale = Consistency::Stale;
        matches!(&self.action, Action::Get { consistency, .. } if *consistency == stale)
    }

    /// The lock a write stands under, if any.
    pub fn fence(&self) -> Option<&Fence> {
        match &self.action {
            Action::Set { fence, .. } | Action::Delete { fence, .. } => fence.as_ref(),
            _ => None,
        }
    }
}

/// Collects operations of many clients on one clock.
pub struct Recorder {
    clock: Arc<dyn Clock>,
    began_us: u64,
    operations: Mutex<Vec<Operation>>,
}

impl Recorder {
    /// Begins a history now, on the clock of this machine.
    #[must_use]
    pub fn start() -> Self {
        let clock = Arc::new(SystemClock::new());
        Self {
            began_us: clock.boot_us(),
            clock,
            operations: Mutex::default(),
        }
    }

    /// The moment, on the clock of this history, which goes in microseconds. Operations that
    /// touch within one of them count as overlapping.
    pub fn now_ns(&self) -> u64 {
        self.clock.boot_us().saturating_sub(self.began_us) * 1_000
    }

    /// Adds an operation that has ended.
    pub fn record(&self, operation: Operation) {
        self.operations.lock().push(operation);
    }

    /// How many operations ended so far.
    pub fn len(&self) -> usize {
        self.operations.lock().len()
    }

    /// True if none ended so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that was recorded, by invocation.
    pub fn history(&self) -> Vec<Operation> {
        sorted(self.operations.lock().clone())
    }

    /// The same, and nothing is left of it here.
    pub fn take(&self) -> Vec<Operation> {
        sorted(std::mem::take(&mut *self.operations.lock()))
    }
}

fn sorted(mut history: Vec<Operation>) -> Vec<Operation> {
    history.sort_by_key(|operation| (operation.invoked_ns, operation.client));
    history
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("len", &self.len())
            .finish()
    }
}

/// Writes a history, a line of JSON for each operation.
///
/// # Errors
/// `Invalid` if `to` takes no more.
pub fn write(history: &[Operation], to: &mut impl Write) -> Result<()> {
    let written = history
        .iter()
        .try_for_each(|operation| -> std::io::Result<()> {
            serde_json::to_writer(&mut *to, operation)?;
            to.write_all(b"\n")
        });
    written.and_then(|()| to.flush()).map_err(|error| {
        Error::invalid(format!("the history cannot be written: {error}")).with_source(error)
    })
}

/// Reads what [`write()`] wrote, and makes sure that it can be judged: see [`form::check`].
///
/// # Errors
/// `Invalid`, naming the line that is no operation, or one that no client can have recorded.
pub fn read(from: impl BufRead) -> Result<Vec<Operation>> {
    let mut history = Vec::new();
    for (number, line) in (1..).zip(from.lines()) {
        let line = line.map_err(|error| {
            Error::invalid(format!("line {number} cannot be read: {error}")).with_source(error)
        })?;
        let operation = serde_json::from_str(&line).map_err(|error| {
            Error::invalid(format!(
                "line {number} is no operation of a history: {error}"
            ))
            .with_source(error)
        })?;
        history.push(operation);
    }
    form::check(&history)?;
    Ok(history)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;

    fn read_at_absent() -> Operation {
        Operation {
            client: 1,
            node: "node-1".to_owned(),
            invoked_ns: 10,
            returned_ns: 20,
            action: Action::Get {
                key: "a".to_owned(),
                consistency: Consistency::Linearizable,
            },
            outcome: Outcome::Read {
                found: None,
                revision: Some(7),
            },
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let recorder = Recorder::start();
        recorder.record(read_at_absent());
        let history = recorder.take();
        assert!(recorder.is_empty());
        let mut text = Vec::new();
        write(&history, &mut text).unwrap();
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(read(&text[..]).unwrap(), history);
    }

    #[test]
    fn a_line_that_is_no_operation_is_named() {
        let mut text = Vec::new();
        write(&[read_at_absent()], &mut text).unwrap();
        text.extend_from_slice(b"{\"client\":2,");
        let error = read(&text[..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.message().starts_with("line 2 is no operation"),
            "{error}"
        );
    }
}
