//! The memory that bodies may take together: those that come, those that go, and the events of
//! watches each have their own, so that none keeps the others waiting.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::{Error, Result};

/// What is counted at once: shorter bodies are not worth it.
const UNIT_BYTES: usize = 4 << 10;

/// Bytes that may be held for bodies of all requests of this node.
#[derive(Clone)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
}

/// What a body holds, until it is dropped.
pub(super) struct Held {
    budget: Budget,
    taken: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Budget {
    /// Room for so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self {
            units: Arc::new(Semaphore::new(bytes / UNIT_BYTES)),
        }
    }

    /// Nothing yet.
    pub(super) fn hold(&self) -> Held {
        Held {
            budget: self.clone(),
            taken: None,
            bytes: 0,
        }
    }
}

impl Held {
    /// Holds so many bytes in all, if it does not hold more.
    ///
    /// # Errors
    /// As [`Self::grow`].
    pub(super) fn cover(&mut self, bytes: usize) -> Result<()> {
        self.grow(bytes.saturating_sub(self.bytes))
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// `LimitExceeded` when others hold them: what waited for them could hold what they
    /// wait for.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<()> {
        let units = |bytes: usize| bytes / UNIT_BYTES;
        let more = units(self.bytes + bytes) - units(self.bytes);
        if more > 0 {
            let more = u32::try_from(more).expect("a body is at most some MiB");
            let taken = self.budget.units.clone().try_acquire_many_owned(more);
            let taken = taken.map_err(|_| {
                Error::too_busy(
                    "large bodies of others are under way, and take all the memory there is for \
                     them: ask again",
                )
            })?;
            match &mut self.taken {
                Some(before) => before.merge(taken),
                None => self.taken = Some(taken),
            }
        }
        self.bytes += bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let budget = Budget::of(4 * UNIT_BYTES);
        let mut first = budget.hold();
        for _ in 0..3 * 4 {
            first.grow(1 << 10).unwrap();
        }
        let mut second = budget.hold();
        second.grow(UNIT_BYTES).unwrap();
        let refused = second.grow(UNIT_BYTES).unwrap_err();
        assert!(refused.message().contains("ask again"));
        second.grow(UNIT_BYTES - 1).unwrap();
        drop(first);
        second.grow(3 * UNIT_BYTES).unwrap();
        drop(second);
        assert_eq!(budget.units.available_permits(), 4);
    }
}
