//! Entries, rows and events as bytes: the only file of this room that knows the
//! messages of `proto/dkv/storage/v1`.
//!
//! Invariant: whatever the bytes are, decoding gives a value within the limits or an
//! error; what it gives, the rest of the machine trusts.

use bytes::Bytes;
use prost::Message;
use thiserror::Error;

use crate::base::limits::{
    BUCKET_BYTES_MAX, ENTRY_COMMANDS_MAX, KEY_BYTES_MAX, LOCK_NAME_BYTES_MAX, LOCK_WAITERS_MAX,
    REQUEST_BYTES_MAX, SESSION_OUTCOMES_MAX,
};
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, LogIndex, OwnerId, RequestId, Revision};
use crate::base::{Error, ErrorKind};
use crate::kv::{Condition, KvCommand, Record, Set};
use crate::lock::{Lock, LockCommand, Waiter};
use crate::machine::command::{Command, Entry, Fence, Op};
use crate::machine::outcome::{Event, EventKind, Outcome, OutcomeKind};
use crate::machine::sessions::Session;
use crate::machine::state::State;
use crate::proto::storage;
use crate::proto::storage::command::Op as StoredOp;
use crate::proto::storage::condition::Kind as StoredCondition;

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

/// An entry as the log keeps it.
///
/// # Panics
/// If a timer was never stamped.
pub fn encode_entry(entry: &Entry) -> Bytes {
    let stored = storage::Entry {
        now_ms: entry.now.0,
        boot_ms: entry.boot.boot_ms,
        boot_id: id(&entry.boot.boot_id),
        commands: entry.commands.iter().map(store_command).collect(),
    };
    stored.encode_to_vec().into()
}

/// Reads an entry. Its keys and values share the memory of `bytes`.
///
/// # Errors
/// If it is no entry, holds something out of bounds, or a command this dkv does not
/// know.
pub fn decode_entry(bytes: Bytes) -> Result<Entry> {
    let stored: storage::Entry = message("log entry", bytes)?;
    at_most(
        "commands in an entry",
        stored.commands.len(),
        ENTRY_COMMANDS_MAX,
    )?;
    Ok(Entry {
        now: MachineTime(stored.now_ms),
        boot: BootStamp {
            boot_ms: stored.boot_ms,
            boot_id: read_id("boot id", &stored.boot_id)?,
        },
        commands: stored
            .commands
            .into_iter()
            .map(read_command)
            .collect::<Result<_>>()?,
    })
}

/// An event as the history files keep it.
pub fn encode_event(event: &Event) -> Bytes {
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
    stored.encode_to_vec().into()
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

/// The value of a row of `data`.
pub(super) fn encode_record(record: &Record) -> Bytes {
    store_record(record).encode_to_vec().into()
}

/// Reads the value of a row of `data`.
pub(super) fn decode_record(bytes: Bytes) -> Result<Record> {
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
            .into_iter()
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
    })
}

fn store_command(command: &Command) -> storage::Command {
    storage::Command {
        request: command.request.as_ref().map(|request| storage::RequestId {
            client: id(&request.client.0),
            sequence: request.sequence,
            acked_below: request.acked_below,
            attempt: request.attempt,
        }),
        fence: command.fence.as_ref().map(|fence| storage::Fence {
            name: fence.name.clone(),
            token: fence.token.0,
        }),
        op: Some(match &command.op {
            Op::Kv { bucket, command } => store_kv(bucket.clone(), command),
            Op::Lock { name, command } => store_lock_command(name.clone(), command),
            Op::Sweep => StoredOp::Sweep(storage::Sweep {}),
        }),
    }
}

fn store_kv(bucket: String, command: &KvCommand) -> StoredOp {
    match command.clone() {
        KvCommand::Set(set) => StoredOp::Set(storage::Set {
            bucket,
            key: set.key,
            value: set.value,
            expire_at_ms: ms(set.expire),
            delete_at_ms: ms(set.delete),
            keep_timers: set.keep_timers,
            condition: set.condition.map(store_condition),
            return_previous: set.return_previous,
        }),
        KvCommand::Delete { key } => StoredOp::Delete(storage::Delete { bucket, key }),
        KvCommand::DeleteRange { start, end } => {
            StoredOp::DeleteRange(storage::DeleteRange { bucket, start, end })
        }
        KvCommand::Expire { key } => StoredOp::Expire(storage::Expire { bucket, key }),
        KvCommand::Touch {
            key,
            expire,
            delete,
        } => StoredOp::Touch(storage::Touch {
            bucket,
            key,
            expire_at_ms: ms(expire),
            delete_at_ms: ms(delete),
        }),
        KvCommand::Persist { key } => StoredOp::Persist(storage::Persist { bucket, key }),
    }
}

fn store_condition(condition: Condition) -> storage::Condition {
    let kind = match condition {
        Condition::Absent => StoredCondition::Absent(true),
        Condition::Present => StoredCondition::Present(true),
        Condition::Revision(revision) => StoredCondition::Revision(revision.0),
        Condition::Value(value) => StoredCondition::Value(value),
    };
    storage::Condition { kind: Some(kind) }
}

fn store_lock_command(name: Bytes, command: &LockCommand) -> StoredOp {
    match command {
        LockCommand::Acquire {
            owner,
            ttl_ms,
            wait,
        } => StoredOp::Acquire(storage::Acquire {
            name,
            owner: id(&owner.0),
            ttl_ms: *ttl_ms,
            wait_until_ms: ms(*wait),
        }),
        LockCommand::Renew { owner, ttl_ms } => StoredOp::Renew(storage::Renew {
            name,
            owner: id(&owner.0),
            ttl_ms: *ttl_ms,
        }),
        LockCommand::Release { owner } => StoredOp::Release(storage::Release {
            name,
            owner: id(&owner.0),
        }),
        LockCommand::Revoke => StoredOp::Revoke(storage::Revoke { name }),
        LockCommand::CancelWait { owner } => StoredOp::CancelWait(storage::CancelWait {
            name,
            owner: id(&owner.0),
        }),
    }
}

fn read_command(stored: storage::Command) -> Result<Command> {
    let request = stored.request.map(|request| {
        Ok(RequestId {
            client: ClientId(read_id("client id", &request.client)?),
            sequence: request.sequence,
            acked_below: request.acked_below,
            attempt: request.attempt,
        })
    });
    let fence = stored.fence.map(|fence| {
        Ok(Fence {
            name: read_name(fence.name)?,
            token: FenceToken(fence.token),
        })
    });
    let op = stored.op.ok_or(CodecError::Unknown { what: "command" })?;
    Ok(Command {
        request: request.transpose()?,
        fence: fence.transpose()?,
        op: read_op(op)?,
    })
}

fn read_op(op: StoredOp) -> Result<Op> {
    match op {
        StoredOp::Set(set) => read_set(set),
        StoredOp::Delete(delete) => {
            let key = read_key(delete.key)?;
            kv(delete.bucket, KvCommand::Delete { key })
        }
        StoredOp::DeleteRange(range) => {
            let start = bounded("range start", range.start, 0, KEY_BYTES_MAX + 1)?;
            let end = range
                .end
                .map(|end| bounded("range end", end, 0, KEY_BYTES_MAX + 1));
            let end = end.transpose()?;
            kv(range.bucket, KvCommand::DeleteRange { start, end })
        }
        StoredOp::Expire(expire) => {
            let key = read_key(expire.key)?;
            kv(expire.bucket, KvCommand::Expire { key })
        }
        StoredOp::Touch(touch) => {
            let command = KvCommand::Touch {
                key: read_key(touch.key)?,
                expire: timer(touch.expire_at_ms),
                delete: timer(touch.delete_at_ms),
            };
            kv(touch.bucket, command)
        }
        StoredOp::Persist(persist) => {
            let key = read_key(persist.key)?;
            kv(persist.bucket, KvCommand::Persist { key })
        }
        StoredOp::Acquire(acquire) => {
            let command = LockCommand::Acquire {
                owner: read_owner(&acquire.owner)?,
                ttl_ms: acquire.ttl_ms,
                wait: timer(acquire.wait_until_ms),
            };
            lock(acquire.name, command)
        }
        StoredOp::Renew(renew) => {
            let owner = read_owner(&renew.owner)?;
            let ttl_ms = renew.ttl_ms;
            lock(renew.name, LockCommand::Renew { owner, ttl_ms })
        }
        StoredOp::Release(release) => {
            let owner = read_owner(&release.owner)?;
            lock(release.name, LockCommand::Release { owner })
        }
        StoredOp::Revoke(revoke) => lock(revoke.name, LockCommand::Revoke),
        StoredOp::CancelWait(cancel) => {
            let owner = read_owner(&cancel.owner)?;
            lock(cancel.name, LockCommand::CancelWait { owner })
        }
        StoredOp::Sweep(storage::Sweep {}) => Ok(Op::Sweep),
    }
}

fn read_set(set: storage::Set) -> Result<Op> {
    let command = KvCommand::Set(Set {
        key: read_key(set.key)?,
        value: read_value(set.value)?,
        expire: timer(set.expire_at_ms),
        delete: timer(set.delete_at_ms),
        keep_timers: set.keep_timers,
        condition: set.condition.map(read_condition).transpose()?,
        return_previous: set.return_previous,
    });
    kv(set.bucket, command)
}

fn read_condition(stored: storage::Condition) -> Result<Condition> {
    match stored.kind {
        Some(StoredCondition::Absent(true)) => Ok(Condition::Absent),
        Some(StoredCondition::Present(true)) => Ok(Condition::Present),
        Some(StoredCondition::Revision(revision)) => Ok(Condition::Revision(Revision(revision))),
        Some(StoredCondition::Value(value)) => Ok(Condition::Value(read_value(value)?)),
        Some(StoredCondition::Absent(false) | StoredCondition::Present(false)) | None => {
            Err(CodecError::Unknown { what: "condition" })
        }
    }
}

fn kv(bucket: String, command: KvCommand) -> Result<Op> {
    let bucket = read_bucket(bucket)?;
    Ok(Op::Kv { bucket, command })
}

fn lock(name: Bytes, command: LockCommand) -> Result<Op> {
    let name = read_name(name)?;
    Ok(Op::Lock { name, command })
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

fn read_waiter(stored: storage::Waiter) -> Result<Waiter> {
    Ok(Waiter {
        owner: read_owner(&stored.owner)?,
        ttl_ms: stored.ttl_ms,
        wait_until: MachineTime(stored.wait_until_ms),
    })
}

fn message<M: Message + Default>(what: &'static str, bytes: Bytes) -> Result<M> {
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

fn ms(timer: Timer) -> Option<u64> {
    timer.at().map(|at| at.0)
}

fn timer(at_ms: Option<u64>) -> Timer {
    at_ms.map_or(Timer::Never, |ms| Timer::At(MachineTime(ms)))
}

#[cfg(test)]
mod tests;
