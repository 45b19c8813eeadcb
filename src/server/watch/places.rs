//! How many watches a node has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::{Error, Result, limits};

/// The places for watches of a node. Clones are the same ones.
#[derive(Clone, Default)]
pub(in crate::server) struct Places {
    taken: Arc<AtomicUsize>,
}

/// One of them; dropped, it is free again.
pub(in crate::server) struct Place {
    taken: Arc<AtomicUsize>,
}

impl Places {
    /// Takes one.
    ///
    /// # Errors
    /// `LimitExceeded` if there is none left.
    pub(in crate::server) fn take(&self) -> Result<Place> {
        let place = Place {
            taken: Arc::clone(&self.taken),
        };
        // Counted before it is looked at: two that come together do not both get the last.
        if self.taken.fetch_add(1, Ordering::Relaxed) >= limits::WATCHES_MAX {
            return Err(Error::too_busy(format!(
                "this node has {} watches, the most there can be: end some, watch a prefix \
                 instead of many keys, or ask another node",
                limits::WATCHES_MAX
            )));
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;

    #[test]
    fn there_are_never_more_than_the_limit_and_a_refusal_takes_none() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..limits::WATCHES_MAX)
            .map(|_| places.take().unwrap())
            .collect();
        for _ in 0..3 {
            let refused = places.take().map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
        }
        taken.pop();
        assert!(places.take().is_ok());
    }
}
