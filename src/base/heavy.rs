//! What comes most often in a stream, found in little memory.
//!
//! Invariant: never more than [`PLACES`] things are kept, whatever comes.

/// How many things are kept.
pub const PLACES: usize = 64;

/// What one occurrence weighs: large, so that weights can be halved many times before
/// anything is lost by rounding.
const ONE: u64 = 1 << 20;

/// The Space-Saving summary: A. Metwally, D. Agrawal and A. El Abbadi, "Efficient
/// Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005.
///
/// Whatever makes up more than one part in [`PLACES`] of all that came is in it, and its
/// count is too high by at most the error that is kept with it, and never too low. What
/// came long ago weighs less: [`HeavyHitters::halve`] is called now and then.
#[derive(Debug, Clone)]
pub struct HeavyHitters<T> {
    /// Beside the places, so that a look over all of them is one over a few cache lines.
    hashes: Vec<u64>,
    /// How often each came, at most.
    weights: Vec<u64>,
    places: Vec<Place<T>>,
}

#[derive(Debug, Clone)]
struct Place<T> {
    thing: T,
    error: u64,
    /// What came while it was here, by kind.
    seen: [u64; 2],
}

/// Something that comes often. The unit is one occurrence, halved as often as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Heavy<T> {
    /// What comes.
    pub thing: T,
    /// How often it came, at most.
    pub count: f64,
    /// How much less it may have been.
    pub error: f64,
    /// How much of it was of the second kind, from 0 to 1.
    pub second: f64,
}

impl<T> Default for HeavyHitters<T> {
    fn default() -> Self {
        Self {
            hashes: Vec::new(),
            weights: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl<T> HeavyHitters<T> {
    /// Something came. Two things of one `hash` are told apart by `is_it`; `make` is called
    /// for what has no place yet.
    pub fn came(
        &mut self,
        hash: u64,
        is_second: bool,
        is_it: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) {
        let at = match self.find(hash, is_it) {
            Some(at) => at,
            None => self.take_place(hash, make()),
        };
        self.weights[at] += ONE;
        self.places[at].seen[usize::from(is_second)] += ONE;
    }

    /// Everything that came so far weighs half of what it did.
    pub fn halve(&mut self) {
        for weight in &mut self.weights {
            *weight /= 2;
        }
        for place in &mut self.places {
            place.error /= 2;
            place.seen = place.seen.map(|seen| seen / 2);
        }
    }

    /// What is kept, the most frequent first.
    pub fn all(&self) -> Vec<Heavy<T>>
    where
        T: Clone,
    {
        let all = self.places.iter().zip(&self.weights);
        let mut all: Vec<_> = all.map(|(place, weight)| place.heavy(*weight)).collect();
        all.sort_by(|a, b| b.count.total_cmp(&a.count));
        all
    }

    fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<usize> {
        let mut with_hash = (0..self.hashes.len()).filter(|at| self.hashes[*at] == hash);
        with_hash.find(|at| is_it(&self.places[*at].thing))
    }

    /// The lightest goes, and what comes in its place may have come as often before.
    fn take_place(&mut self, hash: u64, thing: T) -> usize {
        let place = |error| Place {
            thing,
            error,
            seen: [0; 2],
        };
        if self.places.len() < PLACES {
            self.hashes.push(hash);
            self.weights.push(0);
            self.places.push(place(0));
            return self.places.len() - 1;
        }
        let lightest = (0..PLACES).min_by_key(|at| self.weights[*at]);
        let at = lightest.expect("there are places, and all are taken");
        (self.hashes[at], self.places[at]) = (hash, place(self.weights[at]));
        at
    }
}

impl<T: Clone> Place<T> {
    fn heavy(&self, weight: u64) -> Heavy<T> {
        let one = ONE as f64;
        let [first, second] = self.seen.map(|seen| seen as f64);
        Heavy {
            thing: self.thing.clone(),
            count: weight as f64 / one,
            error: self.error as f64 / one,
            second: if second > 0.0 {
                second / (first + second)
            } else {
                0.0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn came(hitters: &mut HeavyHitters<u16>, thing: u16, is_second: bool) {
        // Few hashes, so that things share them.
        let hash = u64::from(thing % 7);
        hitters.came(hash, is_second, |it| *it == thing, || thing);
    }

    proptest! {
        /// The guarantees of the paper, against exact counts.
        #[test]
        fn what_comes_often_is_there_and_counts_are_never_too_low(
            stream in prop::collection::vec((0u16..300, 0u16..4), 1..3_000)
        ) {
            let mut hitters = HeavyHitters::default();
            let mut exact: HashMap<u16, u64> = HashMap::new();
            for (any, often) in &stream {
                // A few things come much more often than the others.
                let thing = if *often == 0 { any % 5 } else { *any };
                came(&mut hitters, thing, false);
                *exact.entry(thing).or_default() += 1;
            }
            let all = hitters.all();
            prop_assert!(all.len() <= PLACES);
            let total: f64 = all.iter().map(|it| it.count).sum();
            prop_assert_eq!(total, stream.len() as f64);
            for heavy in &all {
                let exact = exact[&heavy.thing] as f64;
                prop_assert!(heavy.count >= exact);
                prop_assert!(heavy.count - heavy.error <= exact);
                prop_assert!(heavy.error <= stream.len() as f64 / PLACES as f64);
            }
            for (thing, count) in exact {
                if count as f64 > stream.len() as f64 / PLACES as f64 {
                    prop_assert!(all.iter().any(|it| it.thing == thing), "{} is missing", thing);
                }
            }
        }
    }

    #[test]
    fn what_was_long_ago_gives_way_to_what_is_now() {
        let mut hitters = HeavyHitters::default();
        (0..1_000).for_each(|_| came(&mut hitters, 1, true));
        for _ in 0..10 {
            hitters.halve();
            (0..100).for_each(|_| came(&mut hitters, 2, false));
        }
        let all = hitters.all();
        assert_eq!(all[0].thing, 2);
        assert!((all[0].count - 200.0).abs() < 1.0, "{all:?}");
        assert!((all[1].count - 1_000.0 / 1_024.0).abs() < 0.01, "{all:?}");
        assert_eq!((all[0].second, all[1].second), (0.0, 1.0));
    }

    #[test]
    fn things_of_one_hash_are_told_apart() {
        let mut hitters = HeavyHitters::default();
        for (thing, times) in [(0, 3), (7, 2), (14, 1)] {
            (0..times).for_each(|_| came(&mut hitters, thing, false));
        }
        let counts: Vec<_> = hitters
            .all()
            .iter()
            .map(|it| (it.thing, it.count))
            .collect();
        assert_eq!(counts, [(0, 3.0), (7, 2.0), (14, 1.0)]);
    }
}
