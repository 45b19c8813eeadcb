//! What a row of `data` tells without its value: scans of keys look at many rows, and a value
//! may be long.

use bytes::Bytes;

use super::{CodecError, Result, decode_record};
use crate::kv::Record;

/// The tag of a record's value: its first field, left out once the value is gone.
const VALUE: u8 = 0x0a;

/// True if the value of a row's record is gone.
pub(in crate::machine) fn is_expired(row: &[u8]) -> bool {
    row.first() != Some(&VALUE)
}

/// Reads the value of a row of `data`, but for the record's own value: an empty one stands
/// for it.
pub(in crate::machine) fn decode_without_value(row: &[u8]) -> Result<Record> {
    if is_expired(row) {
        return decode_record(row);
    }
    let damaged = || CodecError::RowKey { table: "data" };
    let mut rest = &row[1..];
    let bytes = prost::encoding::decode_varint(&mut rest).map_err(|_| damaged())?;
    let bytes = usize::try_from(bytes).map_err(|_| damaged())?;
    let record = decode_record(rest.get(bytes..).ok_or_else(damaged)?)?;
    Ok(Record {
        value: Some(Bytes::new()),
        ..record
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::MachineTime;
    use crate::base::types::Revision;
    use crate::machine::codec::encode_record;

    fn row(value: Option<Vec<u8>>) -> (Bytes, Record) {
        encode_record(&Record {
            value: value.map(Bytes::from),
            create_revision: Revision(3),
            revision: Revision(1 << 40),
            version: 300,
            expire_at: None,
            delete_at: Some(MachineTime(77)),
        })
    }

    #[test]
    fn all_but_the_value_is_read() {
        for bytes in [0, 1, 127, 128, 70_000] {
            let (row, record) = row(Some(vec![0x0a; bytes]));
            assert!(!is_expired(&row));
            let skimmed = decode_without_value(&row).unwrap();
            let value = Some(Bytes::new());
            assert_eq!(skimmed, Record { value, ..record });
        }
        let (row, record) = row(None);
        assert!(is_expired(&row));
        assert_eq!(decode_without_value(&row).unwrap(), record);
    }

    #[test]
    fn what_is_cut_off_is_damaged() {
        let (row, _) = row(Some(vec![7; 300]));
        for bytes in 1..303 {
            assert!(decode_without_value(&row[..bytes]).is_err(), "{bytes}");
        }
    }
}
