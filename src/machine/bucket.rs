//! Buckets: what is kept of each, and what can be asked of one.

use crate::base::types::Revision;
use crate::machine::outcome::Usage;

/// How a bucket is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketSettings {
    /// When the value goes of a key that is set without timers, ms after that; 0: never.
    pub expire_in_ms: u64,
    /// When such a key goes, ms after that; 0: never.
    pub delete_in_ms: u64,
    /// Keep no events: no reads of the past, no watches. For good.
    pub no_history: bool,
    /// What a write may not make it grow beyond.
    pub quota: Usage,
}

/// What a shard keeps of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// How it is kept.
    pub settings: BucketSettings,
    /// What is in it.
    pub usage: Usage,
    /// The revision that made it.
    pub create_revision: Revision,
    /// The last revision that changed a key of it.
    pub revision: Revision,
    /// It takes no requests any more, and goes with its last key.
    pub dropping: bool,
}

/// A change to a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketCommand {
    /// Makes it.
    Create(BucketSettings),
    /// Replaces its settings, but for `no_history`.
    Update(BucketSettings),
    /// Removes it with its keys, at most `COMMAND_KEYS_MAX` at a time.
    Drop,
}

/// The part of a quota from which on people are warned, percent.
const NEAR_PERCENT: u64 = 80;

impl Usage {
    /// True if it is beyond a quota and was less before: a bucket that is too large
    /// already may shrink, and change what does not make it grow.
    pub fn exceeds(self, quota: Self, before: Self) -> bool {
        let beyond = |now: u64, quota: u64, before: u64| quota > 0 && now > quota && now > before;
        beyond(self.keys, quota.keys, before.keys) || beyond(self.bytes, quota.bytes, before.bytes)
    }

    /// True from the part of a quota on at which people are warned.
    pub fn is_near(self, quota: Self) -> bool {
        let near = |used: u64, quota: u64| {
            quota > 0 && u128::from(used) * 100 >= u128::from(quota) * u128::from(NEAR_PERCENT)
        };
        near(self.keys, quota.keys) || near(self.bytes, quota.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(keys: u64, bytes: u64) -> Usage {
        Usage { keys, bytes }
    }

    #[test]
    fn a_quota_refuses_growth_alone() {
        let quota = usage(0, 100);
        assert!(!usage(9, 100).exceeds(quota, usage(8, 90)));
        assert!(usage(9, 101).exceeds(quota, usage(8, 90)));
        assert!(!usage(9, 150).exceeds(quota, usage(9, 150)), "no growth");
        assert!(!usage(9, 140).exceeds(quota, usage(9, 150)), "it shrinks");
        assert!(usage(3, 1).exceeds(usage(2, 0), usage(2, 1)));
        assert!(!usage(u64::MAX, u64::MAX).exceeds(usage(0, 0), usage(0, 0)));
    }

    #[test]
    fn eighty_percent_is_near() {
        assert!(!usage(0, 79).is_near(usage(0, 100)));
        assert!(usage(0, 80).is_near(usage(0, 100)));
        assert!(usage(4, 0).is_near(usage(5, 0)));
        assert!(!usage(u64::MAX, u64::MAX).is_near(usage(0, 0)));
    }
}
