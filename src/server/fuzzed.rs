//! Doors for fuzzing alone: requests before anybody carries them out.

use prost::Message;

use super::convert;
use crate::base::limits;
use crate::base::{Error, Result};
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
