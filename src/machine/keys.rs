//! The key layout: what the bytes of every row's key mean.
//!
//! | table | key |
//! | --- | --- |
//! | data | bucket length (1 byte), bucket, key |
//! | deadlines | due machine time in ms (8 bytes, big endian), domain (1 byte: 1 a key, 2 a lock), then the key of its row in `data` or `locks` |
//! | locks | name |
//! | sessions | client id (16 bytes) |
//! | buckets | name |
//! | meta | `state` |
//!
//! The bucket's length comes first, so that no bucket's keys lie between those of
//! another and every bucket is one range.

use bytes::{BufMut, Bytes, BytesMut};

use crate::base::limits::BUCKET_BYTES_MAX;
use crate::base::time::MachineTime;
use crate::base::types::prefix_end;
use crate::machine::codec::CodecError;

/// The key of the one row of `meta`.
pub(super) const STATE: &[u8] = b"state";

/// The row of `meta` that the sequencer keeps: see [`super::Machine::apply_marked`].
pub(super) const MARK: &[u8] = b"mark";

const DEADLINE_HEAD_BYTES: usize = 9;

/// Whose deadline a row of `deadlines` is. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Domain {
    Key = 1,
    Lock = 2,
}

/// The key of a record's row in `data`.
pub(super) fn data(bucket: &str, key: &[u8]) -> Bytes {
    let mut row = BytesMut::with_capacity(1 + bucket.len() + key.len());
    put_data(&mut row, bucket, key);
    row.freeze()
}

/// The same, behind what is in `row`.
pub(super) fn put_data(row: &mut BytesMut, bucket: &str, key: &[u8]) {
    put_bucket(row, bucket);
    row.put_slice(key);
}

/// The first key that is no longer in a bucket.
pub(super) fn bucket_end(bucket: &str) -> Bytes {
    let mut row = BytesMut::with_capacity(1 + bucket.len());
    put_bucket(&mut row, bucket);
    prefix_end(&row).expect("UTF-8 has no byte 255, and a length of 255 has a name behind it")
}

/// The bucket and the key of a row in `data`.
pub(super) fn split_data(row: &Bytes) -> Result<(&str, Bytes), CodecError> {
    let damaged = || CodecError::RowKey { table: "data" };
    let bucket_end = 1 + usize::from(*row.first().ok_or_else(damaged)?);
    let bucket = row.get(1..bucket_end).ok_or_else(damaged)?;
    let bucket = std::str::from_utf8(bucket).map_err(|_| damaged())?;
    Ok((bucket, row.slice(bucket_end..)))
}

/// The key of a deadline's row.
pub(super) fn deadline(due: MachineTime, domain: Domain, row: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(DEADLINE_HEAD_BYTES + row.len());
    key.put_u64(due.0);
    key.put_u8(domain as u8);
    key.put_slice(row);
    key.freeze()
}

/// The first key of `deadlines` that is not due at `now`; `None`: all are.
pub(super) fn deadlines_end(now: MachineTime) -> Option<Bytes> {
    let after = now.0.checked_add(1)?;
    Some(Bytes::copy_from_slice(&after.to_be_bytes()))
}

/// The due time, the domain and the row of a deadline.
pub(super) fn split_deadline(deadline: &Bytes) -> Result<(MachineTime, Domain, Bytes), CodecError> {
    let damaged = || CodecError::RowKey { table: "deadlines" };
    let (head, row) = deadline
        .split_at_checked(DEADLINE_HEAD_BYTES)
        .ok_or_else(damaged)?;
    let due = head.first_chunk().ok_or_else(damaged)?;
    let domain = match head[DEADLINE_HEAD_BYTES - 1] {
        1 => Domain::Key,
        2 => Domain::Lock,
        _ => return Err(damaged()),
    };
    let due = MachineTime(u64::from_be_bytes(*due));
    Ok((due, domain, deadline.slice_ref(row)))
}

fn put_bucket(row: &mut BytesMut, bucket: &str) {
    assert!(
        bucket.len() <= BUCKET_BYTES_MAX,
        "a bucket's name must be checked before it reaches the machine: {} bytes",
        bucket.len()
    );
    row.put_u8(u8::try_from(bucket.len()).expect("the length was just checked"));
    row.put_slice(bucket.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_what_is_stored_and_must_not_change() {
        assert_eq!(data("", b"k"), &b"\x00k"[..]);
        assert_eq!(data("users", b"k"), &b"\x05usersk"[..]);
        assert_eq!(
            deadline(MachineTime(258), Domain::Lock, b"job"),
            &b"\0\0\0\0\0\0\x01\x02\x02job"[..]
        );
        assert_eq!(bucket_end(""), &b"\x01"[..]);
        assert_eq!(bucket_end("ab"), &b"\x02ac"[..]);
        assert_eq!(prefix_end(b"a\xff\xff"), Some(Bytes::from_static(b"b")));
        assert_eq!(prefix_end(b"\xff"), None);
    }

    #[test]
    fn damaged_keys_are_errors() {
        for row in [&b""[..], b"\x05user", b"\x01\xff"] {
            assert!(split_data(&Bytes::copy_from_slice(row)).is_err(), "{row:?}");
        }
        for row in [
            &b""[..],
            b"\0\0\0\0\0\0\x01\x02",
            b"\0\0\0\0\0\0\0\x01\x03job",
        ] {
            assert!(
                split_deadline(&Bytes::copy_from_slice(row)).is_err(),
                "{row:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn data_keys_round_trip_and_stay_within_their_bucket(
            bucket in "[A-Za-z0-9._:-]{0,255}", key in prop::collection::vec(any::<u8>(), 0..64),
            other in "[A-Za-z0-9._:-]{0,3}", other_key in prop::collection::vec(any::<u8>(), 0..3),
        ) {
            let row = data(&bucket, &key);
            prop_assert_eq!(split_data(&row).unwrap(), (bucket.as_str(), Bytes::from(key)));
            prop_assert!(row < bucket_end(&bucket));
            let outside = data(&other, &other_key);
            if other != bucket {
                prop_assert!(outside < data(&bucket, b"") || outside >= bucket_end(&bucket));
            }
        }

        #[test]
        fn deadlines_round_trip_and_are_ordered_by_time(
            due: u64, other: u64, lock: bool, row in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let domain = if lock { Domain::Lock } else { Domain::Key };
            let key = deadline(MachineTime(due), domain, &row);
            prop_assert_eq!(
                split_deadline(&key).unwrap(),
                (MachineTime(due), domain, Bytes::from(row))
            );
            let is_due = deadlines_end(MachineTime(other)).is_none_or(|end| key < end);
            prop_assert_eq!(is_due, due <= other);
        }
    }
}
