//! Where a scan goes on: its revision and the last key it gave.
//!
//! ```text
//! version u8 = 1, revision u64 BE, last key
//! ```

use bytes::Bytes;

use crate::base::types::Revision;
use crate::base::{Error, Result, limits};

const VERSION: u8 = 1;

/// Opaque to clients.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) revision: Revision,
    pub(super) after: Bytes,
}

impl Cursor {
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.revision.0.to_be_bytes());
        bytes.extend_from_slice(&self.after);
        bytes.into()
    }

    /// # Errors
    /// `Invalid` for anything that is not a cursor.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let invalid = || Error::invalid("that is not a cursor of a scan: start the scan again");
        let (version, rest) = bytes.split_first().ok_or_else(invalid)?;
        let (revision, after) = rest.split_first_chunk().ok_or_else(invalid)?;
        if *version != VERSION || after.is_empty() || after.len() > limits::KEY_BYTES_MAX {
            return Err(invalid());
        }
        let revision = Revision(u64::from_be_bytes(*revision));
        Ok(Self {
            revision,
            after: Bytes::copy_from_slice(after),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_wire() {
        let cursor = Cursor {
            revision: Revision(77),
            after: Bytes::from_static(b"k\xff"),
        };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
    }

    #[test]
    fn garbage_is_not_a_cursor() {
        let long = vec![1; 9 + limits::KEY_BYTES_MAX + 1];
        for bytes in [
            &b""[..],
            b"\x01",
            b"\x01\0\0\0\0\0\0\0\x01",
            b"\x02\0\0\0\0\0\0\0\x01k",
            &long,
        ] {
            assert!(Cursor::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
