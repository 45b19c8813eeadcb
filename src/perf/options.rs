//! What to measure, and for how long.

use std::time::Duration;

use super::spread::Spread;
use super::target::TargetAddress;
use super::test::Test;
use crate::base::{Error, Result, limits};
use crate::client::ClientOptions;

/// When a test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// After so long, the warm-up not counted. `delete` also ends with the last key.
    After(Duration),
    /// After so many operations by all threads together.
    Ops(u64),
}

/// How long values are, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    least: usize,
    most: usize,
}

impl Sizes {
    /// All of this length.
    pub fn fixed(bytes: usize) -> Self {
        Self {
            least: bytes,
            most: bytes,
        }
    }

    /// Each length from `least` to `most` as often as any other.
    ///
    /// # Errors
    /// `Invalid` if `least` is more than `most`.
    pub fn between(least: usize, most: usize) -> Result<Self> {
        if least > most {
            return Err(Error::invalid(format!(
                "no value has {least} to {most} bytes: write the smaller number first"
            )));
        }
        Ok(Self { least, most })
    }

    /// The shortest.
    pub fn least(self) -> usize {
        self.least
    }

    /// The longest.
    pub fn most(self) -> usize {
        self.most
    }

    /// The mean.
    pub fn mean(self) -> usize {
        self.least.midpoint(self.most)
    }
}

/// How to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct PerfOptions {
    /// What to measure; `None`: dkv at the endpoints of `client`.
    pub target: Option<TargetAddress>,
    /// How to ask a dkv, where, and with how many connections per endpoint. Other targets
    /// take the time limit and the connections from it.
    pub client: ClientOptions,
    /// Which tests; they run in the order of [`Test::ALL`].
    pub tests: Vec<Test>,
    /// Whether the clients of a Redis share the connections, with many commands under way
    /// on each, as those of other targets always do. Else each has a connection of its own.
    pub pipeline: bool,
    /// Logical clients, each with one operation under way at a time.
    pub threads: usize,
    /// How many different keys.
    pub keys: u64,
    /// A value, bytes.
    pub value_bytes: Sizes,
    /// A value of `set-large`, bytes.
    pub large_value_bytes: usize,
    /// When each test ends.
    pub stop: Stop,
    /// Run before each test and not counted.
    pub warm_up: Duration,
    /// Operations that begin every second, by all threads together, whether or not
    /// earlier ones were answered; latencies then count from the intended start. `None`:
    /// each thread begins one when it has the answer of the one before.
    pub rate_per_s: Option<u64>,
    /// How keys are drawn. `None`: uniformly, and for YCSB as YCSB does.
    pub spread: Option<Spread>,
    /// Which keys are drawn; the same seed draws the same.
    pub seed: u64,
}

/// Logical clients, at most: more tasks than that measure themselves.
const THREADS_MAX: usize = 65_536;
const KEYS_MAX: u64 = 1_000_000_000;
const RATE_PER_S_MAX: u64 = 10_000_000;
const WARM_UP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for PerfOptions {
    fn default() -> Self {
        Self {
            target: None,
            client: ClientOptions {
                connections: 4,
                ..ClientOptions::default()
            },
            pipeline: false,
            tests: Test::ALL.into_iter().filter(|it| it.is_default()).collect(),
            threads: 50,
            keys: 10_000,
            value_bytes: Sizes::fixed(128),
            large_value_bytes: 512 << 10,
            stop: Stop::After(Duration::from_secs(5)),
            warm_up: Duration::from_millis(500),
            rate_per_s: None,
            spread: None,
            seed: 1,
        }
    }
}

impl PerfOptions {
    pub(super) fn check(&self) -> Result<()> {
        let in_range = |what: &str, given: u64, least: u64, most: u64| {
            if (least..=most).contains(&given) {
                return Ok(());
            }
            Err(Error::invalid(format!(
                "{given} {what} cannot be measured: choose {least} to {most}"
            )))
        };
        let value_bytes_max = limits::VALUE_BYTES_MAX as u64;
        in_range("threads", self.threads as u64, 1, THREADS_MAX as u64)?;
        in_range("keys", self.keys, 1, KEYS_MAX)?;
        in_range(
            "bytes of value",
            self.value_bytes.most() as u64,
            0,
            value_bytes_max,
        )?;
        let large_value_bytes = self.large_value_bytes as u64;
        in_range(
            "bytes of large value",
            large_value_bytes,
            0,
            value_bytes_max,
        )?;
        if let Some(rate_per_s) = self.rate_per_s {
            in_range("operations a second", rate_per_s, 1, RATE_PER_S_MAX)?;
        }
        if self.warm_up > WARM_UP_MAX {
            return Err(Error::invalid(
                "a warm-up of more than a day is not possible: give 0s to 24h",
            ));
        }
        match self.stop {
            Stop::Ops(0) => Err(Error::invalid("no operations: ask for at least one")),
            Stop::After(after) if after.is_zero() => Err(Error::invalid(
                "a duration of zero measures nothing: give at least 1ms",
            )),
            Stop::Ops(_) | Stop::After(_) => Ok(()),
        }
    }

    /// The tests to run, each once, in their order.
    pub(super) fn ordered(&self) -> impl Iterator<Item = Test> {
        Test::ALL
            .into_iter()
            .filter(|test| self.tests.contains(test))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delete_runs_last_whatever_was_asked_for() {
        let options = PerfOptions {
            tests: vec![Test::Delete, Test::Get, Test::Get],
            ..PerfOptions::default()
        };
        assert!(options.ordered().eq([Test::Get, Test::Delete]));
        assert!(options.check().is_ok());
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let usual = PerfOptions::default;
        for (options, words) in [
            (
                PerfOptions {
                    threads: 0,
                    ..usual()
                },
                "0 threads",
            ),
            (
                PerfOptions {
                    threads: 65_537,
                    ..usual()
                },
                "1 to 65536",
            ),
            (PerfOptions { keys: 0, ..usual() }, "0 keys"),
            (
                PerfOptions {
                    rate_per_s: Some(0),
                    ..usual()
                },
                "0 operations a second",
            ),
            (
                PerfOptions {
                    warm_up: Duration::MAX,
                    ..usual()
                },
                "warm-up",
            ),
            (
                PerfOptions {
                    stop: Stop::Ops(0),
                    ..usual()
                },
                "no operations",
            ),
            (
                PerfOptions {
                    stop: Stop::After(Duration::ZERO),
                    ..usual()
                },
                "zero",
            ),
            (
                PerfOptions {
                    value_bytes: Sizes::fixed(1 << 40),
                    ..usual()
                },
                "bytes of value",
            ),
        ] {
            let error = options.check().unwrap_err();
            assert!(error.message().contains(words), "{words}: {error}");
        }
        assert!(Sizes::between(2, 1).is_err());
        assert_eq!(Sizes::between(10, 20).unwrap().mean(), 15);
    }
}
