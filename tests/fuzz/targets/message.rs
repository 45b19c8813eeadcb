//! Messages of protobuf by hand: those of nodes and of the disk are the product's own.

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// One field of a message.
pub(crate) fn field(number: u32, wire: Wire<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let tag = u64::from(number) << 3;
    match wire {
        Wire::Number(value) => {
            varint(tag, &mut bytes);
            varint(value, &mut bytes);
        }
        Wire::Bytes(content) => {
            varint(tag | 2, &mut bytes);
            varint(content.len() as u64, &mut bytes);
            bytes.extend_from_slice(content);
        }
    }
    bytes
}

fn varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// `bytes` as pieces, each behind its length, 2 bytes; the last one may be shorter than that.
pub(crate) fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (piece, behind) = behind.split_at(length);
        rest = behind;
        Some(piece)
    })
}

/// Behind its length, as [`pieces`] takes it off.
#[allow(dead_code, reason = "only one of the two drivers makes a corpus")]
pub(crate) fn as_piece(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("what is made for a corpus is small");
    [&length.to_le_bytes(), bytes].concat()
}
