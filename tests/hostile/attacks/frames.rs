//! Frames of HTTP/2 and fields of HPACK, as bytes: RFC 9113 and RFC 7541, with no rule kept.

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// Of `SETTINGS` and `PING`.
pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// Of `SETTINGS`.
pub(super) const INITIAL_WINDOW: u16 = 4;

/// The longest payload that everybody must take.
pub(super) const PAYLOAD_BYTES: usize = 16_384;

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut frame = Vec::with_capacity(9 + payload.len());
    frame.extend(&length[1..]);
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(super) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend(name.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &payload)
}

/// `HEADERS` with a whole block.
pub(super) fn headers(flags: u8, stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &block(fields))
}

pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        // A literal that nobody is to remember.
        literal(0, name.as_bytes(), value.as_bytes(), &mut block);
    }
    block
}

/// A field whose name and value are written out. `kind` is 0, or 0x40 for the dynamic table.
pub(super) fn literal(kind: u8, name: &[u8], value: &[u8], block: &mut Vec<u8>) {
    block.push(kind);
    for text in [name, value] {
        integer(text.len(), 7, block);
        block.extend(text);
    }
}

/// A number behind a prefix of so many bits, whose other bits are 0.
fn integer(number: usize, bits: u32, block: &mut Vec<u8>) {
    let most = (1 << bits) - 1;
    if number < most {
        return block.push(number as u8);
    }
    block.push(most as u8);
    let mut rest = number - most;
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}

/// The streams of a client, in order.
pub(super) fn stream(number: u32) -> u32 {
    2 * number + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_fields_are_those_of_the_rfcs() {
        let ping = frame(PING, ACK, 0, &[7; 8]);
        assert_eq!(ping, [&[0, 0, 8, 6, 1, 0, 0, 0, 0], &[7; 8][..]].concat());
        // RFC 7541, C.2.2 without the index, and C.1.2.
        assert_eq!(block(&[("a", "bc")]), b"\0\x01a\x02bc");
        let mut number = Vec::new();
        integer(1_337, 5, &mut number);
        assert_eq!(number, [31, 154, 10]);
    }
}
