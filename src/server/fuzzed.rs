//! Doors for fuzzing alone: requests before anybody carries them out, what nodes say to each other
//! before they are known, and what a data directory says of itself.

use std::path::Path;

use bytes::Bytes;
use prost::Message;

pub use super::cluster::fuzzed::{
    a_token, enroll_reply, enroll_request, enrolled, hello_reply, join_request, token,
};
use super::convert;
use super::cursor::{Cursor, Origin};
use super::manifest;
pub use super::peer::fuzzed::{hello, link};
pub use super::rest::fuzzed::{mark, percent};
pub use super::session::fuzzed::Sessions;
use crate::base::limits;
use crate::base::types::Revision;
use crate::base::{Error, Result};
use crate::machine::ScanQuery;
use crate::proto::v1;

/// Reads a frame of a session and checks what it asks, as of a single call.
///
/// # Errors
/// Why it is refused.
pub fn request(bytes: &[u8]) -> Result<()> {
    let frame = v1::RequestFrame::decode(bytes).map_err(|it| Error::invalid(it.to_string()))?;
    let asked = frame.request;
    let asked = asked.ok_or_else(|| Error::invalid("nothing is asked"))?;
    convert::call(asked, limits::VALUE_BYTES_MAX).map(drop)
}

/// Reads a request for a watch.
///
/// # Errors
/// Why it is refused.
pub fn watch(bytes: &[u8]) -> Result<()> {
    let create = v1::WatchCreate::decode(bytes).map_err(|it| Error::invalid(it.to_string()))?;
    convert::watch(create).map(drop)
}

/// Reads the manifest of a data directory.
///
/// # Errors
/// Why it is refused.
///
/// # Panics
/// If it is another when it was written again.
pub fn manifest(bytes: &[u8]) -> Result<()> {
    let path = Path::new("manifest");
    let read = manifest::decode(path, bytes)?;
    assert_eq!(manifest::decode(path, &read.encode())?, read);
    Ok(())
}

/// Where a scan of everything goes on behind this key.
pub fn cursor_behind(key: &[u8]) -> Bytes {
    let cursor = Cursor {
        origin: everything(),
        revision: Revision(7),
        after: Bytes::copy_from_slice(key),
    };
    cursor.encode()
}

/// Reads the cursor of a scan of everything.
///
/// # Errors
/// Why it is refused.
///
/// # Panics
/// If it is another when it was written again.
pub fn cursor(bytes: &[u8]) -> Result<()> {
    let cursor = Cursor::decode(bytes, everything())?;
    assert_eq!(cursor.encode(), bytes);
    Ok(())
}

fn everything() -> Origin {
    Origin::of(&ScanQuery {
        bucket: String::new(),
        start: Bytes::new(),
        end: None,
        after: None,
        reverse: false,
        limit: 10,
        bytes_max: 10,
        keys_max: 10,
        keys_only: false,
        count_only: false,
        include_expired: false,
        at: None,
    })
}
