//! Entries as bytes: what the log and the peers carry.

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{self, DecodeContext, WireType};

use super::bucket::{self, store_bucket_command};
use super::transaction::{read_incr, read_transaction, store_incr, store_transaction};
use super::{
    CodecError, Result, at_most, bounded, id, message, read_bucket, read_id, read_key, read_name,
    read_owner, read_value,
};
use crate::base::limits::{ENTRY_COMMANDS_MAX, KEY_BYTES_MAX};
use crate::base::time::{BootStamp, MachineTime, Timer};
use crate::base::types::{ClientId, FenceToken, RequestId, Revision};
use crate::kv::{Condition, KvCommand, Set};
use crate::lock::LockCommand;
use crate::machine::command::{Command, Entry, Fence, Op};
use crate::proto::codec::count_fields;
use crate::proto::storage;
use crate::proto::storage::command::Op as StoredOp;
use crate::proto::storage::condition::Kind as StoredCondition;

/// The bounds of a range may be one byte longer than a key: what comes right behind
/// the longest key.
pub(super) const BOUND_BYTES_MAX: usize = KEY_BYTES_MAX + 1;

/// The field of an entry that has its commands.
const COMMANDS_FIELD: u32 = 4;

/// An entry as the log keeps it.
///
/// # Panics
/// If a timer was never stamped.
pub fn encode_entry(entry: &Entry) -> Bytes {
    let head = storage::Entry {
        now_ms: entry.now.0,
        boot_ms: entry.boot.boot_ms,
        boot_id: id(&entry.boot.boot_id),
        commands: Vec::new(),
    };
    // One after the other: all of them at once, as messages, would take as much again.
    let weight: usize = entry.commands.iter().map(Command::weight).sum();
    let mut bytes = Vec::with_capacity(weight + head.encoded_len());
    head.encode(&mut bytes).expect("a vector grows as it must");
    for command in &entry.commands {
        encoding::encode_key(COMMANDS_FIELD, WireType::LengthDelimited, &mut bytes);
        store_command(command)
            .encode_length_delimited(&mut bytes)
            .expect("a vector grows as it must");
    }
    bytes.into()
}

/// Reads an entry. Its keys and values share the memory of `bytes`.
///
/// # Errors
/// If it is no entry, holds something out of bounds, or a command this dkv does not
/// know.
pub fn decode_entry(mut bytes: Bytes) -> Result<Entry> {
    let count = count_fields(&bytes, COMMANDS_FIELD);
    at_most("commands in an entry", count, ENTRY_COMMANDS_MAX)?;
    let mut commands = Vec::with_capacity(count);
    let mut head = storage::Entry::default();
    while bytes.has_remaining() {
        if let Some(command) = next_field(&mut head, &mut bytes).map_err(damaged)? {
            commands.push(read_command(message("command", command)?)?);
        }
    }
    Ok(Entry {
        now: MachineTime(head.now_ms),
        boot: BootStamp {
            boot_ms: head.boot_ms,
            boot_id: read_id("boot id", &head.boot_id)?,
        },
        commands,
    })
}

/// Reads one field of an entry: into `head`, unless it is a command.
fn next_field(
    head: &mut storage::Entry,
    bytes: &mut Bytes,
) -> Result<Option<Bytes>, prost::DecodeError> {
    let (field, wire_type) = encoding::decode_key(bytes)?;
    let context = DecodeContext::default();
    if field != COMMANDS_FIELD {
        head.merge_field(field, wire_type, bytes, context)?;
        return Ok(None);
    }
    let mut command = Bytes::new();
    encoding::bytes::merge(wire_type, &mut command, bytes, context)?;
    Ok(Some(command))
}

/// Commands on their way to the leader. Nobody has stamped them: their timers travel as
/// durations from the moment the leader does.
pub fn store_proposal(commands: &[Command]) -> Vec<storage::Command> {
    let durations = |command: &Command| {
        let mut command = command.clone();
        command.stamp(MachineTime(0));
        store_command(&command)
    };
    commands.iter().map(durations).collect()
}

/// Reads what [`store_proposal`] made: commands that are still to be stamped.
///
/// # Errors
/// If there are too many, or one holds something out of bounds or is unknown here.
pub fn read_proposal(stored: Vec<storage::Command>) -> Result<Vec<Command>> {
    at_most("commands in a proposal", stored.len(), ENTRY_COMMANDS_MAX)?;
    let unstamped = |stored| {
        let mut command = read_command(stored)?;
        command.unstamp();
        Ok(command)
    };
    stored.into_iter().map(unstamped).collect()
}

fn damaged(source: prost::DecodeError) -> CodecError {
    CodecError::Message {
        what: "log entry",
        source,
    }
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
            Op::Transaction {
                bucket,
                transaction,
            } => StoredOp::Txn(store_transaction(bucket.clone(), transaction)),
            Op::Bucket { name, command } => store_bucket_command(name.clone(), command),
            Op::Lock { name, command } => store_lock_command(name.clone(), command),
            Op::Sweep => StoredOp::Sweep(storage::Sweep {}),
        }),
    }
}

fn store_kv(bucket: String, command: &KvCommand) -> StoredOp {
    match command.clone() {
        KvCommand::Set(set) => StoredOp::Set(store_set(bucket, set)),
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
        KvCommand::Incr(incr) => StoredOp::Incr(store_incr(bucket, &incr)),
    }
}

pub(super) fn store_set(bucket: String, set: Set) -> storage::Set {
    storage::Set {
        bucket,
        key: set.key,
        value: set.value,
        expire_at_ms: ms(set.expire),
        delete_at_ms: ms(set.delete),
        keep_timers: set.keep_timers,
        condition: set.condition.map(store_condition),
        return_previous: set.return_previous,
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
        StoredOp::Set(mut set) => {
            let bucket = std::mem::take(&mut set.bucket);
            kv(bucket, KvCommand::Set(read_set(set)?))
        }
        StoredOp::Delete(delete) => {
            let key = read_key(delete.key)?;
            kv(delete.bucket, KvCommand::Delete { key })
        }
        StoredOp::DeleteRange(range) => {
            let start = bounded("range start", range.start, 0, BOUND_BYTES_MAX)?;
            let end = range
                .end
                .map(|end| bounded("range end", end, 0, BOUND_BYTES_MAX));
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
        StoredOp::Incr(mut incr) => {
            let bucket = std::mem::take(&mut incr.bucket);
            kv(bucket, read_incr(incr)?)
        }
        StoredOp::Txn(txn) => read_transaction(txn),
        StoredOp::CreateBucket(create) => bucket::read_create(create),
        StoredOp::UpdateBucket(update) => bucket::read_update(update),
        StoredOp::DropBucket(dropped) => bucket::read_drop(dropped),
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

pub(super) fn read_set(set: storage::Set) -> Result<Set> {
    Ok(Set {
        key: read_key(set.key)?,
        value: read_value(set.value)?,
        expire: timer(set.expire_at_ms),
        delete: timer(set.delete_at_ms),
        keep_timers: set.keep_timers,
        condition: set.condition.map(read_condition).transpose()?,
        return_previous: set.return_previous,
    })
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

pub(super) fn ms(timer: Timer) -> Option<u64> {
    timer.at().map(|at| at.0)
}

pub(super) fn timer(at_ms: Option<u64>) -> Timer {
    at_ms.map_or(Timer::Never, |ms| Timer::At(MachineTime(ms)))
}
