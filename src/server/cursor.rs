//! Where a scan goes on: its revision, the last key it looked at, and which scan it was.
//!
//! ```text
//! version u8 = 2, origin u64 BE, revision u64 BE, last key
//! ```

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::base::types::Revision;
use crate::base::{Error, Result, limits};
use crate::machine::ScanQuery;

const VERSION: u8 = 2;

/// Which scan a cursor is of: bucket, range and direction. Another one's cursor would leave
/// out keys, or give them twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin(u64);

impl Origin {
    pub(super) fn of(query: &ScanQuery) -> Self {
        let mut hasher = Xxh3::new();
        let end = query.end.as_deref().unwrap_or_default();
        for part in [query.bucket.as_bytes(), &query.start, end] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(&[u8::from(query.reverse)]);
        Self(hasher.digest())
    }
}

/// Opaque to clients.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) origin: Origin,
    pub(super) revision: Revision,
    pub(super) after: Bytes,
}

impl Cursor {
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.origin.0.to_be_bytes());
        bytes.extend_from_slice(&self.revision.0.to_be_bytes());
        bytes.extend_from_slice(&self.after);
        bytes.into()
    }

    /// # Errors
    /// `Invalid` for anything that is not a cursor of this scan.
    pub(super) fn decode(bytes: &[u8], origin: Origin) -> Result<Self> {
        let invalid = || Error::invalid("that is not a cursor of a scan: start the scan again");
        let (version, rest) = bytes.split_first().ok_or_else(invalid)?;
        let (from, rest) = rest.split_first_chunk().ok_or_else(invalid)?;
        let (revision, after) = rest.split_first_chunk().ok_or_else(invalid)?;
        if *version != VERSION || after.is_empty() || after.len() > limits::KEY_BYTES_MAX {
            return Err(invalid());
        }
        if Origin(u64::from_be_bytes(*from)) != origin {
            return Err(Error::invalid(
                "the cursor is of a scan of another bucket, range or direction: go on with what \
                 that scan began with, or start again without a cursor",
            ));
        }
        Ok(Self {
            origin,
            revision: Revision(u64::from_be_bytes(*revision)),
            after: Bytes::copy_from_slice(after),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> ScanQuery {
        ScanQuery {
            bucket: "users".to_owned(),
            start: Bytes::from_static(b"a"),
            end: Some(Bytes::from_static(b"b")),
            after: None,
            reverse: false,
            limit: 10,
            bytes_max: 10,
            keys_max: 10,
            keys_only: false,
            count_only: false,
            include_expired: false,
            at: None,
        }
    }

    fn cursor(origin: Origin) -> Cursor {
        Cursor {
            origin,
            revision: Revision(77),
            after: Bytes::from_static(b"k\xff"),
        }
    }

    #[test]
    fn a_cursor_survives_the_wire() {
        let origin = Origin::of(&query());
        let cursor = cursor(origin);
        assert_eq!(Cursor::decode(&cursor.encode(), origin).unwrap(), cursor);
        let wider = Origin::of(&ScanQuery {
            limit: 99,
            count_only: true,
            ..query()
        });
        assert_eq!(wider, origin, "a page may be larger than the one before");
    }

    #[test]
    fn a_cursor_of_another_scan_is_refused() {
        let bytes = cursor(Origin::of(&query())).encode();
        let others = [
            ScanQuery {
                reverse: true,
                ..query()
            },
            ScanQuery {
                bucket: "user".to_owned(),
                start: Bytes::from_static(b"sa"),
                ..query()
            },
            ScanQuery {
                end: None,
                ..query()
            },
            ScanQuery {
                start: Bytes::new(),
                ..query()
            },
        ];
        for other in others {
            let error = Cursor::decode(&bytes, Origin::of(&other)).unwrap_err();
            assert!(error.message().contains("another"), "{error}");
        }
    }

    #[test]
    fn garbage_is_not_a_cursor() {
        let origin = Origin::of(&query());
        let valid = cursor(origin).encode();
        let mut old = valid.to_vec();
        old[0] = 1;
        let long = [&valid[..17], &vec![1; limits::KEY_BYTES_MAX + 1]].concat();
        for bytes in [&b""[..], b"\x02", &valid[..9], &valid[..17], &old, &long] {
            assert!(Cursor::decode(bytes, origin).is_err(), "{bytes:?}");
        }
    }
}
