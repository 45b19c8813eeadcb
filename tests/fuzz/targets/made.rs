//! What a corpus is made of.
#![allow(dead_code, reason = "only one of the two drivers makes a corpus")]

use bytes::Bytes;
use dkv::base::time::MachineTime;
use dkv::machine::Entry;
use dkv::wal::Record;

use super::choices::Choices;
use super::{disk, machine};

pub(crate) use super::disk::{NODE, SEGMENT};

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
