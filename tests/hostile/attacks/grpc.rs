//! Calls of gRPC, as frames.

use prost::Message;

use super::frames::{self, DATA, PAYLOAD_BYTES};

/// The head of a call, with more fields.
pub(super) fn call(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.extend(more);
    frames::headers(0, stream, &fields)
}

/// A message behind its length.
pub(super) fn framed(is_packed: bool, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![u8::from(is_packed)];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    framed
}

/// Messages as frames of data; the last one has these flags.
pub(super) fn data(stream: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::with_capacity(bytes.len() + 64);
    let mut pieces = bytes.chunks(PAYLOAD_BYTES).peekable();
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_some() { 0 } else { flags };
        frames.extend(frames::frame(DATA, flags, stream, piece));
    }
    frames
}

/// A call with one message.
pub(super) fn asked(stream: u32, path: &str, message: &impl Message, flags: u8) -> Vec<u8> {
    let mut frames = call(stream, path, &[]);
    let message = framed(false, &message.encode_to_vec());
    frames.extend(data(stream, flags, &message));
    frames
}
