//! What a replicated shard did, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::base::histogram::{self, Histogram, HistogramSnapshot};
use crate::base::{Error, ErrorKind};

/// What became of commands that were given to the log, or to the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They were applied; each has its own outcome.
    Applied,
    /// They were surely not applied, and are tried again while there is time.
    Refused,
    /// Nobody knows: the leader was lost, or it took too long.
    Unknown,
}

/// Things that have a fate, counted.
#[derive(Debug, Default)]
pub(super) struct ByFate([AtomicU64; Fate::ALL.len()]);

/// The counters. Bumped where the thing happens, by anybody.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) entries: ByFate,
    pub(super) commands: ByFate,
    pub(super) forwarded: ByFate,
    pub(super) leader_changes: AtomicU64,
    append_us: Histogram,
    round_reads: Histogram,
    rounds_failed: AtomicU64,
    state_checks: AtomicU64,
    state_mismatches: AtomicU64,
}

/// What a replicated shard had done at one moment, since the node was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicatedFigures {
    /// Entries that this node proposed as the leader, by [`Fate`].
    pub entries: [u64; Fate::ALL.len()],
    /// The commands in them.
    pub commands: [u64; Fate::ALL.len()],
    /// Commands that this node gave to the leader. Each try counts.
    pub forwarded: [u64; Fate::ALL.len()],
    /// How often another node, or the same one in a later term, was seen to lead.
    pub leader_changes: u64,
    /// From the proposal of an entry to its being applied here, microseconds.
    pub append_us: HistogramSnapshot,
    /// How many reads each round confirmed.
    pub round_reads: HistogramSnapshot,
    /// Rounds that confirmed nothing.
    pub rounds_failed: u64,
    /// How often this node compared its state with other members', as the leader.
    pub state_checks: u64,
    /// How many times of these somebody had another state.
    pub state_mismatches: u64,
}

impl Fate {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Applied, Self::Refused, Self::Unknown];

    /// What an error says of commands that it is about.
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Timeout => Self::Unknown,
            _ => Self::Refused,
        }
    }
}

impl ByFate {
    pub(super) fn add(&self, fate: Fate, times: usize) {
        self.0[fate as usize].fetch_add(times as u64, Ordering::Relaxed);
    }

    fn read(&self) -> [u64; Fate::ALL.len()] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            entries: ByFate::default(),
            commands: ByFate::default(),
            forwarded: ByFate::default(),
            leader_changes: AtomicU64::new(0),
            append_us: Histogram::new(histogram::LATENCY_US),
            round_reads: Histogram::new(histogram::COUNT),
            rounds_failed: AtomicU64::new(0),
            state_checks: AtomicU64::new(0),
            state_mismatches: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// An entry of so many commands, proposed at `began`, has met its fate.
    pub(super) fn proposed(&self, fate: Fate, commands: usize, began: Instant) {
        self.entries.add(fate, 1);
        self.commands.add(fate, commands);
        if fate == Fate::Applied {
            let took_us = began.elapsed().as_micros();
            self.append_us
                .record(u64::try_from(took_us).unwrap_or(u64::MAX));
        }
    }

    /// A round of so many reads has ended.
    pub(super) fn round(&self, reads: usize, is_confirmed: bool) {
        match is_confirmed {
            true => self.round_reads.record(reads as u64),
            false => drop(self.rounds_failed.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// The states of members after the same entry were compared.
    pub(super) fn state_compared(&self, differ: bool) {
        self.state_checks.fetch_add(1, Ordering::Relaxed);
        self.state_mismatches
            .fetch_add(u64::from(differ), Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> ReplicatedFigures {
        ReplicatedFigures {
            entries: self.entries.read(),
            commands: self.commands.read(),
            forwarded: self.forwarded.read(),
            leader_changes: self.leader_changes.load(Ordering::Relaxed),
            append_us: self.append_us.snapshot(),
            round_reads: self.round_reads.snapshot(),
            rounds_failed: self.rounds_failed.load(Ordering::Relaxed),
            state_checks: self.state_checks.load(Ordering::Relaxed),
            state_mismatches: self.state_mismatches.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_fate_has_a_place_of_its_own() {
        let counters = Counters::default();
        for (place, fate) in Fate::ALL.into_iter().enumerate() {
            assert_eq!(fate as usize, place);
            for _ in 0..=place {
                counters.proposed(fate, 10, Instant::now());
            }
        }
        counters.round(7, true);
        counters.round(9, false);
        counters.state_compared(false);
        counters.state_compared(true);
        let figures = counters.figures();
        assert_eq!(figures.entries, [1, 2, 3]);
        assert_eq!(figures.commands, [10, 20, 30]);
        assert_eq!(figures.append_us.count(), 1, "what was applied alone");
        assert_eq!(
            (figures.round_reads.count(), figures.round_reads.sum),
            (1, 7)
        );
        assert_eq!(figures.rounds_failed, 1);
        assert_eq!((figures.state_checks, figures.state_mismatches), (2, 1));
    }
}
