//! A key's record: the value, its revisions and its two timers.

use bytes::Bytes;

use crate::base::time::MachineTime;
use crate::base::types::Revision;

/// What a shard keeps of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `None` once softly expired: the key remains, the value is gone.
    pub value: Option<Bytes>,
    /// The revision that created the key.
    pub create_revision: Revision,
    /// The revision of the last change.
    pub revision: Revision,
    /// 1 when created, one more with each set.
    pub version: u64,
    /// When the value goes.
    pub expire_at: Option<MachineTime>,
    /// When the key goes.
    pub delete_at: Option<MachineTime>,
}

impl Record {
    /// True once the value is gone and the key remains.
    pub fn is_expired(&self) -> bool {
        self.value.is_none()
    }

    /// When this record next changes by itself.
    pub fn due_at(&self) -> Option<MachineTime> {
        match (
            self.expire_at.filter(|_| self.value.is_some()),
            self.delete_at,
        ) {
            (Some(expire), Some(delete)) => Some(expire.min(delete)),
            (expire, delete) => expire.or(delete),
        }
    }

    /// Bytes it takes in memory beside its key, about.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.value.as_ref().map_or(0, Bytes::len)
    }
}
