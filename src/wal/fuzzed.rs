//! Doors for fuzzing alone: bytes that claim to be a part of a log.

use super::format::{SEGMENT_HEADER_BYTES, SegmentHeader, begin_batch, end_batch};
use super::record::Record;
use super::scan::{Batches, records_in};
use crate::base::types::NodeId;

/// The records of a batch's payload, up to the first that is wrong, and how many bytes they are.
pub fn records(payload: &[u8]) -> (Vec<Record>, usize) {
    let sound = records_in(payload).map_while(Result::ok);
    let records: Vec<Record> = sound.map(|(_, record)| record).collect();
    let bytes: u64 = records.iter().map(Record::encoded_bytes).sum();
    (records, usize::try_from(bytes).expect("they lie in it"))
}

/// Records as they lie in a batch.
pub fn payload(records: &[Record]) -> Vec<u8> {
    let mut payload = Vec::new();
    records
        .iter()
        .for_each(|record| record.encode(&mut payload));
    payload
}

/// A segment of that node with a batch of each payload, each of which says how far the log was
/// durable, of this length at least.
pub fn segment(node: NodeId, payloads: &[(Vec<u8>, u64)], bytes_min: usize) -> Vec<u8> {
    let header = SegmentHeader {
        node,
        epoch: 1,
        salt: 0x5a17,
        first_batch: 1,
        synced_through: 0,
    };
    let mut segment = header.encode();
    for (number, (payload, synced)) in (1..).zip(payloads) {
        let mut batch = Vec::new();
        begin_batch(&mut batch);
        batch.extend_from_slice(payload);
        end_batch(&mut batch, &header, number, *synced);
        segment.extend_from_slice(&batch);
    }
    segment.resize(segment.len().max(bytes_min), 0);
    segment
}

/// Walks the batches of a segment, whoever it is of: how many are sound, and what the others
/// prove to have been durable. `None` without a header.
pub fn walk(segment: &[u8]) -> Option<(usize, u64)> {
    let header = SegmentHeader::decode(segment.get(..SEGMENT_HEADER_BYTES)?).ok()?;
    let mut batches = Batches::new(segment, header);
    let sound = batches.by_ref().count();
    let wrong = batches.what_is_wrong();
    assert!(!wrong.is_empty(), "the end of the batches has a reason");
    Some((sound, batches.proof_ahead()))
}
