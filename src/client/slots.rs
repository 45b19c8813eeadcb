//! Where the answers of calls under way are put down: a slab whose ids are never
//! used twice.

use std::task::Waker;

use super::desk::Outcome;

/// An id is a serial number over the index of its slot.
const INDEX_BITS: u32 = 20;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;

/// One call under way.
pub(super) struct Slot {
    id: u64,
    /// When the caller gives up, boot clock, ms.
    pub(super) deadline_ms: u64,
    /// The request was handed to the connection: its outcome is no longer certain.
    pub(super) sent: bool,
    /// Who waits.
    pub(super) waker: Option<Waker>,
    /// Set once; taken by who waits.
    pub(super) outcome: Option<Outcome>,
}

/// Calls under way on one stream.
///
/// Invariant: an id belongs to one call for the life of the stream, so that a late
/// answer to a call that was given up is never taken for another's.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    next_serial: u64,
}

impl Slots {
    /// Takes a slot; the id says which.
    pub(super) fn insert(&mut self, deadline_ms: u64, waker: Waker) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        assert!(
            index as u64 <= INDEX_MASK,
            "permits bound the calls under way"
        );
        self.next_serial += 1;
        let id = self.next_serial << INDEX_BITS | index as u64;
        self.slots[index] = Some(Slot {
            id,
            deadline_ms,
            sent: false,
            waker: Some(waker),
            outcome: None,
        });
        id
    }

    /// The slot of a call that is still wanted.
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Slot> {
        let index = (id & INDEX_MASK) as usize;
        let slot = self.slots.get_mut(index)?.as_mut()?;
        (slot.id == id).then_some(slot)
    }

    /// Frees the slot of a call.
    pub(super) fn remove(&mut self, id: u64) -> Option<Slot> {
        self.get_mut(id)?;
        let index = (id & INDEX_MASK) as usize;
        self.free.push(index);
        self.slots[index].take()
    }

    /// Every slot that waits for its outcome, with its id.
    pub(super) fn waiting_mut(&mut self) -> impl Iterator<Item = (u64, &mut Slot)> {
        self.slots
            .iter_mut()
            .flatten()
            .filter(|slot| slot.outcome.is_none())
            .map(|slot| (slot.id, slot))
    }

    /// How many calls are under way.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_given_twice_though_slots_are_reused() {
        let mut slots = Slots::default();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let id = slots.insert(1, Waker::noop().clone());
            assert!(seen.insert(id));
            assert!(slots.remove(id).is_some());
            assert!(slots.get_mut(id).is_none(), "a late answer finds nobody");
            assert!(slots.remove(id).is_none());
        }
        assert_eq!(slots.slots.len(), 1);
        assert_eq!(slots.len(), 0);
    }

    #[test]
    fn an_id_of_another_stream_finds_nobody() {
        let mut slots = Slots::default();
        let id = slots.insert(1, Waker::noop().clone());
        for strange in [0, id + 1, id + (1 << INDEX_BITS), u64::MAX] {
            assert!(slots.get_mut(strange).is_none());
        }
    }
}
