//! What became of the operations of a history, in figures.

use std::collections::BTreeMap;

use crate::check::history::{Operation, Outcome};

/// How many operations ended how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// They read, or did what was asked for.
    pub(super) ok: u64,
    /// The answer was no: a condition did not hold, somebody else has the lock.
    pub(super) refused: u64,
    /// Nobody could serve them; nothing was applied.
    pub(super) failed: u64,
    /// Nobody knows whether they took place.
    pub(super) unknown: u64,
    /// Why the first of the last two ended so.
    pub(super) first_failure: Option<String>,
    /// By whom was asked.
    pub(super) by_member: BTreeMap<String, u64>,
    /// Who asked.
    pub(super) clients: u64,
}

impl Counts {
    pub(super) fn of(history: &[Operation]) -> Self {
        let mut counts = Self::default();
        let mut clients: Vec<u32> = Vec::new();
        for operation in history {
            counts.count(operation);
            if let Err(at) = clients.binary_search(&operation.client) {
                clients.insert(at, operation.client);
            }
        }
        counts.clients = clients.len() as u64;
        counts
    }

    fn count(&mut self, operation: &Operation) {
        match self.by_member.get_mut(&operation.node) {
            Some(count) => *count += 1,
            None => drop(self.by_member.insert(operation.node.clone(), 1)),
        }
        match &operation.outcome {
            Outcome::Read { .. }
            | Outcome::Written { .. }
            | Outcome::Deleted { .. }
            | Outcome::Acquired { .. }
            | Outcome::Renewed { .. }
            | Outcome::Released { .. } => self.ok += 1,
            Outcome::NotWritten { .. }
            | Outcome::NotDeleted { .. }
            | Outcome::NotAcquired { .. }
            | Outcome::NotRenewed { .. }
            | Outcome::NotReleased { .. }
            | Outcome::FenceStale => self.refused += 1,
            Outcome::Failed { why } => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| why.clone());
            }
            Outcome::Unknown { why } => {
                self.unknown += 1;
                self.first_failure.get_or_insert_with(|| why.clone());
            }
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.ok + self.refused + self.failed + self.unknown
    }
}
