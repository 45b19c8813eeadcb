//! What a corpus is made of.
#![allow(dead_code, reason = "only one of the two drivers makes a corpus")]

use bytes::Bytes;
use dkv::base::time::MachineTime;
use dkv::base::types::Revision;
use dkv::kv;
use dkv::machine::{Entry, Event, EventKind, codec};
use dkv::wal::Record;

use super::choices::Choices;
use super::{disk, machine};

pub(crate) use super::disk::{NODE, SEGMENT};
pub(crate) use super::members::SIGNING_REQUEST;
pub(crate) use super::message::{Wire, as_piece, field, pieces};

/// A record of the log.
pub(crate) fn record(index: u64, payload: &[u8]) -> Record {
    disk::record(index, &Bytes::copy_from_slice(payload))
}

/// An entry by choices.
pub(crate) fn entry(choices: &[u8], now: MachineTime) -> Entry {
    machine::entry(&mut Choices(choices), now)
}

/// The chunks of a machine that applied one.
pub(crate) fn snapshot_of(choices: &[u8]) -> Vec<Bytes> {
    let mut machine = machine::machine();
    let entry = entry(choices, MachineTime(1_000));
    let index = machine.state().applied.next();
    machine.apply(index, &entry).expect("memory does not fail");
    machine::chunks(&machine)
}

/// That a key was set, as files have it.
pub(crate) fn event(revision: u64, sub: u32) -> Vec<u8> {
    let record = kv::Record {
        value: Some(Bytes::from_static(b"value")),
        create_revision: Revision(1),
        revision: Revision(revision),
        version: revision,
        expire_at: None,
        delete_at: Some(MachineTime(9_000)),
    };
    let event = Event {
        revision: Revision(revision),
        sub,
        now: MachineTime(1_000),
        kind: EventKind::Set,
        bucket: "b".to_owned(),
        key: Bytes::from_static(b"key"),
        record: Some(record.clone()),
        previous: Some(record).filter(|_| revision > 1),
    };
    let mut bytes = Vec::new();
    codec::put_event(&event, &mut bytes);
    bytes
}
