//! Entries of the log, applied: by bytes, and by choices. Whatever a machine took, a snapshot of
//! it is the same machine.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use dkv::base::host::SeededRng;
use dkv::base::host::sim_disk::SimDisk;
use dkv::base::time::{BootStamp, MachineTime, Timer};
use dkv::base::types::{ClientId, FenceToken, OwnerId, RequestId, Revision};
use dkv::engine::Engine;
use dkv::engine::memory::MemoryEngine;
use dkv::kv::{Condition, Incr, KvCommand, Set};
use dkv::lock::LockCommand;
use dkv::machine::{
    BucketCommand, BucketSettings, Command, Compare, Entry, Fence, Given, HistoryLimits, Machine,
    Op, Relation, SnapshotReader, SnapshotWriter, Subject, Transaction, TxnOp, Usage, codec,
};

use super::choices::Choices;
use super::message::pieces;

/// Entries of one input.
const ENTRIES_MAX: usize = 12;

/// An entry of any bytes: what can be read is the same when it was written again, and can be
/// applied.
pub(crate) fn entry_applied(data: &[u8]) {
    let Ok(entry) = codec::decode_entry(Bytes::copy_from_slice(data)) else {
        return;
    };
    let again = codec::decode_entry(codec::encode_entry(&entry));
    assert_eq!(again.expect("it was just written"), entry);
    let mut machine = machine();
    for _ in 0..2 {
        let index = machine.state().applied.next();
        machine.apply(index, &entry).expect("memory does not fail");
    }
    is_the_same_from_a_snapshot(&machine);
}

/// Commands by choices, one entry after the other.
pub(crate) fn machine_played(data: &[u8]) {
    let mut choices = Choices(data);
    let mut machine = machine();
    let mut twin = self::machine();
    let mut now = 0_u64;
    for _ in 0..ENTRIES_MAX {
        if choices.is_empty() {
            break;
        }
        now = now.saturating_add(choices.number() % 5_000);
        let entry = entry(&mut choices, MachineTime(now));
        let entry = codec::decode_entry(codec::encode_entry(&entry)).unwrap_or(entry);
        let index = machine.state().applied.next();
        machine.apply(index, &entry).expect("memory does not fail");
        twin.apply(index, &entry).expect("memory does not fail");
        assert_eq!(machine.state(), twin.state());
    }
    is_the_same_from_a_snapshot(&machine);
}

/// Chunks of a snapshot, each with a checksum that holds: a writer takes them or refuses them.
pub(crate) fn snapshot_chunks(data: &[u8]) {
    let mut receiver = machine();
    let replacement = receiver.engine_mut().replace();
    let mut writer = SnapshotWriter::new(replacement.expect("memory has room"));
    for chunk in pieces(data) {
        let mut sealed = chunk.to_vec();
        sealed.extend_from_slice(&crc32c::crc32c(chunk).to_le_bytes());
        // Refused or not: the next one may be right.
        let _ = writer.add(sealed.into());
    }
    if writer.is_complete() && writer.seal().is_ok() {
        // What was sealed is what somebody sent, and may be no state of a machine.
        let _ = receiver.install();
    }
}

/// A machine without anything, on a disk in memory.
pub(crate) fn machine() -> Machine {
    let disk = Arc::new(SimDisk::new(Arc::new(SeededRng::new(1))));
    let dir = PathBuf::from("/shard");
    dkv::base::host::Disk::create_dir_all(&*disk, &dir).expect("it has room");
    let engine = MemoryEngine::open(disk, dir).expect("an empty directory is an engine");
    let engine: Box<dyn Engine> = Box::new(engine);
    Machine::open(engine, HistoryLimits::default()).expect("nothing is a state")
}

/// All chunks of a machine's snapshot.
pub(crate) fn chunks(machine: &Machine) -> Vec<Bytes> {
    let mut reader = SnapshotReader::new(machine.view());
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk().expect("memory does not fail") {
        chunks.push(chunk);
    }
    chunks
}

fn is_the_same_from_a_snapshot(machine: &Machine) {
    let mut other = self::machine();
    let replacement = other.engine_mut().replace();
    let mut writer = SnapshotWriter::new(replacement.expect("memory has room"));
    let sent = chunks(machine);
    for chunk in &sent {
        writer.add(chunk.clone()).expect("it is what was read");
    }
    writer.seal().expect("the last chunk has come");
    other
        .install()
        .expect("it is sealed, and nothing was applied");
    assert_eq!(other.state(), machine.state());
    assert_eq!(chunks(&other), sent);
}

/// An entry by choices.
pub(crate) fn entry(choices: &mut Choices<'_>, now: MachineTime) -> Entry {
    let mut commands = Vec::new();
    for _ in 0..=choices.below(4) {
        let mut command = Command {
            request: choices.flip().then(|| RequestId {
                client: ClientId(choices.id()),
                sequence: u64::from(choices.below(8)) + 1,
                acked_below: u64::from(choices.below(8)),
                attempt: u32::from(choices.below(2)),
            }),
            fence: (choices.below(6) == 0).then(|| fence(choices)),
            op: op(choices),
        };
        command.lengthen();
        command.stamp(now);
        commands.push(command);
    }
    Entry {
        now,
        boot: BootStamp {
            boot_ms: now.0,
            boot_id: [1; 16],
        },
        commands,
    }
}

fn fence(choices: &mut Choices<'_>) -> Fence {
    Fence {
        name: choices.name(),
        token: FenceToken(choices.number()),
    }
}

fn op(choices: &mut Choices<'_>) -> Op {
    match choices.below(8) {
        0..=2 => Op::Kv {
            bucket: bucket_name(choices),
            command: kv(choices, true),
        },
        3 => Op::Transaction {
            bucket: bucket_name(choices),
            transaction: transaction(choices),
        },
        4 => Op::Bucket {
            name: "b".to_owned(),
            command: bucket_command(choices),
        },
        5 | 6 => Op::Lock {
            name: choices.name(),
            command: lock(choices),
        },
        _ => Op::Sweep,
    }
}

fn bucket_name(choices: &mut Choices<'_>) -> String {
    String::from(if choices.below(3) == 0 { "b" } else { "" })
}

fn bucket_command(choices: &mut Choices<'_>) -> BucketCommand {
    let settings = BucketSettings {
        expire_in_ms: choices.number() % 10_000,
        delete_in_ms: choices.number() % 10_000,
        no_history: choices.flip(),
        quota: Usage {
            keys: choices.number() % 8,
            bytes: choices.number() % 300,
        },
    };
    match choices.below(4) {
        0 | 1 => BucketCommand::Create(settings),
        2 => BucketCommand::Update(settings),
        _ => BucketCommand::Drop,
    }
}

fn timer(choices: &mut Choices<'_>) -> Timer {
    match choices.below(3) {
        0 => Timer::Never,
        _ => Timer::InMs(1 + choices.number() % 20_000),
    }
}

fn kv(choices: &mut Choices<'_>, conditional: bool) -> KvCommand {
    let key = choices.name();
    match choices.below(9) {
        0..=2 => KvCommand::Set(Set {
            key,
            value: choices.value(),
            expire: timer(choices),
            delete: timer(choices),
            keep_timers: false,
            condition: conditional.then(|| condition(choices)).flatten(),
            return_previous: choices.flip(),
        }),
        3 => KvCommand::Delete { key },
        4 => KvCommand::DeleteRange {
            start: key,
            end: choices.flip().then(|| choices.name()),
        },
        5 => KvCommand::Expire { key },
        6 => KvCommand::Touch {
            key,
            expire: timer(choices),
            delete: timer(choices),
        },
        7 => KvCommand::Persist { key },
        _ => KvCommand::Incr(Incr {
            key,
            by: choices.number().cast_signed(),
            expire: timer(choices),
            delete: timer(choices),
        }),
    }
}

fn condition(choices: &mut Choices<'_>) -> Option<Condition> {
    match choices.below(6) {
        0 => Some(Condition::Absent),
        1 => Some(Condition::Present),
        2 => Some(Condition::Revision(Revision(choices.number() % 32))),
        3 => Some(Condition::Value(choices.value())),
        _ => None,
    }
}

fn lock(choices: &mut Choices<'_>) -> LockCommand {
    let owner = OwnerId(choices.id());
    let ttl_ms = choices.number() % 10_000;
    match choices.below(7) {
        0..=2 => LockCommand::Acquire {
            owner,
            ttl_ms,
            wait: timer(choices),
        },
        3 => LockCommand::Renew { owner, ttl_ms },
        4 => LockCommand::Release { owner },
        5 => LockCommand::Revoke,
        _ => LockCommand::CancelWait { owner },
    }
}

fn transaction(choices: &mut Choices<'_>) -> Transaction {
    let mut made = Transaction::default();
    for _ in 0..choices.below(3) {
        made.compares.push(compare(choices));
    }
    for branch in [&mut made.then, &mut made.otherwise] {
        for _ in 0..choices.below(3) {
            branch.push(match choices.below(3) {
                0 => TxnOp::Get {
                    key: choices.name(),
                },
                _ => TxnOp::Write(kv(choices, false)),
            });
        }
    }
    // What no node lets in is not applied either.
    if made.check().is_err() {
        return Transaction::default();
    }
    made
}

fn compare(choices: &mut Choices<'_>) -> Compare {
    let relation = Relation::ALL[usize::from(choices.below(6))];
    let (subject, given) = match choices.below(3) {
        0 => (
            Subject::Lock(choices.name()),
            Given::Fence(choices.number()),
        ),
        1 => {
            let (start, end) = (choices.name(), choices.flip().then(|| choices.name()));
            let count = Given::Count(choices.number() % 5);
            (Subject::Range { start, end }, count)
        }
        _ => {
            let key = Subject::Key(choices.name());
            let given = match choices.below(4) {
                0 => Given::Exists(choices.flip()),
                1 => Given::Value(choices.value()),
                2 => Given::Version(choices.number()),
                _ => Given::Revision(Revision(choices.number())),
            };
            (key, given)
        }
    };
    Compare {
        subject,
        relation,
        given,
    }
}
