//! What an interface said, in words that all of them have.

/// An answer or a refusal. What not every interface tells is left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// At this revision; `None`: the condition did not hold.
    Written(Option<u64>),
    Record(Option<Seen>),
    Found(bool),
    Deleted(u64),
    Changed(bool),
    Number(i64),
    Records(Vec<Seen>),
    /// Revision, kind and value after it.
    Changes(Vec<(u64, String, Option<Vec<u8>>)>),
    /// What became of each operation, and of a transaction which branch it was.
    Ops(Option<bool>, Vec<OpSaid>),
    /// The fence; `None`: somebody else has the lock.
    Granted(Option<u64>),
    /// Whether it was done.
    Done(bool),
    /// The fence of its holder.
    Lock(Option<u64>),
    Refused {
        /// The command line tells it by its exit code.
        kind: Kind,
        message: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Named(String),
    Exit(i32),
}

/// A key as it was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) revision: u64,
    pub(crate) create_revision: u64,
    pub(crate) version: u64,
    pub(crate) is_timed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OpSaid {
    Written,
    Deleted(u64),
    Number(i64),
    /// The value.
    Got(Option<Vec<u8>>),
    /// Why not.
    Refused(String),
}

impl Said {
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let (
            Self::Refused {
                kind: Kind::Named(kind),
                message,
            },
            Self::Refused {
                kind: Kind::Exit(code),
                message: told,
            },
        ) = (self, other)
        else {
            return self == other;
        };
        message == told && exit_code(kind) == *code
    }
}

/// As the manual page has it.
fn exit_code(kind: &str) -> i32 {
    match kind {
        "Invalid" => 2,
        "Conflict" | "FenceStale" => 4,
        "NotLeader" | "Unavailable" => 5,
        "Unauthenticated" | "Denied" => 6,
        "Timeout" => 8,
        _ => 1,
    }
}
