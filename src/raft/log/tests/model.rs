//! What the log must be after a crash, told without any of its code.
//!
//! All that a log is told goes into one stream, so a crash leaves what it was after some
//! step, and no earlier one than the last that was acknowledged.

use std::collections::VecDeque;

use bytes::Bytes;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;

use super::Log;
use super::parts;
use crate::raft::types::{LogId, Vote};

/// A log, by the library's numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) vote: Option<Vote>,
    pub(super) committed: Option<LogId>,
    pub(super) purged: Option<LogId>,
    /// Term and payload of each entry behind `purged`.
    pub(super) entries: VecDeque<(u64, Bytes)>,
}

impl Contents {
    pub(super) fn first(&self) -> u64 {
        self.purged.map_or(0, |purged| purged.index() + 1)
    }

    pub(super) fn end(&self) -> u64 {
        self.first() + self.entries.len() as u64
    }

    pub(super) fn id(&self, index: u64) -> Option<LogId> {
        let position = index.checked_sub(self.first())?;
        let (term, _) = self.entries.get(position as usize)?;
        Some(LogId::new_term_index(*term, index))
    }

    pub(super) fn last(&self) -> Option<LogId> {
        self.end()
            .checked_sub(1)
            .and_then(|last| self.id(last))
            .or(self.purged)
    }

    /// Reads everything that a log says of itself.
    pub(super) async fn of(log: &mut Log) -> std::io::Result<Self> {
        let state = log.get_log_state().await?;
        let entries = log.try_get_log_entries(..).await?;
        let contents = Self {
            vote: log.read_vote().await?,
            committed: log.read_committed().await?,
            purged: state.last_purged_log_id,
            entries: entries.iter().map(parts).collect(),
        };
        for (index, entry) in (contents.first()..).zip(&entries) {
            assert_eq!(entry.log_id.index(), index, "a hole");
        }
        assert_eq!(state.last_log_id, contents.last());
        Ok(contents)
    }
}

/// What a crash may leave.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// What the log says now.
    pub(super) now: Contents,
    /// What the disk may have, from the last acknowledged step on.
    steps: VecDeque<Contents>,
    /// The number of the first of them.
    acknowledged: u64,
}

impl Model {
    pub(super) fn beginning_with(contents: Contents) -> Self {
        Self {
            steps: [contents.clone()].into(),
            now: contents,
            acknowledged: 0,
        }
    }

    /// The log was told to become `now`, and all that was remembered goes with it.
    pub(super) fn step(&mut self) -> u64 {
        self.steps.push_back(self.now.clone());
        self.last_step()
    }

    /// As `step`, but what is committed is not written.
    pub(super) fn step_without_state(&mut self) -> u64 {
        let committed = self.steps.back().and_then(|step| step.committed);
        let now = self.now.clone();
        self.steps.push_back(Contents { committed, ..now });
        self.last_step()
    }

    fn last_step(&self) -> u64 {
        self.acknowledged + self.steps.len() as u64 - 1
    }

    /// Everything up to this step is durable.
    pub(super) fn acknowledge(&mut self, step: u64) {
        while self.acknowledged < step {
            self.steps.pop_front();
            self.acknowledged += 1;
        }
    }

    /// Goes on with what a crash left. Returns how many steps it took.
    pub(super) fn recovered(&mut self, found: Contents) -> u64 {
        // The latest that fits: steps that change nothing look the same.
        let fits = self.steps.iter().rposition(|step| *step == found);
        let Some(position) = fits else {
            let may_be: Vec<_> = self.steps.iter().map(Self::outline).collect();
            panic!(
                "found {}, but it may be one of\n{}",
                Self::outline(&found),
                may_be.join("\n")
            );
        };
        let taken = self.steps.len() - 1 - position;
        *self = Self::beginning_with(found);
        taken as u64
    }

    fn outline(contents: &Contents) -> String {
        let terms: Vec<_> = contents.entries.iter().map(|(term, _)| term).collect();
        format!(
            "vote {:?} committed {:?} purged {:?} terms {terms:?}",
            contents.vote, contents.committed, contents.purged
        )
    }
}
