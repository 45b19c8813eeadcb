//! Doors for fuzzing alone: rows as they come from a disk or another member.

use std::fmt::Debug;

use bytes::Bytes;

use super::codec::{
    CodecError, decode_bucket, decode_client, decode_lock, decode_record, decode_session,
    decode_state, decode_without_value, encode_bucket, encode_lock, encode_record, encode_session,
    encode_state, is_expired,
};
use super::keys;

/// Reads `bytes` as the value of a row of the table with this number. What can be read is the
/// same after it was written and read again.
///
/// # Errors
/// Why it cannot be read.
///
/// # Panics
/// If it is another then.
pub fn value(table: u8, bytes: Bytes) -> Result<(), CodecError> {
    match table % 5 {
        0 => {
            let record = decode_record(bytes.clone())?;
            let (row, same) = encode_record(&record);
            assert_eq!((&same, &decode_record(row)?), (&record, &record));
            // Of what was written: other bytes may mean the same to the one and not the other.
            let (row, _) = encode_record(&record);
            assert_eq!(is_expired(&row), record.value.is_none());
            assert_eq!(decode_without_value(&row)?.revision, record.revision);
            decode_without_value(&bytes).map(drop)
        }
        1 => again(bytes, decode_lock, encode_lock),
        2 => again(bytes, decode_session, encode_session),
        3 => again(bytes, decode_bucket, encode_bucket),
        _ => again(bytes, decode_state, encode_state),
    }
}

fn again<T: PartialEq + Debug>(
    bytes: Bytes,
    decode: fn(Bytes) -> Result<T, CodecError>,
    encode: fn(&T) -> Bytes,
) -> Result<(), CodecError> {
    let value = decode(bytes)?;
    assert_eq!(decode(encode(&value))?, value);
    Ok(())
}

/// Reads `bytes` as the key of a row of any table.
///
/// # Panics
/// If it is not the same when it was put together again.
pub fn key(bytes: &Bytes) {
    if let Ok((bucket, key)) = keys::split_data(bytes) {
        assert_eq!(keys::data(bucket, &key), *bytes);
    }
    if let Ok((due, domain, row)) = keys::split_deadline(bytes) {
        assert_eq!(keys::deadline(due, domain, &row), *bytes);
    }
    // Whether it is a client's does not matter.
    let _ = decode_client(bytes);
}
