//! Exit codes: part of the interface, like the words. `dkv man` documents them.

use std::process::ExitCode;

use crate::base::ErrorKind;

/// How a run of `dkv` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done.
    Done,
    /// 1: an error that no other code names.
    Error,
    /// 2: the request is wrong; nothing happened.
    Usage,
    /// 3: the key, lock or row asked for is not there, or the lock is not to be had.
    NotFound,
    /// 4: a condition or a fence did not hold; nothing changed.
    ConditionFailed,
    /// 5: no node could serve; nothing was applied.
    Unavailable,
    /// 6: not allowed with these credentials.
    Denied,
    /// 7: the node or cluster is not healthy.
    Unhealthy,
    /// 8: whether the write was applied is unknown.
    OutcomeUnknown,
    /// 130: interrupted by the user.
    Interrupted,
    /// The exit code of the command that `lock run` ran.
    OfCommand(u8),
}

impl ExitStatus {
    /// Every fixed status with its meaning, in the order of their codes.
    pub const TABLE: [(Self, &'static str); 10] = [
        (Self::Done, "done"),
        (Self::Error, "an error that no other code names"),
        (Self::Usage, "the request is wrong; nothing happened"),
        (Self::NotFound, "not found, or the lock was not acquired"),
        (
            Self::ConditionFailed,
            "a condition or a fence did not hold; nothing changed",
        ),
        (
            Self::Unavailable,
            "no node could serve the request; nothing was applied",
        ),
        (Self::Denied, "not allowed with these credentials"),
        (Self::Unhealthy, "the node or cluster is not healthy"),
        (
            Self::OutcomeUnknown,
            "the outcome is unknown: the write may or may not have been applied",
        ),
        (Self::Interrupted, "interrupted"),
    ];

    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::ConditionFailed => 4,
            Self::Unavailable => 5,
            Self::Denied => 6,
            Self::Unhealthy => 7,
            Self::OutcomeUnknown => 8,
            Self::Interrupted => 130,
            Self::OfCommand(code) => code,
        }
    }
}

impl From<ErrorKind> for ExitStatus {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Usage,
            ErrorKind::Conflict | ErrorKind::FenceStale => Self::ConditionFailed,
            ErrorKind::Unauthenticated | ErrorKind::Denied => Self::Denied,
            ErrorKind::NotLeader | ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Timeout => Self::OutcomeUnknown,
            ErrorKind::NotFound
            | ErrorKind::LimitExceeded
            | ErrorKind::Compacted
            | ErrorKind::Corrupt
            | ErrorKind::Internal => Self::Error,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_documented_code() {
        let documented = [
            (ErrorKind::Invalid, 2),
            (ErrorKind::NotFound, 1),
            (ErrorKind::Conflict, 4),
            (ErrorKind::FenceStale, 4),
            (ErrorKind::LimitExceeded, 1),
            (ErrorKind::Compacted, 1),
            (ErrorKind::Unauthenticated, 6),
            (ErrorKind::Denied, 6),
            (ErrorKind::NotLeader, 5),
            (ErrorKind::Unavailable, 5),
            (ErrorKind::Timeout, 8),
            (ErrorKind::Corrupt, 1),
            (ErrorKind::Internal, 1),
        ];
        assert_eq!(documented.map(|(kind, _)| kind), ErrorKind::ALL);
        for (kind, code) in documented {
            assert_eq!(ExitStatus::from(kind).code(), code, "{kind:?}");
        }
    }

    #[test]
    fn codes_are_distinct_and_documented_in_order() {
        let codes = ExitStatus::TABLE.map(|(status, _)| status.code());
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]);
        assert_eq!(ExitStatus::OfCommand(42).code(), 42);
    }
}
