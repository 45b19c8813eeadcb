//! Which keys are drawn more often than others.

use std::fmt;
use std::str::FromStr;

use super::draw::Draw;
use crate::base::{Error, Result};

/// How keys are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Each as often as any other.
    Uniform,
    /// Some much more often: of rank `r` with a share proportional to `1 / r^theta`.
    Zipfian {
        /// Between 0 (nearly uniform) and 1, both excluded.
        theta: f64,
    },
}

impl Spread {
    /// What YCSB draws with.
    pub const YCSB: Self = Self::Zipfian { theta: 0.99 };
}

impl FromStr for Spread {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let not_one = || {
            Error::invalid(format!(
                "`{text}` is not a way to draw keys: write uniform, zipfian, or \
                 zipfian:THETA with THETA between 0 and 1, like zipfian:0.99"
            ))
        };
        match text.split_once(':') {
            None if text == "uniform" => Ok(Self::Uniform),
            None if text == "zipfian" => Ok(Self::YCSB),
            Some(("zipfian", theta)) => {
                let theta: f64 = theta.parse().map_err(|_| not_one())?;
                let is_possible = theta > 0.0 && theta < 1.0;
                is_possible
                    .then_some(Self::Zipfian { theta })
                    .ok_or_else(not_one)
            }
            _ => Err(not_one()),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipfian { theta } => write!(f, "zipfian:{theta}"),
        }
    }
}

/// Draws numbers below a bound.
pub(super) enum Sampler {
    Uniform { bound: u64 },
    Zipfian(Zipfian),
}

impl Sampler {
    /// `bound` is at least 1.
    pub(super) fn new(spread: Spread, bound: u64) -> Self {
        match spread {
            Spread::Uniform => Self::Uniform { bound },
            Spread::Zipfian { theta } => Self::Zipfian(Zipfian::new(bound, theta)),
        }
    }

    /// A number; which ones are drawn most often is spread over all.
    pub(super) fn key(&self, draw: &Draw) -> u64 {
        match self {
            Self::Uniform { bound } => draw.below(*bound),
            Self::Zipfian(zipfian) => scattered(zipfian.rank(draw), zipfian.bound),
        }
    }

    /// A number; 0 is drawn most often, if any is.
    pub(super) fn rank(&self, draw: &Draw) -> u64 {
        match self {
            Self::Uniform { bound } => draw.below(*bound),
            Self::Zipfian(zipfian) => zipfian.rank(draw),
        }
    }
}

/// A prime larger than any bound, so that multiples of it are all different.
const SCATTER: u64 = 2_654_435_761;

/// Takes the place of the hash in YCSB's scrambled zipfian: it, too, keeps the favourites
/// from being neighbours, and no two ranks fall on one key.
fn scattered(rank: u64, bound: u64) -> u64 {
    rank * SCATTER % bound
}

/// Ranks by Zipf's law: the generator of Gray, Sundaresan, Englert, Baclawski and
/// Weinberger, "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994),
/// figure 2, as YCSB has it.
pub(super) struct Zipfian {
    bound: u64,
    theta: f64,
    zeta: f64,
    alpha: f64,
    eta: f64,
}

impl Zipfian {
    fn new(bound: u64, theta: f64) -> Self {
        let zeta = zeta(bound, theta);
        let zeta_two = zeta_exact(2, theta);
        // With two ranks or fewer the first two cases of `rank` are all there is.
        let eta = if bound > 2 {
            (1.0 - (2.0 / bound as f64).powf(1.0 - theta)) / (1.0 - zeta_two / zeta)
        } else {
            0.0
        };
        Self {
            bound,
            theta,
            zeta,
            alpha: 1.0 / (1.0 - theta),
            eta,
        }
    }

    fn rank(&self, draw: &Draw) -> u64 {
        let u = draw.unit();
        let uz = u * self.zeta;
        if uz < 1.0 {
            return 0;
        }
        if uz < 1.0 + 0.5_f64.powf(self.theta) {
            return 1.min(self.bound - 1);
        }
        let rank = self.bound as f64 * (self.eta * u - self.eta + 1.0).powf(self.alpha);
        (rank as u64).min(self.bound - 1)
    }
}

/// Terms that are added one by one; the others are as good as their integral.
const EXACT_TERMS: u64 = 10_000;

/// The sum of `1 / i^theta` for `i` from 1 to `n`: by Euler and Maclaurin from
/// [`EXACT_TERMS`] on, to some 10 digits, so that a billion keys take no longer.
fn zeta(n: u64, theta: f64) -> f64 {
    if n <= EXACT_TERMS {
        return zeta_exact(n, theta);
    }
    let (from, to) = (EXACT_TERMS as f64, n as f64);
    let term = |x: f64| x.powf(-theta);
    let integral = (to.powf(1.0 - theta) - from.powf(1.0 - theta)) / (1.0 - theta);
    zeta_exact(EXACT_TERMS, theta) + integral + (term(to) - term(from)) / 2.0
}

fn zeta_exact(n: u64, theta: f64) -> f64 {
    (1..=n).map(|i| (i as f64).powf(-theta)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 200_000;

    fn counts(sampler: &Sampler, bound: usize, by_rank: bool) -> Vec<usize> {
        let draw = Draw::new(7, 0);
        let mut counts = vec![0; bound];
        for _ in 0..DRAWS {
            let number = if by_rank {
                sampler.rank(&draw)
            } else {
                sampler.key(&draw)
            };
            counts[usize::try_from(number).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn zipfian_ranks_have_the_shares_of_the_law() {
        let counts = counts(&Sampler::new(Spread::YCSB, 1_000), 1_000, true);
        let zeta = zeta_exact(1_000, 0.99);
        for rank in [0_usize, 1] {
            let share = ((rank + 1) as f64).powf(-0.99) / zeta;
            let seen = counts[rank] as f64 / DRAWS as f64;
            assert!((seen / share - 1.0).abs() < 0.05, "{rank}: {seen} {share}");
        }
        // The closed form is an approximation from the third rank on: sums come close.
        let law: f64 = (1..=100)
            .map(|rank| f64::from(rank).powf(-0.99) / zeta)
            .sum();
        let seen = counts[..100].iter().sum::<usize>() as f64 / DRAWS as f64;
        assert!((seen / law - 1.0).abs() < 0.05, "{seen} {law}");
        assert!(counts[999] > 0, "the last is drawn, too");
    }

    #[test]
    fn favourite_keys_are_no_neighbours_and_no_key_is_left_out() {
        for bound in [1_u64, 2, 3, 10, 1_000, 65_536] {
            let mut seen: Vec<u64> = (0..bound).map(|rank| scattered(rank, bound)).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..bound), "{bound}");
        }
        assert_eq!(scattered(999_999_999, 1_000_000_000) / 1_000_000_000, 0);
        let counts = counts(&Sampler::new(Spread::YCSB, 1_000), 1_000, false);
        let mut favourites: Vec<usize> = (0..1_000).collect();
        favourites.sort_by_key(|key| std::cmp::Reverse(counts[*key]));
        assert!(
            favourites[..3]
                .windows(2)
                .all(|two| two[0].abs_diff(two[1]) > 1)
        );
    }

    #[test]
    fn few_keys_are_enough() {
        for bound in [1_u64, 2, 3] {
            let size = usize::try_from(bound).unwrap();
            for spread in [Spread::Uniform, Spread::YCSB] {
                let counts = counts(&Sampler::new(spread, bound), size, false);
                assert!(counts.iter().all(|count| *count > 0), "{spread} {counts:?}");
            }
        }
    }

    #[test]
    fn many_terms_are_summed_as_exactly_as_few() {
        for theta in [0.2, 0.99] {
            let exact = zeta_exact(300_000, theta);
            let quick = zeta(300_000, theta);
            assert!((quick / exact - 1.0).abs() < 1e-9, "{quick} {exact}");
        }
    }

    #[test]
    fn ways_to_draw_are_read_as_they_are_written() {
        for text in ["uniform", "zipfian:0.5"] {
            assert_eq!(text.parse::<Spread>().unwrap().to_string(), text);
        }
        assert_eq!("zipfian".parse::<Spread>().unwrap(), Spread::YCSB);
        for text in [
            "",
            "zipf",
            "zipfian:",
            "zipfian:1",
            "zipfian:0",
            "zipfian:nan",
            "uniform:1",
        ] {
            let error = text.parse::<Spread>().unwrap_err();
            assert!(error.message().contains("zipfian:THETA"), "{text}: {error}");
        }
    }
}
