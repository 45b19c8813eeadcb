//! A record as it stands in a file: what an import restores of it.

use std::time::Duration;

use bytes::Bytes;

use crate::base::limits;
use crate::client::Record;

/// A record in a file. Revisions and versions are the shard's own, and stay behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// 1 to `KEY_BYTES_MAX` bytes.
    pub(crate) key: Bytes,
    /// Whether the value is still there.
    pub(crate) content: Content,
    /// When the key goes, ms from now, 1 to `DURATION_MS_MAX`.
    pub(crate) delete_in_ms: Option<u64>,
}

/// The value, or that it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A value.
    Live {
        /// Any bytes.
        value: Bytes,
        /// When the value goes, ms from now, 1 to `DURATION_MS_MAX`.
        expire_in_ms: Option<u64>,
    },
    /// Softly expired: the key remains, the value is gone.
    Expired,
}

/// What items must keep to.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Stands before every key.
    pub(crate) prefix: Bytes,
    /// The longest value, bytes.
    pub(crate) value_bytes_max: usize,
}

impl Item {
    /// What a file keeps of a record.
    pub(crate) fn of(record: Record) -> Self {
        let content = if record.expired {
            Content::Expired
        } else {
            Content::Live {
                value: record.value,
                expire_in_ms: record.expire_in.map(remaining_ms),
            }
        };
        Self {
            key: record.key,
            content,
            delete_in_ms: record.delete_in.map(remaining_ms),
        }
    }

    /// Bytes it takes while its write is under way, about.
    pub(super) fn weight_bytes(&self) -> usize {
        let value = match &self.content {
            Content::Live { value, .. } => value.len(),
            Content::Expired => 0,
        };
        self.key.len() + value
    }
}

/// A timer that has run out but was not acted on yet has 0 left, and one that was just set
/// may have a millisecond more than anybody may ask for: neither could be imported.
fn remaining_ms(remaining: Duration) -> u64 {
    let ms = u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
    ms.clamp(1, limits::DURATION_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::types::Revision;

    #[test]
    fn what_remains_of_a_timer_can_always_be_set_again() {
        let record = |ms| Record {
            key: Bytes::from_static(b"k"),
            value: Bytes::new(),
            expired: false,
            revision: Revision(1),
            create_revision: Revision(1),
            version: 1,
            expire_in: None,
            delete_in: Some(Duration::from_millis(ms)),
        };
        for (left_ms, kept_ms) in [
            (0, 1),
            (1, 1),
            (30_000, 30_000),
            (limits::DURATION_MS_MAX + 1, limits::DURATION_MS_MAX),
        ] {
            assert_eq!(Item::of(record(left_ms)).delete_in_ms, Some(kept_ms));
        }
    }
}
