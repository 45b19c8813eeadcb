//! What to measure, and for how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::target::TargetAddress;
use crate::base::{Error, Result, limits};
use crate::client::ClientOptions;

/// One kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    /// Sets a key drawn at random.
    Set,
    /// Sets a key drawn at random to a large value.
    SetLarge,
    /// Gets a key that is there.
    Get,
    /// Asks for a key that is there.
    Has,
    /// Asks for a key that is not there.
    HasNot,
    /// Half gets, a quarter sets, an eighth each of has and delete.
    Mixed,
    /// Deletes each key once.
    Delete,
}

impl Test {
    /// Every test, in the order they run: `delete` last, the others need the keys.
    pub const ALL: [Self; 7] = [
        Self::Set,
        Self::SetLarge,
        Self::Get,
        Self::Has,
        Self::HasNot,
        Self::Mixed,
        Self::Delete,
    ];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::SetLarge => "set-large",
            Self::Get => "get",
            Self::Has => "has",
            Self::HasNot => "has-not",
            Self::Mixed => "mixed",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Test {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|test| test.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("`{text}` is not a test: choose from {names}"))
        })
    }
}

/// When a test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// After so long, the warm-up not counted. `delete` also ends with the last key.
    After(Duration),
    /// After so many operations by all threads together.
    Ops(u64),
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
    pub value_bytes: usize,
    /// A value of `set-large`, bytes.
    pub large_value_bytes: usize,
    /// When each test ends.
    pub stop: Stop,
    /// Run before each test and not counted.
    pub warm_up: Duration,
    /// Which keys are drawn; the same seed draws the same.
    pub seed: u64,
}

/// Logical clients, at most: as many writes as may be in doubt at once.
const THREADS_MAX: usize = limits::SESSION_OUTCOMES_MAX;
const KEYS_MAX: u64 = 1_000_000_000;

impl Default for PerfOptions {
    fn default() -> Self {
        Self {
            target: None,
            client: ClientOptions {
                connections: 4,
                ..ClientOptions::default()
            },
            tests: Test::ALL.to_vec(),
            pipeline: false,
            threads: 50,
            keys: 10_000,
            value_bytes: 128,
            large_value_bytes: 512 << 10,
            stop: Stop::After(Duration::from_secs(5)),
            warm_up: Duration::from_millis(500),
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
            self.value_bytes as u64,
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
    fn names_are_read_as_they_are_written() {
        for test in Test::ALL {
            assert_eq!(test.name().parse::<Test>().unwrap(), test);
        }
        let error = "sett".parse::<Test>().unwrap_err();
        assert!(error.message().contains("set, set-large, get"), "{error}");
    }

    #[test]
    fn delete_runs_last_whatever_was_asked_for() {
        let options = PerfOptions {
            tests: vec![Test::Delete, Test::Get, Test::Get],
            ..PerfOptions::default()
        };
        assert!(options.ordered().eq([Test::Get, Test::Delete]));
        assert!(options.check().is_ok());
        let none = PerfOptions {
            threads: 0,
            ..PerfOptions::default()
        };
        assert!(none.check().is_err());
    }
}
