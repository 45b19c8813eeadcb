//! Keys and values by a fixed seed: every run, and every version of dkv, gets the same.

use bytes::Bytes;
use dkv::base::host::{Rng, SeededRng};

pub(crate) const KEY_BYTES: usize = 16;
pub(crate) const VALUE_BYTES: usize = 64;

/// Of the keys that are there.
const SEED_PRESENT: u64 = 1;
/// Of as many that are not.
const SEED_ABSENT: u64 = 2;
/// Of the order in which they are used.
const SEED_ORDER: u64 = 3;

pub(crate) type Key = [u8; KEY_BYTES];

/// Random keys, given out over and over in a random order that is not the one in which
/// they were written.
pub(crate) struct Keys {
    /// In the order in which they are written.
    pub(crate) all: Vec<Key>,
    order: Vec<Key>,
    next: usize,
}

impl Keys {
    /// 100,000 keys, or a few if nothing is measured.
    pub(crate) fn present() -> Self {
        Self::of(draw(SEED_PRESENT))
    }

    /// As many others.
    pub(crate) fn absent() -> Self {
        Self::of(draw(SEED_ABSENT))
    }

    /// These keys, in an order of their own.
    pub(crate) fn of(all: Vec<Key>) -> Self {
        let mut order = all.clone();
        shuffle(&mut order);
        Self {
            all,
            order,
            next: 0,
        }
    }

    pub(crate) fn next(&mut self) -> Key {
        let key = self.order[self.next];
        self.next = (self.next + 1) % self.order.len();
        key
    }
}

fn draw(seed: u64) -> Vec<Key> {
    let count = if crate::is_measured() { 100_000 } else { 2_000 };
    let rng = SeededRng::new(seed);
    (0..count).map(|_| rng.id()).collect()
}

/// Fisher and Yates.
fn shuffle(keys: &mut [Key]) {
    let rng = SeededRng::new(SEED_ORDER);
    for last in (1..keys.len()).rev() {
        let other = rng.below(last as u64 + 1);
        keys.swap(last, usize::try_from(other).expect("it is an index"));
    }
}

/// A key's value: no two have the same.
pub(crate) fn value(key: &[u8]) -> Bytes {
    key.repeat(VALUE_BYTES / KEY_BYTES).into()
}
