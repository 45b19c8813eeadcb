//! What members and those who want to be one send, and what the disk has of their groups.

use bytes::Bytes;
use dkv::base::types::LogIndex;
use dkv::machine::{Machine, SnapshotWriter};
use dkv::raft::fuzzed::{self, Piece};
use dkv::server::fuzzed as server;
use dkv::wal::{Record, RecordKind};

use super::choices::Choices;
use super::machine::machine;
use super::message::{Wire, field, pieces};
use super::wire::said_why;

/// What the corpus asks a certificate for.
pub(crate) const SIGNING_REQUEST: &[u8] = b"a name and a key";
/// A shorter word may stand in a refusal by chance.
const SECRET_BYTES: usize = 24;
/// Records of one log.
const RECORDS_MAX: usize = 64;

/// Frames about snapshots, one after the other, to a follower that believes whoever leads it. The
/// checksum of a chunk always holds.
pub(crate) fn snapshot_frames(data: &[u8]) {
    let mut receiver = machine();
    let mut writer: Option<SnapshotWriter> = None;
    for frame in pieces(data) {
        match fuzzed::piece(Bytes::copy_from_slice(frame)) {
            Ok(Piece::Open) => {
                drop(writer.take());
                let replacement = receiver.engine_mut().replace();
                writer = Some(SnapshotWriter::new(replacement.expect("memory has room")));
            }
            Ok(Piece::Chunk {
                number,
                bytes,
                is_last,
            }) => {
                let waiting = writer.take_if(|it| it.chunks() == number);
                if let Some(waiting) = waiting {
                    writer = take(&mut receiver, waiting, &bytes, is_last);
                }
            }
            refused => said_why(refused.map(drop)),
        }
    }
}

/// The writer, if more may come.
fn take(
    receiver: &mut Machine,
    mut writer: SnapshotWriter,
    chunk: &[u8],
    is_last: bool,
) -> Option<SnapshotWriter> {
    let mut sealed = chunk.to_vec();
    sealed.extend_from_slice(&crc32c::crc32c(chunk).to_le_bytes());
    if let Err(refused) = writer.add(sealed.into()) {
        said_why(Err(refused));
        return None;
    }
    if !is_last {
        return Some(writer);
    }
    if writer.seal().is_ok() {
        // What was sealed is what somebody sent, and may be no state of a machine.
        let _ = receiver.install();
    }
    None
}

/// The records of a group, by choices and of any bytes: they are a log, or it is said why not.
pub(crate) fn group_log(data: &[u8]) {
    said_why(fuzzed::mark(Bytes::copy_from_slice(data)));
    let mut choices = Choices(data);
    let mut records = Vec::new();
    let mut next = 1;
    while !choices.is_empty() && records.len() < RECORDS_MAX {
        let index = match choices.below(4) {
            0 => choices.number(),
            _ => next,
        };
        let record = record(index, &mut choices);
        if record.kind == RecordKind::Entry {
            next = index.saturating_add(1);
        }
        records.push(record);
    }
    match fuzzed::replay(records.clone()) {
        Ok(purged) => assert_eq!(fuzzed::replay(records).ok(), Some(purged)),
        refused => said_why(refused.map(drop)),
    }
}

fn record(index: u64, choices: &mut Choices<'_>) -> Record {
    let (kind, payload) = match choices.below(8) {
        0 => (RecordKind::Truncate, Vec::new()),
        1 => (RecordKind::Purge, Vec::new()),
        2 | 3 => (RecordKind::State, state(choices)),
        4 => (RecordKind::Entry, choices.value().to_vec()),
        _ => {
            let term = field(1, Wire::Number(choices.number()));
            (
                RecordKind::Entry,
                [term, field(2, Wire::Number(1))].concat(),
            )
        }
    };
    Record {
        group: 100,
        kind,
        index: LogIndex(index),
        payload: payload.into(),
    }
}

/// A vote, what is committed and what is purged, each of which may be missing.
fn state(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut state = Vec::new();
    if choices.flip() {
        let term = field(1, Wire::Number(choices.number()));
        let node = field(2, Wire::Bytes(&choices.id()));
        let committed = field(3, Wire::Number(u64::from(choices.flip())));
        state.extend(field(1, Wire::Bytes(&[term, node, committed].concat())));
    }
    for number in [2, 3] {
        if choices.flip() {
            let term = field(1, Wire::Number(choices.number()));
            let index = field(2, Wire::Number(choices.number()));
            state.extend(field(number, Wire::Bytes(&[term, index].concat())));
        }
    }
    state
}

/// A token as text, and what is asked and answered with one: nobody but who has it is believed,
/// and a refusal does not repeat what may be a secret.
pub(crate) fn join_tokens(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(refused) = server::token(text)
    {
        let is_long = text.trim().len() >= SECRET_BYTES;
        assert!(!(is_long && refused.message().contains(text.trim())));
        said_why(Err(refused));
    }
    let bytes = Bytes::copy_from_slice(data);
    match server::enrolled(bytes.clone()) {
        Ok((name, asked)) => assert_eq!((&*name, &*asked), ("node-4", SIGNING_REQUEST)),
        Err(refused) => said_why(Err(refused)),
    }
    said_why(server::enroll_reply(bytes));
}

/// What nodes say of themselves before anything is known of them.
pub(crate) fn greetings(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    said_why(server::link(bytes.clone()));
    said_why(server::hello(bytes.clone()));
    said_why(server::hello_reply(bytes.clone()));
    said_why(server::join_request(bytes));
}
