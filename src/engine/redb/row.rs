//! A row's value as it is stored, with a checksum of its own: redb verifies its pages
//! after a crash only, and a disk may forget later.
//!
//! ```text
//! [crc32c of table, key, value: u32 LE][value]
//! ```
//!
//! No stored value is empty, so that an empty one can stand for a deleted row.

use crate::engine::Table;

const CHECKSUM_BYTES: usize = 4;

/// What a stored form has beside the value, bytes.
pub(super) const STORED_BYTES_MIN: usize = CHECKSUM_BYTES;

/// Stands for a deleted row in a layer.
pub(super) const DELETED: &[u8] = &[];

/// Writes the stored form of a value over `stored`.
pub(super) fn encode(table: Table, key: &[u8], value: &[u8], stored: &mut Vec<u8>) {
    stored.clear();
    stored.extend_from_slice(&checksum(table, key, value).to_le_bytes());
    stored.extend_from_slice(value);
}

/// The value in a stored form that nobody can have damaged.
pub(super) fn value_of(stored: &[u8]) -> &[u8] {
    &stored[CHECKSUM_BYTES..]
}

/// The value in a stored form from a disk; `None` if it is not what was written.
pub(super) fn decode<'a>(table: Table, key: &[u8], stored: &'a [u8]) -> Option<&'a [u8]> {
    let (sum, value) = stored.split_first_chunk::<CHECKSUM_BYTES>()?;
    (u32::from_le_bytes(*sum) == checksum(table, key, value)).then_some(value)
}

fn checksum(table: Table, key: &[u8], value: &[u8]) -> u32 {
    let sum = crc32c::crc32c(&[table as u8]);
    crc32c::crc32c_append(crc32c::crc32c_append(sum, key), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_every_flipped_bit_is_seen() {
        for value in [&b""[..], b"v", &[7; 300]] {
            let mut stored = b"what was there before".to_vec();
            encode(Table::Data, b"key", value, &mut stored);
            assert_ne!(stored, DELETED);
            assert_eq!(value_of(&stored), value);
            assert_eq!(decode(Table::Data, b"key", &stored), Some(value));
            assert_eq!(decode(Table::Locks, b"key", &stored), None);
            assert_eq!(decode(Table::Data, b"kez", &stored), None);
            for bit in 0..stored.len() * 8 {
                stored[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decode(Table::Data, b"key", &stored), None);
                stored[bit / 8] ^= 1 << (bit % 8);
            }
        }
        assert_eq!(decode(Table::Data, b"key", b"abc"), None);
    }
}
