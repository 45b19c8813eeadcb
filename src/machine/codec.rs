//! Entries, rows and events as bytes: the only files of this room that know the
//! messages of `proto/dkv/storage/v1`.
//!
//! Invariant: whatever the bytes are, decoding gives a value within the limits or an
//! error; what it gives, the rest of the machine trusts.

mod bucket;
mod entry;
mod reply;
mod skim;
mod transaction;

use bytes::{Buf, Bytes};
use prost::{Message, length_delimiter_len};
use thiserror::Error;

use crate::base::limits::{
    BUCKET_BYTES_MAX, KEY_BYTES_MAX, LOCK_NAME_BYTES_MAX, LOCK_WAITERS_MAX, REQUEST_BYTES_MAX,
    SESSION_OUTCOMES_MAX,
};
use crate::base::time::{BootStamp, MachineTime};
use crate::base::types::{ClientId, FenceToken, LogIndex, OwnerId, Revision};
use crate::base::{Error, ErrorKind};
use crate::kv::Record;
use crate::lock::{Lock, Waiter};
use crate::machine::outcome::{Event, EventKind, Outcome, OutcomeKind};
use crate::machine::sessions::Session;
use crate::machine::state::State;
use crate::proto::storage;
pub(super) use bucket::{decode_bucket, decode_named_bucket, encode_bucket};
pub use entry::{decode_entry, encode_entry, read_proposal, store_proposal};
pub use reply::{read_reply, store_reply};
pub(super) use skim::{decode_without_value, is_expired};

/// The format of the rows, in the row of `meta`.
const FORMAT: u32 = 1;

/// Why bytes are not what they should be.
#[derive(Debug, Error)]
pub enum CodecError {
    /// They are no such message.
    #[error("damaged {what}: {source}")]
    Message {
        /// What they should be.
        what: &'static str,
        /// Why they are not.
        source: prost::DecodeError,
    },
    /// A field has the wrong length.
    #[error("{what} of {found} bytes (should be {min} to {max})")]
    Length {
        /// The field.
        what: &'static str,
        /// Its length, or how many there are.
        found: usize,
        /// The least it may be.
        min: usize,
        /// The most it may be.
        max: usize,
    },
    /// There are too many of something.
    #[error("{found} {what} (at most {max})")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A field that must be there is missing, or has a value of a newer dkv.
    #[error("{what} is missing or unknown: damaged, or written by a newer dkv")]
    Unknown {
        /// The field.
        what: &'static str,
    },
    /// A value that nobody can have written.
    #[error("{what}")]
    Impossible {
        /// What is impossible about it.
        what: &'static str,
    },
    /// The rows are of a newer format.
    #[error("rows in format {found}; this dkv reads up to {FORMAT}: upgrade dkv")]
    NewerFormat {
        /// Their format.
        found: u32,
    },
    /// The key of a row cannot be taken apart.
    #[error("damaged key of a row in {table}")]
    RowKey {
        /// The table.
        table: &'static str,
    },
}

impl From<CodecError> for Error {
    fn from(error: CodecError) -> Self {
        Self::new(ErrorKind::Corrupt, error.to_string()).with_source(error)
    }
}

type Result<T, E = CodecError> = std::result::Result<T, E>;

/// Puts an event, as the history files keep it, behind what is in `buffer`.
pub fn put_event(event: &Event, buffer: &mut Vec<u8>) {
    let stored = storage::Event {
        revision: event.revision.0,
        sub: event.sub,
        now_ms: event.now.0,
        kind: event.kind as u32,
        bucket: event.bucket.clone(),
        key: event.key.clone(),
        record: event.record.as_ref().map(store_record),
        previous: event.previous.as_ref().map(store_record),
    };
    stored.encode(buffer).expect("a vector grows as it must");
}

/// Reads an event.
///
/// # Errors
/// If it is no event, or holds something out of bounds.
pub fn decode_event(bytes: Bytes) -> Result<Event> {
    let stored: storage::Event = message("event", bytes)?;
    let kind = [
        EventKind::Set,
        EventKind::Delete,
        EventKind::Expire,
        EventKind::Touch,
    ]
    .into_iter()
    .find(|kind| *kind as u32 == stored.kind)
    .ok_or(CodecError::Unknown { what: "event kind" })?;
    Ok(Event {
        revision: Revision(stored.revision),
        sub: stored.sub,
        now: MachineTime(stored.now_ms),
        kind,
        bucket: read_bucket(stored.bucket)?,
        key: read_key(stored.key)?,
        record: stored.record.map(read_record).transpose()?,
        previous: stored.previous.map(read_record).transpose()?,
    })
}

/// The value of a row of `data`, and the record with its value in there: whoever keeps the
/// record does not hold on to where its value came from.
pub(super) fn encode_record(record: &Record) -> (Bytes, Record) {
    let row = Bytes::from(store_record(record).encode_to_vec());
    let value = record.value.as_ref().map(|value| {
        // It is the first field: a tag, its length, itself.
        let at = 1 + length_delimiter_len(value.len());
        row.slice(at..at + value.len())
    });
    let record = Record {
        value,
        create_revision: record.create_revision,
        revision: record.revision,
        version: record.version,
        expire_at: record.expire_at,
        delete_at: record.delete_at,
    };
    (row, record)
}

/// Reads the value of a row of `data`. The record's value shares the memory of [`Bytes`], and
/// is a copy from anything else.
pub(super) fn decode_record(bytes: impl Buf) -> Result<Record> {
    read_record(message("record", bytes)?)
}

/// The value of a row of `locks`.
pub(super) fn encode_lock(lock: &Lock) -> Bytes {
    let stored = storage::Lock {
        owner: id(&lock.owner.0),
        fence: lock.fence.0,
        granted_at_ms: lock.granted_at.0,
        lease_until_ms: lock.lease_until.map(|at| at.0),
        claim_by_ms: lock.claim_by.map(|at| at.0),
        queue: lock.queue.iter().map(store_waiter).collect(),
    };
    stored.encode_to_vec().into()
}

/// Reads the value of a row of `locks`.
pub(super) fn decode_lock(bytes: Bytes) -> Result<Lock> {
    let stored: storage::Lock = message("lock", bytes)?;
    at_most("waiters of a lock", stored.queue.len(), LOCK_WAITERS_MAX)?;
    Ok(Lock {
        owner: read_owner(&stored.owner)?,
        fence: FenceToken(stored.fence),
        granted_at: MachineTime(stored.granted_at_ms),
        lease_until: stored.lease_until_ms.map(MachineTime),
        claim_by: stored.claim_by_ms.map(MachineTime),
        queue: stored
            .queue
            .iter()
            .map(read_waiter)
            .collect::<Result<_>>()?,
    })
}

/// The value of a row of `sessions`.
pub(super) fn encode_session(session: &Session) -> Bytes {
    let store = |(sequence, outcome): &(u64, Outcome)| storage::Outcome {
        sequence: *sequence,
        kind: outcome.kind as u32,
        revision: outcome.revision.0,
        count: outcome.count,
    };
    let stored = storage::Session {
        last_used_ms: session.last_used.0,
        floor: session.floor,
        outcomes: session.outcomes.iter().map(store).collect(),
        first: session.first,
    };
    stored.encode_to_vec().into()
}

/// Reads the value of a row of `sessions`.
pub(super) fn decode_session(bytes: Bytes) -> Result<Session> {
    let stored: storage::Session = message("session", bytes)?;
    at_most(
        "outcomes of a session",
        stored.outcomes.len(),
        SESSION_OUTCOMES_MAX,
    )?;
    let sequences = stored.outcomes.iter().map(|outcome| outcome.sequence);
    let in_order = sequences.clone().is_sorted_by(|a, b| a < b);
    if !in_order || sequences.clone().any(|sequence| sequence < stored.floor) {
        let what = "outcomes of a session out of order or below its floor";
        return Err(CodecError::Impossible { what });
    }
    let read = |outcome: storage::Outcome| {
        let kind = OutcomeKind::from_number(outcome.kind).ok_or(CodecError::Unknown {
            what: "outcome kind",
        })?;
        let revision = Revision(outcome.revision);
        let count = outcome.count;
        Ok((
            outcome.sequence,
            Outcome {
                kind,
                revision,
                count,
            },
        ))
    };
    Ok(Session {
        last_used: MachineTime(stored.last_used_ms),
        floor: stored.floor,
        first: stored.first,
        outcomes: stored
            .outcomes
            .into_iter()
            .map(read)
            .collect::<Result<_>>()?,
    })
}

/// The key of a row of `sessions`, read.
pub(super) fn decode_client(row: &[u8]) -> Result<ClientId> {
    read_id("client id", row).map(ClientId)
}

/// The value of the row of `meta`.
pub(super) fn encode_state(state: &State) -> Bytes {
    let stored = storage::State {
        format: FORMAT,
        applied_index: state.applied.0,
        revision: state.revision.0,
        now_ms: state.now.0,
        boot_ms: state.boot.boot_ms,
        boot_id: id(&state.boot.boot_id),
        state_hash: state.hash,
        keys: state.keys,
        locks: state.locks,
        buckets: state.buckets,
    };
    stored.encode_to_vec().into()
}

/// Reads the value of the row of `meta`.
pub(super) fn decode_state(bytes: Bytes) -> Result<State> {
    let stored: storage::State = message("machine state", bytes)?;
    match stored.format {
        FORMAT => {}
        0 => {
            return Err(CodecError::Unknown {
                what: "format of the rows",
            });
        }
        found => return Err(CodecError::NewerFormat { found }),
    }
    Ok(State {
        applied: LogIndex(stored.applied_index),
        revision: Revision(stored.revision),
        now: MachineTime(stored.now_ms),
        boot: BootStamp {
            boot_ms: stored.boot_ms,
            boot_id: read_id("boot id", &stored.boot_id)?,
        },
        hash: stored.state_hash,
        keys: stored.keys,
        locks: stored.locks,
        buckets: stored.buckets,
    })
}

fn store_record(record: &Record) -> storage::Record {
    storage::Record {
        value: record.value.clone(),
        create_revision: record.create_revision.0,
        revision: record.revision.0,
        version: record.version,
        expire_at_ms: record.expire_at.map(|at| at.0),
        delete_at_ms: record.delete_at.map(|at| at.0),
    }
}

fn read_record(stored: storage::Record) -> Result<Record> {
    Ok(Record {
        value: stored.value.map(read_value).transpose()?,
        create_revision: Revision(stored.create_revision),
        revision: Revision(stored.revision),
        version: stored.version,
        expire_at: stored.expire_at_ms.map(MachineTime),
        delete_at: stored.delete_at_ms.map(MachineTime),
    })
}

fn store_waiter(waiter: &Waiter) -> storage::Waiter {
    storage::Waiter {
        owner: id(&waiter.owner.0),
        ttl_ms: waiter.ttl_ms,
        wait_until_ms: waiter.wait_until.0,
    }
}

fn read_waiter(stored: &storage::Waiter) -> Result<Waiter> {
    Ok(Waiter {
        owner: read_owner(&stored.owner)?,
        ttl_ms: stored.ttl_ms,
        wait_until: MachineTime(stored.wait_until_ms),
    })
}

fn message<M: Message + Default>(what: &'static str, bytes: impl Buf) -> Result<M> {
    M::decode(bytes).map_err(|source| CodecError::Message { what, source })
}

fn at_most(what: &'static str, found: usize, max: usize) -> Result<()> {
    if found > max {
        return Err(CodecError::TooMany { what, found, max });
    }
    Ok(())
}

fn bounded(what: &'static str, bytes: Bytes, min: usize, max: usize) -> Result<Bytes> {
    let found = bytes.len();
    if found < min || found > max {
        return Err(CodecError::Length {
            what,
            found,
            min,
            max,
        });
    }
    Ok(bytes)
}

fn read_key(key: Bytes) -> Result<Bytes> {
    bounded("key", key, 1, KEY_BYTES_MAX)
}

fn read_name(name: Bytes) -> Result<Bytes> {
    bounded("lock name", name, 1, LOCK_NAME_BYTES_MAX)
}

/// A node may allow larger values than the default, but none larger than a request.
fn read_value(value: Bytes) -> Result<Bytes> {
    bounded("value", value, 0, REQUEST_BYTES_MAX)
}

fn read_bucket(bucket: String) -> Result<String> {
    let (what, found) = ("bucket name", bucket.len());
    if found > BUCKET_BYTES_MAX {
        let max = BUCKET_BYTES_MAX;
        return Err(CodecError::Length {
            what,
            found,
            min: 0,
            max,
        });
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if !bucket.bytes().all(allowed) {
        let what = "bucket name with bytes other than A-Z a-z 0-9 . _ : -";
        return Err(CodecError::Impossible { what });
    }
    Ok(bucket)
}

fn read_owner(owner: &[u8]) -> Result<OwnerId> {
    read_id("owner id", owner).map(OwnerId)
}

fn read_id(what: &'static str, bytes: &[u8]) -> Result<[u8; 16]> {
    bytes.try_into().map_err(|_| CodecError::Length {
        what,
        found: bytes.len(),
        min: 16,
        max: 16,
    })
}

fn id(bytes: &[u8; 16]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

#[cfg(test)]
mod tests;
