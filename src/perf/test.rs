//! The kinds of work, and their names.

use std::fmt;
use std::str::FromStr;

use crate::base::{Error, Result};

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
    /// Reads all keys, page by page. Its operations are keys, its latencies those of whole
    /// scans.
    Scan,
    /// Sets 10 keys in one request, each for itself where the server does so. Its operations
    /// are keys, its latencies those of whole requests.
    Batch,
    /// Sets 5 keys at once, all or nothing, if the first of them is there: one operation.
    Txn,
    /// Acquires a lock that nobody holds, and releases it: one operation. Each logical
    /// client has locks of its own.
    Lock,
    /// Sets a key that the client watches, and waits until it is told: one operation. Each
    /// logical client has a key of its own.
    Watch,
    /// Half gets, a quarter sets, an eighth each of has and delete.
    Mixed,
    /// The workload A of YCSB: half gets, half sets.
    YcsbA,
    /// B: 95 % gets, 5 % sets.
    YcsbB,
    /// C: gets alone.
    YcsbC,
    /// D: 95 % gets, mostly of the newest keys, 5 % new keys.
    YcsbD,
    /// E: 95 % scans of 1 to 100 records from a key on, 5 % new keys.
    YcsbE,
    /// F: half gets, half reads followed by a set, which are repeated together if the key
    /// was changed in between.
    YcsbF,
    /// Deletes each key once.
    Delete,
}

impl Test {
    /// Every test, in the order they run: `delete` last, the others need the keys.
    pub const ALL: [Self; 18] = [
        Self::Set,
        Self::SetLarge,
        Self::Get,
        Self::Has,
        Self::HasNot,
        Self::Scan,
        Self::Batch,
        Self::Txn,
        Self::Lock,
        Self::Watch,
        Self::Mixed,
        Self::YcsbA,
        Self::YcsbB,
        Self::YcsbC,
        Self::YcsbD,
        Self::YcsbE,
        Self::YcsbF,
        Self::Delete,
    ];

    /// The workloads of YCSB (Cooper et al., "Benchmarking Cloud Serving Systems with
    /// YCSB", 2010).
    pub const YCSB: [Self; 6] = [
        Self::YcsbA,
        Self::YcsbB,
        Self::YcsbC,
        Self::YcsbD,
        Self::YcsbE,
        Self::YcsbF,
    ];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::SetLarge => "set-large",
            Self::Get => "get",
            Self::Has => "has",
            Self::HasNot => "has-not",
            Self::Scan => "scan",
            Self::Batch => "batch",
            Self::Txn => "txn",
            Self::Lock => "lock",
            Self::Watch => "watch",
            Self::Mixed => "mixed",
            Self::YcsbA => "ycsb-a",
            Self::YcsbB => "ycsb-b",
            Self::YcsbC => "ycsb-c",
            Self::YcsbD => "ycsb-d",
            Self::YcsbE => "ycsb-e",
            Self::YcsbF => "ycsb-f",
            Self::Delete => "delete",
        }
    }

    /// Whether it runs unless others are asked for.
    pub fn is_default(self) -> bool {
        !self.is_ycsb()
    }

    pub(super) fn is_ycsb(self) -> bool {
        Self::YCSB.contains(&self)
    }

    /// Whether it wants every key to be there.
    pub(super) fn needs_keys(self) -> bool {
        !matches!(
            self,
            Self::Set | Self::SetLarge | Self::HasNot | Self::Batch | Self::Lock | Self::Watch
        )
    }

    /// Whether keys are missing after it, or have other values than before.
    pub(super) fn spoils_keys(self) -> bool {
        matches!(self, Self::SetLarge | Self::Mixed | Self::Delete)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One test, or several under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestGroup(Vec<Test>);

impl TestGroup {
    /// Whether it is one of them.
    pub fn contains(&self, test: Test) -> bool {
        self.0.contains(&test)
    }
}

impl FromStr for TestGroup {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "ycsb" {
            return Ok(Self(Test::YCSB.to_vec()));
        }
        let known = Test::ALL.into_iter().find(|test| test.name() == text);
        known.map(|test| Self(vec![test])).ok_or_else(|| {
            let names = Test::ALL.map(Test::name).join(", ");
            Error::invalid(format!(
                "`{text}` is not a test: choose from {names}, or ycsb for the six of YCSB"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for test in Test::ALL {
            let group: TestGroup = test.name().parse().unwrap();
            assert_eq!(group, TestGroup(vec![test]));
        }
        let ycsb: TestGroup = "ycsb".parse().unwrap();
        assert_eq!(
            Test::ALL
                .map(|test| ycsb.contains(test))
                .iter()
                .filter(|it| **it)
                .count(),
            6
        );
        let error = "sett".parse::<TestGroup>().unwrap_err();
        assert!(error.message().contains("set, set-large, get"), "{error}");
        assert!(error.message().contains("ycsb"), "{error}");
    }

    #[test]
    fn every_test_is_listed_once_and_delete_is_the_last() {
        for (index, test) in Test::ALL.into_iter().enumerate() {
            assert!(!Test::ALL[..index].contains(&test), "{test}");
        }
        assert_eq!(Test::ALL.last(), Some(&Test::Delete));
        let default = Test::ALL.into_iter().filter(|test| test.is_default());
        assert_eq!(default.count(), 12);
    }
}
