//! Where the entries of a group are, for groups that read them back: 24 bytes an
//! entry, in memory. It is made anew by every start.

use std::collections::VecDeque;

use crate::base::types::LogIndex;

/// Room for this many entries is kept, whatever was released.
const SLOTS_KEPT: usize = 1024;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment.
    pub(super) epoch: u64,
    /// Where its batch starts in the segment, bytes.
    pub(super) batch: u32,
    /// Where it starts in the payload of the batch, bytes.
    pub(super) record: u32,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) index: LogIndex,
    pub(super) place: Place,
}

/// The entries of one group that are neither released nor void.
#[derive(Debug, Default)]
pub(super) struct GroupIndex {
    /// By index, each once.
    slots: VecDeque<Slot>,
    /// One more whenever an entry goes, for whatever reason: what was found under
    /// another version may be gone, or be something else.
    version: u64,
}

impl GroupIndex {
    /// An entry was written at `place`. It takes the place of an earlier one.
    pub(super) fn insert(&mut self, index: LogIndex, place: Place) {
        let slot = Slot { index, place };
        if self.slots.back().is_none_or(|last| last.index < index) {
            self.slots.push_back(slot);
            return;
        }
        let position = self.position(index);
        match self.slots.get_mut(position) {
            Some(there) if there.index == index => {
                *there = slot;
                self.version += 1;
            }
            _ => self.slots.insert(position, slot),
        }
    }

    /// Entries from `from` on are void.
    pub(super) fn truncate(&mut self, from: LogIndex) {
        let kept = self.position(from);
        self.version += u64::from(kept < self.slots.len());
        self.slots.truncate(kept);
    }

    /// Entries up to `index` are not needed any more.
    pub(super) fn release(&mut self, index: LogIndex) {
        let gone = self.slots.partition_point(|slot| slot.index <= index);
        self.version += u64::from(gone > 0);
        self.slots.drain(..gone);
        if self.slots.capacity() > SLOTS_KEPT && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(SLOTS_KEPT.max(self.slots.len() * 2));
        }
    }

    /// The entries from `from` to before `to`, in order.
    pub(super) fn range(
        &self,
        from: LogIndex,
        to_exclusive: LogIndex,
    ) -> impl Iterator<Item = Slot> {
        let start = self.position(from);
        let slots = self.slots.range(start..).copied();
        slots.take_while(move |slot| slot.index < to_exclusive)
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Where `index` is, or would be.
    fn position(&self, index: LogIndex) -> usize {
        self.slots.partition_point(|slot| slot.index < index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(batch: u32) -> Place {
        Place {
            epoch: 1,
            batch,
            record: 0,
        }
    }

    fn found(index: &GroupIndex, from: u64, to: u64) -> Vec<(u64, u32)> {
        let slots = index.range(LogIndex(from), LogIndex(to));
        slots.map(|slot| (slot.index.0, slot.place.batch)).collect()
    }

    #[test]
    fn entries_come_go_and_are_replaced() {
        let mut index = GroupIndex::default();
        for number in 0..8 {
            index.insert(LogIndex(number), place(10));
        }
        assert_eq!(index.version(), 0, "nothing has gone");
        assert_eq!(found(&index, 6, u64::MAX), [(6, 10), (7, 10)]);
        index.truncate(LogIndex(5));
        index.insert(LogIndex(5), place(20));
        index.release(LogIndex(2));
        assert_eq!(index.version(), 2);
        assert_eq!(found(&index, 0, 9), [(3, 10), (4, 10), (5, 20)]);
        index.insert(LogIndex(4), place(30));
        assert_eq!(index.version(), 3);
        assert_eq!(found(&index, 4, 6), [(4, 30), (5, 20)]);
        assert_eq!(found(&index, 5, 4), []);
        index.truncate(LogIndex(6));
        index.release(LogIndex(2));
        assert_eq!(index.version(), 3, "nothing was there to go");
        index.truncate(LogIndex(0));
        assert_eq!(found(&index, 0, u64::MAX), []);
    }

    #[test]
    fn memory_is_given_back_after_a_release() {
        let mut index = GroupIndex::default();
        for number in 0..100_000 {
            index.insert(LogIndex(number), place(0));
        }
        index.release(LogIndex(99_989));
        assert!(index.slots.capacity() < 4 * SLOTS_KEPT);
        assert_eq!(found(&index, 0, u64::MAX).len(), 10);
        assert_eq!(size_of::<Slot>(), 24);
    }
}
