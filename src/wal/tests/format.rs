//! The layout: what was written reads back, and nothing else does.

use proptest::prelude::*;

use super::super::format::*;
use super::super::scan::{Batches, records_in};
use super::*;

fn any_record() -> impl Strategy<Value = Record> {
    let kinds = [
        RecordKind::Entry,
        RecordKind::State,
        RecordKind::Truncate,
        RecordKind::Purge,
    ];
    let payload = prop::collection::vec(any::<u8>(), 0..200);
    (any::<u32>(), 0..kinds.len(), any::<u64>(), payload)
        .prop_map(move |(group, kind, index, payload)| record(group, kinds[kind], index, payload))
}

fn any_header() -> impl Strategy<Value = SegmentHeader> {
    let numbers = (any::<u64>(), any::<u64>(), 1..u64::MAX / 2);
    (any::<[u8; 16]>(), numbers).prop_map(|(node, (epoch, salt, first_batch))| SegmentHeader {
        node: NodeId(node),
        epoch,
        salt,
        first_batch,
        synced_through: first_batch - 1,
    })
}

fn segment(header: &SegmentHeader, batches: &[Vec<Record>]) -> Vec<u8> {
    let mut segment = header.encode();
    let mut buffer = Vec::new();
    for (number, records) in (header.first_batch..).zip(batches) {
        begin_batch(&mut buffer);
        records.iter().for_each(|record| record.encode(&mut buffer));
        end_batch(&mut buffer, header, number, number - 1);
        let payload_bytes: u64 = records.iter().map(Record::encoded_bytes).sum();
        assert_eq!(buffer.len() as u64, batch_bytes(payload_bytes));
        segment.extend_from_slice(&buffer);
    }
    segment
}

proptest! {
    #[test]
    fn batches_read_back(
        header in any_header(),
        batches in prop::collection::vec(prop::collection::vec(any_record(), 0..5), 0..5),
    ) {
        let segment = segment(&header, &batches);
        prop_assert_eq!(SegmentHeader::decode(&segment), Ok(header));
        let mut reader = Batches::new(&segment, header);
        let found: Vec<Vec<Record>> = reader
            .by_ref()
            .map(|batch| batch.records().map(|found| found.unwrap().1).collect())
            .collect();
        prop_assert_eq!(&found, &batches);
        prop_assert_eq!(reader.offset, segment.len());
        // Under another salt or epoch nothing of it is a batch.
        let salt = header.salt.wrapping_add(1);
        prop_assert_eq!(Batches::new(&segment, SegmentHeader { salt, ..header }).count(), 0);
        let epoch = header.epoch.wrapping_add(1);
        prop_assert_eq!(Batches::new(&segment, SegmentHeader { epoch, ..header }).count(), 0);
    }

    #[test]
    fn no_flip_changes_what_is_read(
        header in any_header(),
        batches in prop::collection::vec(prop::collection::vec(any_record(), 1..4), 1..4),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut segment = segment(&header, &batches);
        let at = at.index(segment.len());
        segment[at] ^= 1_u8 << bit;
        if at < SEGMENT_HEADER_BYTES {
            prop_assert!(SegmentHeader::decode(&segment).is_err());
        } else {
            let found: Vec<Vec<Record>> = Batches::new(&segment, header)
                .map(|batch| batch.records().map(|found| found.unwrap().1).collect())
                .collect();
            prop_assert_eq!(&found, &batches[..found.len()]);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        records_in(&bytes).for_each(drop);
        prop_assert!(BatchHeader::decode(&bytes, 1).is_none());
        prop_assert!(SegmentHeader::decode(&bytes).is_err());
    }
}
