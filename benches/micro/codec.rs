//! The machine's codec: what the log, the history files and other members are given.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use dkv::base::time::MachineTime;
use dkv::base::types::Revision;
use dkv::kv::Record;
use dkv::machine::codec::{
    CodecError, decode_entry, decode_event, encode_entry, put_event, read_proposal, store_proposal,
};
use dkv::machine::{Command, Entry, Event, EventKind};
use prost::Message;

use crate::commands::{entry, request, set};
use crate::draw::{Key, Keys, value};

/// Sets in an entry, or in a proposal.
const COMMANDS: usize = 64;

/// Sets with request ids, as sessions send them.
fn commands() -> Vec<Command> {
    let mut keys = Keys::present();
    (0..COMMANDS as u64)
        .map(|place| set(&keys.next(), Some(request(1_000_000 + place, 1_000_000))))
        .collect()
}

fn entry_of_sets() -> (Entry, Bytes) {
    let entry = entry(86_400_000, commands());
    let bytes = encode_entry(&entry);
    let read = decode_entry(bytes.clone()).expect("it was just encoded");
    assert_eq!(read, entry);
    (entry, bytes)
}

/// Encodes an entry of 64 sets with request ids for the log. An item is a set.
#[divan::bench]
fn entry_encode(bencher: Bencher) {
    let (entry, bytes) = entry_of_sets();
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| encode_entry(&entry));
}

/// Decodes it. Keys and values share the memory of what was read. An item is a set.
#[divan::bench]
fn entry_decode(bencher: Bencher) {
    let (_, bytes) = entry_of_sets();
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| bytes.clone())
        .bench_local_values(decode_entry);
}

/// A set that replaced a value.
fn event() -> (Event, Bytes) {
    let key = Keys::present().next();
    let event = Event {
        revision: Revision(1_000_000),
        sub: 0,
        now: MachineTime(86_400_000),
        kind: EventKind::Set,
        bucket: String::new(),
        key: Bytes::copy_from_slice(&key),
        record: Some(record(&key, 1_000_000, 2)),
        previous: Some(record(&key, 500_000, 1)),
    };
    let mut bytes = Vec::new();
    put_event(&event, &mut bytes);
    let bytes = Bytes::from(bytes);
    let read = decode_event(bytes.clone()).expect("it was just encoded");
    assert_eq!(read, event);
    (event, bytes)
}

fn record(key: &Key, revision: u64, version: u64) -> Record {
    Record {
        value: Some(value(key)),
        create_revision: Revision(500_000),
        revision: Revision(revision),
        version,
        expire_at: None,
        delete_at: None,
    }
}

/// Encodes the event of a set that replaced a value, for the history files. An item is an
/// event.
#[divan::bench(sample_size = 100)]
fn event_encode(bencher: Bencher) {
    let (event, bytes) = event();
    bencher
        .counter(ItemsCount::new(1_u32))
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| Vec::with_capacity(bytes.len()))
        .bench_local_refs(|buffer| put_event(&event, buffer));
}

/// Decodes it. An item is an event.
#[divan::bench(sample_size = 100)]
fn event_decode(bencher: Bencher) {
    let (_, bytes) = event();
    bencher
        .counter(ItemsCount::new(1_u32))
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| bytes.clone())
        .bench_local_values(decode_event);
}

/// Commands as a node hands them to the leader, one after the other.
fn write_proposal(commands: &[Command]) -> Bytes {
    let mut bytes = Vec::new();
    for stored in store_proposal(commands) {
        let written = stored.encode_length_delimited(&mut bytes);
        written.expect("a vector has room");
    }
    bytes.into()
}

/// Reads them with the codec's own `read`, which knows what they are stored as.
fn take_proposal<M: Message + Default>(
    mut bytes: Bytes,
    read: impl Fn(Vec<M>) -> Result<Vec<Command>, CodecError>,
) -> Vec<Command> {
    let mut stored = Vec::with_capacity(COMMANDS);
    while !bytes.is_empty() {
        let next = M::decode_length_delimited(&mut bytes);
        stored.push(next.expect("it was just encoded"));
    }
    read(stored).expect("it was just encoded")
}

fn proposal() -> (Vec<Command>, Bytes) {
    let commands = commands();
    let bytes = write_proposal(&commands);
    assert_eq!(take_proposal(bytes.clone(), read_proposal), commands);
    (commands, bytes)
}

/// Encodes a proposal of 64 sets with request ids on its way to the leader, without the
/// message around it. An item is a set.
#[divan::bench]
fn proposal_encode(bencher: Bencher) {
    let (commands, bytes) = proposal();
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| write_proposal(&commands));
}

/// Decodes it. An item is a set.
#[divan::bench]
fn proposal_decode(bencher: Bencher) {
    let (_, bytes) = proposal();
    bencher
        .counter(ItemsCount::new(COMMANDS))
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| bytes.clone())
        .bench_local_values(|bytes| take_proposal(bytes, read_proposal));
}
