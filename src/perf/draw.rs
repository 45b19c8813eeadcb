//! Random numbers of one logical client.

use crate::base::host::{Rng, SeededRng};

/// The same seed and client draw the same.
pub(super) struct Draw(SeededRng);

impl Draw {
    pub(super) fn new(seed: u64, client: usize) -> Self {
        // SplitMix64 turns neighbouring seeds into unrelated streams only after its
        // first step, so the client's number is spread over all bits here.
        let spread = (client as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(SeededRng::new(
            seed.rotate_left(32) ^ spread.rotate_left(17),
        ))
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// A number from 0 to before 1.
    pub(super) fn unit(&self) -> f64 {
        const STEPS: u64 = 1 << f64::MANTISSA_DIGITS;
        self.below(STEPS) as f64 / STEPS as f64
    }
}
