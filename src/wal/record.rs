//! What the log keeps: records, and how one lies in a batch.
//!
//! ```text
//! offset  bytes  field (little endian)
//!      0      4  length of the payload
//!      4      4  group
//!      8      8  index
//!     16      1  kind
//!     17      n  payload
//! ```

use bytes::Bytes;

use crate::base::limits::REQUEST_BYTES_MAX;
use crate::base::types::LogIndex;

/// Names one stream of entries: a shard's id, but the log does not know that.
pub type GroupId = u32;

/// Bytes of a record around its payload.
pub(super) const RECORD_HEADER_BYTES: usize = 17;

/// One payload, bytes: an entry, with room for what wraps it.
pub(super) const PAYLOAD_BYTES_MAX: usize = REQUEST_BYTES_MAX + (64 << 10);

/// One thing a group wants to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub group: GroupId,
    /// What it is.
    pub kind: RecordKind,
    /// Its position in the group; what that means depends on the kind.
    pub index: LogIndex,
    /// What the group makes of it.
    pub payload: Bytes,
}

/// What a record is, as far as the log must know in order to keep or drop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// The entry at `index`: kept until the group releases it. It takes the place of an
    /// earlier one there.
    Entry = 1,
    /// What the group must remember for ever in little space (vote, membership,
    /// committed and purged positions). The latest wins, and is written again at
    /// the head of every segment, so that it pins none.
    State = 2,
    /// Entries at `index` and after it are void, and others may be appended in their
    /// place. Kept as long as they are.
    Truncate = 3,
    /// Entries up to `index` are not needed any more: a release that is also
    /// replayed. It goes with its segment: a position that must be remembered
    /// belongs into the `State`, in the same append. The group may go on at any later
    /// index, even one beyond its last entry.
    Purge = 4,
}

/// What one append waits for before its `done` is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The disk.
    Fsync,
    /// The operating system; the disk follows within this many milliseconds.
    IntervalMs(u64),
    /// The operating system; the disk follows when something else needs it.
    None,
}

impl RecordKind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Entry, Self::State, Self::Truncate, Self::Purge]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

impl Record {
    /// Bytes it takes in a batch.
    pub(super) fn encoded_bytes(&self) -> u64 {
        (RECORD_HEADER_BYTES + self.payload.len()) as u64
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).expect("admission bounds every payload");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&self.index.0.to_le_bytes());
        out.push(self.kind as u8);
        out.extend_from_slice(&self.payload);
    }

    /// Takes the first record off `bytes`. The payload is copied, so that a record
    /// that is kept does not keep the whole segment in memory.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, String> {
        let (header, rest) = bytes
            .split_first_chunk::<RECORD_HEADER_BYTES>()
            .ok_or("a record is cut off")?;
        let [l0, l1, l2, l3, g0, g1, g2, g3, index @ .., kind] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > PAYLOAD_BYTES_MAX {
            return Err(format!("a record of {length} bytes is over the limit"));
        }
        let (payload, rest) = rest
            .split_at_checked(length)
            .ok_or("a record is longer than its batch")?;
        *bytes = rest;
        Ok(Self {
            group: u32::from_le_bytes([g0, g1, g2, g3]),
            kind: RecordKind::from_byte(kind).ok_or_else(|| format!("no record kind is {kind}"))?,
            index: LogIndex(u64::from_le_bytes(index)),
            payload: Bytes::copy_from_slice(payload),
        })
    }
}
