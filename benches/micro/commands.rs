//! Commands as programs send them.

use bytes::Bytes;
use dkv::base::time::{BootStamp, MachineTime, Timer};
use dkv::base::types::{ClientId, RequestId};
use dkv::kv::{KvCommand, Set};
use dkv::lock::LockCommand;
use dkv::machine::{Command, Entry, Op};

use crate::draw::{Key, value};

pub(crate) fn entry(now_ms: u64, commands: Vec<Command>) -> Entry {
    Entry {
        now: MachineTime(now_ms),
        boot: BootStamp::default(),
        commands,
    }
}

/// A plain set of 64 bytes.
pub(crate) fn set(key: &Key, request: Option<RequestId>) -> Command {
    set_until(key, Timer::Never, request)
}

/// A set whose value goes at a machine time.
pub(crate) fn set_until(key: &Key, expire: Timer, request: Option<RequestId>) -> Command {
    let set = Set {
        key: Bytes::copy_from_slice(key),
        value: value(key),
        expire,
        delete: Timer::Never,
        keep_timers: false,
        condition: None,
        return_previous: false,
    };
    kv(KvCommand::Set(set), request)
}

/// Deletes the key that a command sets.
pub(crate) fn delete_again(command: &Command) -> Command {
    match &command.op {
        Op::Kv {
            command: KvCommand::Set(Set { key, .. }),
            ..
        } => kv(KvCommand::Delete { key: key.clone() }, None),
        other => panic!("{other:?} sets no key"),
    }
}

pub(crate) fn lock(name: Bytes, command: LockCommand) -> Command {
    Command {
        request: None,
        fence: None,
        op: Op::Lock { name, command },
    }
}

fn kv(command: KvCommand, request: Option<RequestId>) -> Command {
    Command {
        request,
        fence: None,
        op: Op::Kv {
            bucket: String::new(),
            command,
        },
    }
}

/// Of the write with this number of one client, which has not been sent before.
pub(crate) fn request(sequence: u64, acked_below: u64) -> RequestId {
    RequestId {
        client: ClientId([7; 16]),
        sequence,
        acked_below,
        attempt: 0,
    }
}
