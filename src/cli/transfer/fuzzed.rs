//! Doors for fuzzing alone: records in files.

use std::io::Cursor;

use bytes::Bytes;

use super::csv::{Header, next_row};
use super::item::Rules;
use super::jsonl;
use super::lines::Lines;

fn rules() -> Rules {
    Rules {
        prefix: Bytes::new(),
        value_bytes_max: 4_096,
    }
}

/// Reads a file of comma separated values to its end: rows that are records, and those that are
/// not.
pub fn csv(file: &[u8]) -> (usize, usize) {
    let input = Box::new(Cursor::new(file.to_vec()));
    let mut lines = Lines::new(input, 8_192);
    let (mut header, mut records, mut refused) = (None, 0, 0);
    while let Some(row) = next_row(&mut lines).expect("memory can be read") {
        let read = row.map_err(|(_, why)| why);
        let read = read.and_then(|row| match &header {
            None => Header::of(&row).map(|first| header = Some(first)),
            Some(header) => row.into_item(header, &rules()).map(|_| records += 1),
        });
        refused += usize::from(read.is_err());
    }
    (records, refused)
}

/// Reads a line of JSON; whether it is a record.
///
/// # Panics
/// If the record is another after it was written and read again.
pub fn json_line(line: &[u8]) -> bool {
    let Ok(item) = jsonl::decode(line, &rules()) else {
        return false;
    };
    let mut written = Vec::new();
    jsonl::encode(&item, &mut written);
    let again = jsonl::decode(written.trim_ascii_end(), &rules());
    assert_eq!(again, Ok(item));
    true
}
