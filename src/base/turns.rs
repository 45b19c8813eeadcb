//! Which of many things are looked at, when all would be too many.
//!
//! Invariant: who is looked at depends on counters alone, so that a run can be replayed.

/// An odd number without a pattern: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Takes turns among the things that come by one after the other: on average one of so
/// many. The gaps differ, or things that come in a pattern would be looked at in one.
#[derive(Debug, Clone)]
pub struct Turns {
    left: u32,
    one_of: u32,
    state: u64,
}

impl Turns {
    /// One of `one_of`, at least 1. Turns of another `seed` have other gaps, and begin
    /// elsewhere: of many short sequences, too, one of so many things is looked at.
    pub fn one_of(one_of: u32, seed: u64) -> Self {
        let one_of = one_of.max(1);
        let state = mixed(seed.wrapping_mul(STEP));
        let left = 1 + below(one_of, state);
        Self {
            left,
            one_of,
            state,
        }
    }

    /// Says whether the next thing is one to look at: mostly a subtraction.
    #[inline]
    pub fn is_due(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        self.state = self.state.wrapping_add(STEP);
        // 1 to twice `one_of`, less one: that on average.
        self.left = 1 + below(self.one_of.saturating_mul(2) - 1, mixed(self.state));
        true
    }

    /// The same for a thing that comes alone: `draw` counts such things.
    pub fn is_one_of(one_of: u32, draw: u64) -> bool {
        below(one_of.max(1), mixed(draw.wrapping_mul(STEP))) == 0
    }
}

/// 0 to before `end`, by the upper half of what was drawn.
fn below(end: u32, drawn: u64) -> u32 {
    let scaled = (drawn >> 32) * u64::from(end);
    u32::try_from(scaled >> 32).expect("it is below the end")
}

/// The finalizer of SplitMix64: every bit depends on every bit.
fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_so_many_is_due() {
        for (one_of, seed) in [(1, 0), (2, 1), (32, 0), (32, 7), (1_000, 3)] {
            let mut turns = Turns::one_of(one_of, seed);
            let due = (0..100_000).filter(|_| turns.is_due()).count() as f64;
            let expected = 100_000.0 / f64::from(one_of);
            assert!(
                (due / expected - 1.0).abs() < 0.25,
                "{one_of} {seed}: {due}"
            );
        }
    }

    /// With every 32nd, somebody who does 32 things in turn would show one of them only.
    #[test]
    fn a_pattern_is_not_followed() {
        let mut turns = Turns::one_of(32, 0);
        let mut seen = [0; 32];
        for at in 0..64_000 {
            if turns.is_due() {
                seen[at % 32] += 1;
            }
        }
        assert!(seen.iter().all(|it| (30..110).contains(it)), "{seen:?}");
    }

    #[test]
    fn short_sequences_and_single_things_are_looked_at_as_often() {
        let first = (0..32_000).filter(|seed| Turns::one_of(32, *seed).is_due());
        assert!((800..1_200).contains(&first.count()));
        let alone = (0..32_000).filter(|draw| Turns::is_one_of(32, *draw));
        assert!((800..1_200).contains(&alone.count()));
    }
}
