//! Admission: what may be queued, so that a write never runs out of space.
//!
//! Each append is told at once into which segment it will go, the current one or
//! the next, and takes its room there as if it were a batch of its own. Batches
//! share headers and padding, so the writer never needs more than was taken.
//!
//! Entries leave a little of the last room there is to appends without any: a full disk
//! or a full queue must not keep a group from voting, truncating or purging.

use super::WalError;
use super::format::{BATCH_HEADER_BYTES, BATCH_PAYLOAD_BYTES_MAX, SEGMENT_HEADER_BYTES};

/// How large things may be, given the size of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// One segment.
    pub(super) segment_bytes: u64,
    /// The states of all groups together, as records.
    pub(super) states_bytes_max: u64,
    /// The records of one append, and the payload of one batch.
    pub(super) append_bytes_max: u64,
    /// What a new segment offers to appends at least.
    pub(super) usable_bytes: u64,
    /// What entries leave of the last room there is.
    pub(super) reserve_bytes: u64,
}

/// The most that is left to appends without entries, bytes: thousands of votes.
const RESERVE_BYTES_MAX: u64 = 256 << 10;

/// The smallest segment that makes sense, bytes.
const SEGMENT_BYTES_MIN: u64 = 16 << 10;

/// The largest, bytes: recovery holds one in memory.
pub(super) const SEGMENT_BYTES_MAX: u64 = 1 << 30;

impl Sizes {
    pub(super) fn new(segment_bytes: u64) -> Result<Self, WalError> {
        let sound = (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes)
            && segment_bytes.is_multiple_of(SEGMENT_HEADER_BYTES as u64);
        if !sound {
            return Err(WalError::Options(format!(
                "a log segment cannot have {segment_bytes} bytes: choose a multiple of \
                 {SEGMENT_HEADER_BYTES} from {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}"
            )));
        }
        // An eighth of each segment is for the states at its head.
        let head_bytes = segment_bytes / 8;
        Ok(Self {
            segment_bytes,
            states_bytes_max: (head_bytes - 128).min(BATCH_PAYLOAD_BYTES_MAX as u64),
            append_bytes_max: (segment_bytes / 2 - BATCH_HEADER_BYTES as u64)
                .min(BATCH_PAYLOAD_BYTES_MAX as u64),
            usable_bytes: segment_bytes - SEGMENT_HEADER_BYTES as u64 - head_bytes,
            reserve_bytes: (segment_bytes / 16).min(RESERVE_BYTES_MAX),
        })
    }
}

/// The room that is left for appends.
#[derive(Debug)]
pub(super) struct Room {
    usable_bytes: u64,
    reserve_bytes: u64,
    epoch: u64,
    left: u64,
    next_left: Option<u64>,
    /// Something was admitted to the next segment: order forbids the current one.
    spilled: bool,
}

impl Room {
    /// `left` bytes in the segment of `epoch`, and no next one yet.
    pub(super) fn new(sizes: &Sizes, epoch: u64, left: u64) -> Self {
        Self {
            usable_bytes: sizes.usable_bytes,
            reserve_bytes: sizes.reserve_bytes,
            epoch,
            left,
            next_left: None,
            spilled: false,
        }
    }

    /// Takes `bytes`, with entries or without. The epoch of the segment they are for, if
    /// there is room.
    pub(super) fn admit(&mut self, bytes: u64, has_entries: bool) -> Option<u64> {
        let reserve_bytes = if has_entries { self.reserve_bytes } else { 0 };
        let kept_here = if self.next_left.is_some() {
            0
        } else {
            reserve_bytes
        };
        if !self.spilled && bytes + kept_here <= self.left {
            self.left -= bytes;
            return Some(self.epoch);
        }
        let next_left = self.next_left.as_mut()?;
        if bytes + reserve_bytes > *next_left {
            return None;
        }
        *next_left -= bytes;
        self.spilled = true;
        Some(self.epoch + 1)
    }

    /// Gives back what a batch took less than its appends had asked for.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.left += bytes;
    }

    /// True when the next segment is allocated.
    pub(super) fn next_is_ready(&self) -> bool {
        self.next_left.is_some()
    }

    pub(super) fn next_became_ready(&mut self) {
        self.next_left.get_or_insert(self.usable_bytes);
    }

    /// The next segment became the current one, with `left` bytes; what is queued
    /// for it already has taken its part of them.
    pub(super) fn rotated(&mut self, left: u64) {
        let next_left = self
            .next_left
            .take()
            .expect("only a ready segment is rotated to");
        let taken = self.usable_bytes - next_left;
        self.left = left
            .checked_sub(taken)
            .expect("the states fit the part of a segment kept for them");
        self.epoch += 1;
        self.spilled = false;
    }
}
